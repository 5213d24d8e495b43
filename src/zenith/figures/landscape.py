"""The objective over thresholds: the path of a climb, and what one threshold is worth."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke
from numpy.typing import ArrayLike, NDArray

from zenith.figures import style

Array = NDArray[np.float64]
_OUTLINE = [Stroke(linewidth=5.5, foreground="black"), Normal()]


@style.styled
def landscape(
    x: Array,
    y: Array,
    values: ArrayLike,
    path: tuple[ArrayLike, ArrayLike],
    kept: int,
    *,
    search: tuple[float, float] | None = None,
    labels: tuple[str, str],
    label: str,
    banner: style.Banner | None = None,
) -> Figure:
    """The path of a climb in the plane of two thresholds, over the hard objective.

    Parameters
    ----------
    x, y, values
        The grid, (columns,) and (rows,), and the objective on it, (rows, columns); NaN stays grey.
    path
        Both thresholds at every step.
    kept
        The number of the step that is kept.
    search
        Where a search without gradients ended.
    """
    width, height = 11.5, 10.6
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((1.45 / width, 1.75 / height, 7.75 / width, 8.1 / height))
    side = figure.add_axes((9.4 / width, 1.75 / height, 0.4 / width, 8.1 / height))
    axes.set_facecolor(style.GREY)
    mesh = axes.pcolormesh(
        x, y, np.ma.masked_invalid(values), shading="nearest", cmap="viridis", rasterized=True
    )
    bar = figure.colorbar(mesh, cax=side)
    bar.set_label(label)
    entries: dict[str, Any] = {}
    along_x, along_y = (np.asarray(values, float) for values in path)
    entries["Path"] = axes.plot(
        along_x, along_y, color="white", lw=3, zorder=4, path_effects=_OUTLINE
    )[0]
    marks = {"Start": (along_x[0], along_y[0], "o", "white", 15)}
    if search is not None:
        marks["TPE search"] = (*search, "s", style.ORANGE, 14)
    marks["Kept"] = (along_x[kept], along_y[kept], "*", style.RED, 26)
    for name, (mark_x, mark_y, marker, colour, size) in marks.items():
        (entries[name],) = axes.plot(
            [mark_x], [mark_y], marker, color=colour, ms=size, mec="black", mew=1.5, zorder=5
        )
        entries[name].set_clip_on(False)
    axes.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]), xlabel=labels[0], ylabel=labels[1])
    axes.tick_params(which="both", color="white")
    figure.legend(
        list(entries.values()),
        list(entries),
        loc="lower center",
        ncols=len(entries),
        bbox_to_anchor=((1.45 + 7.75 / 2) / width, 0.1 / height),
        borderaxespad=0.0,
    )
    if banner:
        banner.draw(axes)
    return figure


@style.styled
def scan(
    thresholds: Array,
    curves: Mapping[str, Array],
    kept: float,
    *,
    label: str,
    title: str = "",
    banner: style.Banner | None = None,
) -> Figure:
    """Significances over a threshold, (points,) each by name, NaN where there is none."""
    figure, axes = style.single()
    for (name, values), colour in zip(curves.items(), (style.RED, style.BLUE), strict=False):
        axes.plot(thresholds, values, color=colour, lw=3, label=name)
    highest = max(float(np.nanmax(values, initial=0.0)) for values in curves.values())
    axes.vlines(kept, 0.0, highest, color="black", ls="--", lw=2, label=f"Kept: {kept:.3g}")
    style.make_room(axes, highest, 0.0, len(curves) + 2.3, log=False)
    axes.set(xlim=(thresholds[0], thresholds[-1]), xlabel=label)
    axes.set_ylabel("Expected significance [σ]")
    style.finish(axes, "upper left", title, banner)
    return figure
