"""What the climb did: its steps, and its path over the landscape."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from zenith.figures import style

Array = NDArray[np.float64]
_OUTLINE = [Stroke(linewidth=5.5, foreground="black"), Normal()]


@dataclass(frozen=True)
class Course:
    """One climb, an entry per step from 0, its start: (steps,) each.

    `soft` is the objective on the folds that are climbed, `hard` that of hard cuts on the fold for
    validation (NaN where a step was not validated), `rejected` where the fit did not converge;
    `kept` is the number of the step that is kept.
    """

    soft: Array
    hard: Array
    rejected: Array
    thresholds: Mapping[str, Array]
    kept: int = 0


@dataclass(frozen=True)
class Threshold:
    """A tunable threshold as it is drawn: what is cut on, its unit and its bounds."""

    name: str
    label: str
    unit: str
    bounds: tuple[float, float]


def _mean(paths: Sequence[Array]) -> Array:
    """The mean of several paths, (steps,); one that stopped early stays where it was."""
    longest = max(len(path) for path in paths)
    filled = [np.append(path, np.full(longest - len(path), path[-1])) for path in paths]
    known = np.isfinite(filled)
    count = known.sum(axis=0)
    total = np.where(known, filled, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


@style.styled
def objective(
    climbs: Sequence[Course], *, label: str, banner: style.Banner | None = None
) -> Figure:
    """Soft objective and hard validation against step: of each fold in light, their mean in bold.

    Stars are the steps that are kept.
    """
    figure, axes = style.single()
    drawn = []
    curves = {
        "Soft cuts, climbed folds": ([climb.soft for climb in climbs], style.BLUE),
        "Hard cuts, validation fold": ([climb.hard for climb in climbs], style.RED),
    }
    for name, (found, colour) in curves.items():
        paths = [np.asarray(path, float) for path in found]
        light: dict[str, Any] = {"lw": 1.0, "alpha": 0.45, "zorder": 2}
        bold: dict[str, Any] = {"lw": 3.0, "label": name, "zorder": 3}
        for values, look in (*((path, light) for path in paths), (_mean(paths), bold)):
            (known,) = np.nonzero(np.isfinite(values))
            axes.plot(known, values[known], color=colour, **look)
            drawn.append(values[known])
    values = np.concatenate(drawn)
    low, high = values.min(initial=np.inf), values.max(initial=-np.inf)
    span = (high - low) or 0.02 * abs(high) or 1.0
    entries = axes.get_legend_handles_labels()
    if len(climbs) > 1:
        entries[0].append(Line2D([], [], color=style.GREY, lw=1.0))
        entries[1].append(f"Each of {len(climbs)} folds")
    best = [float(np.asarray(climb.hard, float)[climb.kept]) for climb in climbs]
    (star,) = axes.plot([c.kept for c in climbs], best, "*", color="black", ms=16, zorder=5)
    entries[0].append(star)
    entries[1].append(f"Kept: {_kept(climbs)}")
    steps = sorted({k for climb in climbs for k in np.flatnonzero(climb.rejected)})
    if steps:
        height = np.full(len(steps), low - 0.05 * span)
        (crosses,) = axes.plot(steps, height, "x", color=style.ORANGE, ms=11, mew=3, zorder=4)
        entries[0].append(crosses)
        entries[1].append("Fit did not converge")
    # Room for the legend above the highest point.
    axes.set_ylim(low - 0.1 * span, high + (0.12 + 0.075 * len(entries[0])) * span)
    axes.set(xlim=(-0.5, _longest(climbs) - 0.5), xlabel="Step", ylabel=label)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.legend(*entries, loc="upper left")
    if banner:
        banner.draw(axes)
    return figure


def _longest(climbs: Sequence[Course]) -> int:
    return max(len(climb.soft) for climb in climbs)


def _kept(climbs: Sequence[Course]) -> str:
    """Which steps are kept: `step 12`, or `steps 8 to 31`."""
    first, last = min(c.kept for c in climbs), max(c.kept for c in climbs)
    return f"step {first}" if first == last else f"steps {first} to {last}"


@style.styled
def thresholds(
    climbs: Sequence[Course], shown: Sequence[Threshold], *, banner: style.Banner | None = None
) -> Figure:
    """Every threshold against step in a panel of its own; what lies outside its bounds is grey.

    Light lines are the folds, with stars where their climbs are kept; the mean is in bold.
    """
    columns = 1 if len(shown) == 1 else 2 if len(shown) <= 4 else 3
    rows = -(-len(shown) // columns)
    width, height = 0.5 + 6.4 * columns, 0.6 + 5.0 * rows
    figure = Figure(figsize=(width, height))
    for i, threshold in enumerate(shown):
        left, bottom = 1.5 + 6.4 * (i % columns), height - 0.8 - 5.0 * (i // columns) - 3.6
        axes = figure.add_axes((left / width, bottom / height, 4.75 / width, 3.6 / height))
        low, high = threshold.bounds
        margin = 0.1 * (high - low)
        for outside in ((low - margin, low), (high, high + margin)):
            axes.axhspan(*outside, color=style.GREY, alpha=0.3, lw=0)
        paths = [np.asarray(climb.thresholds[threshold.name], float) for climb in climbs]
        kept = np.array([path[climb.kept] for path, climb in zip(paths, climbs, strict=True)])
        for path in paths:
            axes.plot(path, color=style.BLUE, lw=1.0, alpha=0.45)
        mean = _mean(paths)
        axes.plot(mean, color=style.BLUE, lw=3.0, zorder=3)
        axes.plot([climb.kept for climb in climbs], kept, "*", color="black", ms=14, zorder=4)
        change = f"{mean[0]:.3g} → {kept.mean():.3g} {threshold.unit}".rstrip()
        if banner and i == 0:
            style.Banner(banner.experiment, banner.status).draw(axes)
        if banner and i == columns - 1:
            style.Banner("", "", banner.luminosity, banner.energy).draw(axes)
        _note(axes, change, mean[: len(mean) // 2].mean() < (low + high) / 2)
        axes.set(xlim=(-0.5, _longest(climbs) - 0.5), ylim=(low - margin, high + margin))
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.set_xlabel("Step", fontsize=20)
        axes.set_ylabel(style.x_label(threshold.label, threshold.unit), fontsize=20)
    return figure


@style.styled
def edges(
    paths: Sequence[Array],
    ends: tuple[float, float],
    kept: Sequence[int],
    *,
    label: str,
    unit: str = "",
    text: Sequence[str] = (),
    banner: style.Banner | None = None,
) -> Figure:
    """The inner edges of a region against step, (steps, bins - 1) of each fold.

    Between the `ends` of its axis; stars are at the steps that are `kept`. Bins of the mean are
    shaded in turn, so that one sees them become wide and narrow.
    """
    figure, axes = style.single()
    low, high = ends
    mean = np.stack([_mean([path[:, k] for path in paths]) for k in range(paths[0].shape[1])])
    steps = np.arange(mean.shape[1])
    bounds = [np.full(len(steps), low), *mean, np.full(len(steps), high)]
    for number, (below, above) in enumerate(pairwise(bounds)):
        shade = 0.3 if number % 2 else 0.08
        axes.fill_between(steps, below, above, color=style.BLUE, alpha=shade, lw=0, step="mid")
    axes.plot(steps, mean.T, color=style.BLUE, lw=2.5, drawstyle="steps-mid")
    for path, step in zip(paths, kept, strict=True):
        axes.plot(path, color=style.BLUE, lw=0.8, alpha=0.45, drawstyle="steps-mid")
        axes.plot([step] * path.shape[1], path[step], "*", color="black", ms=11, zorder=5)
    # the legend and the text have the room above the axis
    axes.set(
        xlim=(-0.5, len(steps) - 0.5),
        ylim=(low, high + (0.1 + 0.08 * len(text)) * (high - low)),
        xlabel="Step",
        ylabel=f"Edges of {style.x_label(label, unit)}",
    )
    axes.axhline(high, color="black", lw=1.0)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    style.add_text(axes, text)
    if banner:
        banner.draw(axes)
    return figure


def _note(axes: Axes, text: str, top: bool) -> None:
    """Text in the corner that the line leaves free."""
    axes.annotate(
        text,
        (0.97, 0.87 if top else 0.13),
        xycoords="axes fraction",
        ha="right",
        va="center",
        fontsize=18,
        bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1.5},
        zorder=6,
    )


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
