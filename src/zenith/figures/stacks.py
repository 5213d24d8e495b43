"""Stacked predictions and data, with their ratio."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mplhep
import numpy as np
from hist.intervals import poisson_interval
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import ArrayLike, NDArray

from zenith.figures import style

Array = NDArray[np.float64]
Templates = Mapping[str, Mapping[str, Any]]  # process → variation → hist.Hist


@dataclass(frozen=True)
class Layer:
    """One entry of a stack, or one line over it: expected events by bin."""

    label: str
    colour: str
    values: ArrayLike


def shifts(templates: Templates, processes: Iterable[str]) -> dict[str, tuple[Array, Array]]:
    """Change of the sum of `processes`, under each nuisance up and down; shape (bins,).

    Variations are called `{nuisance}_up` and `{nuisance}_down`. A process without a variation
    keeps its nominal template; a nuisance with one side is mirrored about the nominal.
    """
    changes: dict[str, dict[str, Array]] = {}
    for process in processes:
        nominal = templates[process]["nominal"].values()
        for variation, histogram in templates[process].items():
            nuisance, _, side = variation.rpartition("_")
            if variation == "nominal" or side not in ("up", "down"):
                continue
            sides = changes.setdefault(nuisance, {})
            sides[side] = sides.get(side, 0.0) + histogram.values() - nominal
    return {
        nuisance: (
            sides["up"] if "up" in sides else -sides["down"],
            sides["down"] if "down" in sides else -sides["up"],
        )
        for nuisance, sides in changes.items()
    }


def quadrature(variances: ArrayLike, changes: Iterable[tuple[ArrayLike, ArrayLike]]) -> Array:
    """Uncertainty below and above, shape (2, bins): statistics and nuisances in quadrature.

    Of each nuisance the larger change to either side counts; one that goes to the same side both
    ways counts on that side only.
    """
    squares = np.stack([np.asarray(variances, float)] * 2)
    for up, down in changes:
        both = np.stack([np.asarray(up, float), np.asarray(down, float)])
        squares += np.stack([np.minimum(both.min(0), 0.0), np.maximum(both.max(0), 0.0)]) ** 2
    return np.asarray(np.sqrt(squares))


def divide(numerator: ArrayLike, denominator: ArrayLike) -> Array:
    """The ratio, NaN where the denominator is not positive."""
    top, bottom = np.broadcast_arrays(np.asarray(numerator, float), np.asarray(denominator, float))
    ratio = np.full(top.shape, np.nan)
    np.divide(top, bottom, out=ratio, where=bottom > 0.0)
    return ratio


@style.styled
def stack(
    edges: ArrayLike,
    layers: Sequence[Layer],
    error: ArrayLike,
    *,
    data: ArrayLike | None = None,
    data_label: str = "Data",
    lines: Sequence[Layer] = (),
    label: str,
    unit: str = "",
    log: bool = False,
    text: Sequence[str] = (),
    banner: style.Banner | None = None,
) -> Figure:
    """Layers on each other with their uncertainty, lines and data over them, and data / stack.

    Parameters
    ----------
    edges
        Bin edges in `unit`, shape (bins + 1,).
    layers
        Expected events, shape (bins,) each, from the bottom of the stack to its top.
    error
        Uncertainty of their sum, shape (bins,), or (2, bins) below and above.
    data
        Observed events, shape (bins,); their bars are the central 68 % Poisson intervals
        (Garwood). None hides them, and the lower panel shows the uncertainty alone.
    lines
        Drawn over the stack, for example a signal; not part of the sum.
    """
    edges = np.asarray(edges, float)
    total = np.sum([np.asarray(layer.values, float) for layer in layers], axis=0)
    total = np.broadcast_to(total, edges[:-1].shape)
    error = np.broadcast_to(np.asarray(error, float), (2, len(total)))
    figure, (main, ratio) = style.panels()
    for layer, below in zip(reversed(layers), _sums(layers, total), strict=True):
        main.stairs(
            below + np.asarray(layer.values, float),
            edges,
            baseline=below,
            fill=True,
            facecolor=layer.colour,
            label=layer.label,
            zorder=1,
        )
    main.stairs(total, edges, color="black", lw=1.0, zorder=2)
    _band(main, edges, total - error[0], total + error[1])
    for line in lines:
        main.stairs(line.values, edges, color=line.colour, lw=3, zorder=4, label=line.label)
    highest = [total + error[1], *(np.asarray(line.values, float) for line in lines)]
    if data is not None:
        data = np.asarray(data, float)
        interval = poisson_interval(data, data)
        highest.append(interval[1])
        _points(main, edges, data, np.abs(interval - data), data_label)
        bars = divide(np.abs(interval - data), total)
        _ratio_points(ratio, edges, divide(data, total), bars)
    else:
        widest = np.nan_to_num(divide(error, total)).max(initial=0.05)
        ratio.set_ylim(1.0 - min(1.2 * widest, 0.999), 1.0 + min(1.2 * widest, 1.0))
    ratio.axhline(1.0, color="black", lw=1.0, ls="--")
    relative = divide(error, total)
    _band(ratio, edges, 1.0 - relative[0], 1.0 + relative[1])

    entries = _legend(layers, lines, data is not None, data_label)
    columns = 2 if max(map(len, entries)) > 22 or len(entries) < 5 else 3
    rows = -(-len(entries) // columns) + len(text)
    top = float(np.nanmax(np.concatenate(highest)))
    style.make_room(main, top, _lowest(total, lines, top), rows, log)
    style.add_text(main, text)
    style.add_legend(main, entries, columns, len(text))
    main.set(xlim=(edges[0], edges[-1]), ylabel=style.event_label(edges, unit))
    ratio.set(
        xlabel=style.x_label(label, unit), ylabel="Data / pred." if data is not None else "Relative"
    )
    if banner:
        banner.draw(main, offset=not log and main.get_ylim()[1] >= 1e4)
    return figure


def _lowest(total: Array, lines: Sequence[Layer], highest: float) -> float:
    """What a logarithmic axis has to show: the smallest bin, and the peak of every line."""
    peaks = [0.1 * np.max(line.values, initial=0.0) for line in lines]
    smallest = min([np.inf, *total[total > 0.0], *(peak for peak in peaks if peak > 0.0)])
    return float(max(smallest, 1e-5 * highest))


def _sums(layers: Sequence[Layer], total: Array) -> list[Array]:
    """The sum of the layers below each, from the top of the stack to its bottom."""
    heights = np.cumsum([np.zeros_like(total), *(np.asarray(x.values, float) for x in layers)], 0)
    return list(heights[:-1][::-1])


def _band(axes: Axes, edges: Array, low: Array, high: Array) -> None:
    axes.stairs(
        np.nan_to_num(high, nan=1.0),
        edges,
        baseline=np.nan_to_num(low, nan=1.0),
        fill=True,
        hatch="////",
        facecolor="none",
        edgecolor="#333333",
        lw=0.0,
        zorder=3,
    )


def _points(axes: Axes, edges: Array, values: Array, bars: Array, label: str | None) -> None:
    shown = np.where(values > 0.0, values, np.nan)
    mplhep.histplot(
        shown,
        edges,
        yerr=np.where(np.isnan(shown), np.nan, bars),
        ax=axes,
        histtype="errorbar",
        color="black",
        markersize=9,
        capsize=0,
        elinewidth=1.6,
        flow="none",
        zorder=5,
        label=label,
    )


def _ratio_points(axes: Axes, edges: Array, values: Array, bars: Array) -> None:
    """Points on a range that fits those which are well measured; arrows for what lies outside."""
    bar = np.nan_to_num(bars.max(0), nan=9.0)
    good = np.isfinite(values) & (values > 0.0) & (bar < 0.35)
    spread = (np.abs(values[good] - 1.0) + bar[good]).max(initial=0.0)
    half = next((width for width in (0.28, 0.55) if spread < 0.9 * width), 1.1)
    axes.set_ylim(1.0 - min(half, 0.999), 1.0 + half)
    _points(axes, edges, values, bars, None)
    centres = (edges[1:] + edges[:-1]) / 2
    low, high = axes.get_ylim()
    for outside, y, marker in (
        (values > high, high, "^"),
        ((values < low) & (values > 0), low, "v"),
    ):
        y = y + (0.07 if marker == "v" else -0.07) * (high - low)
        axes.plot(centres[outside], np.full(outside.sum(), y), marker, color="black", ms=8)


def _legend(
    layers: Sequence[Layer], lines: Sequence[Layer], data: bool, data_label: str
) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    if data:
        entries[data_label] = Line2D([], [], color="black", marker="o", ms=9, ls="none")
    entries |= {line.label: Line2D([], [], color=line.colour, lw=3) for line in lines}
    entries |= {x.label: Patch(facecolor=x.colour) for x in reversed(layers)}
    entries["Uncertainty"] = Patch(facecolor="none", edgecolor="#333333", hatch="////", lw=0)
    return entries
