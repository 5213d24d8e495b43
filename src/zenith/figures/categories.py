"""Where categories lie among the scores of events, and what is in them."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, NullFormatter, NullLocator
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter

from zenith.figures import style
from zenith.figures.stacks import Layer, divide

Array = NDArray[np.float64]
CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(0.75)]])  # of the ternary plot
CONTENT = (0.5, 0.9)  # of a signal, inside of its contours


@style.styled
def edges(
    bins: ArrayLike,
    layers: Sequence[Layer],
    lines: Sequence[Layer],
    cuts: ArrayLike,
    *,
    label: str,
    logit: bool = False,
    text: Sequence[str] = (),
    banner: style.Banner | None = None,
) -> Figure:
    """The stacked score, signals over it, and the learned edges `cuts` (K − 1,) as dashed lines.

    `bins` (bins + 1,) are those of the histograms. Every other category is shaded. A `logit` axis
    has room at both ends of (0, 1).
    """
    bins, cuts = np.asarray(bins, float), np.asarray(cuts, float)
    figure, axes = style.single()
    below = np.zeros(len(bins) - 1)
    for layer in layers:
        above = below + np.asarray(layer.values, float)
        axes.stairs(above, bins, baseline=below, fill=True, facecolor=layer.colour, zorder=1)
        below = above
    axes.stairs(below, bins, color="black", lw=1.0, zorder=2)
    for line in lines:
        axes.stairs(line.values, bins, color=line.colour, lw=3, zorder=4)
    entries: dict[str, Any] = {x.label: Line2D([], [], color=x.colour, lw=3) for x in lines}
    entries |= {x.label: Patch(facecolor=x.colour) for x in reversed(layers)}
    if len(cuts):
        entries["Learned edges"] = Line2D([], [], color="black", ls="--", lw=2)
    columns = 2
    rows = -(-len(entries) // columns) + len(text)
    positive = [v[v > 0] for v in (below, *(np.asarray(x.values, float) for x in lines))]
    lowest = min((v.min() for v in positive if len(v)), default=0.0)
    style.make_room(axes, float(below.max(initial=0.0)), float(lowest), rows, log=True)
    _, top = axes.get_ylim()
    ends = np.concatenate([[bins[0]], cuts, [bins[-1]]])
    height = 1 - (rows + 0.9) * style.LINE * style.SIZE / 8.3
    for k in range(1, len(ends) - 1, 2):
        axes.axvspan(ends[k], ends[k + 1], ymax=height, color="black", alpha=0.07, lw=0, zorder=3)
    for cut in cuts:
        axes.axvline(cut, ymax=height, color="black", ls="--", lw=1.6, zorder=5)
    style.add_text(axes, text)
    style.add_legend(axes, entries, columns, len(text))
    axes.set(xlim=(bins[0], bins[-1]), xlabel=label, ylabel=style.event_label(bins, ""))
    if logit:
        axes.set_xscale("logit")
        # beyond four nines there is no room for names
        axes.xaxis.set_major_formatter(lambda p, _: f"{p:.4g}" if 5e-5 < p < 0.99995 else "")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.tick_params(axis="x", labelsize=18)
    axes.set_ylim(top=top)
    if banner:
        banner.draw(axes)
    return figure


def ternary(shares: ArrayLike) -> Array:
    """Points (N, 2) of the plane for three scores (N, 3) of sum 1: corners are pure classes."""
    return np.asarray(np.asarray(shares, float) @ CORNERS)


def contents(density: Array, shares: Sequence[float] = CONTENT) -> list[float]:
    """The densities above which these shares of the sum lie, ascending as contours need them."""
    falling = np.sort(density.ravel())[::-1]
    sums = np.cumsum(falling) / falling.sum()
    at = np.searchsorted(sums, shares)
    return sorted({float(falling[min(i, len(falling) - 1)]) for i in at})


@style.styled
def painted(
    x: ArrayLike,
    y: ArrayLike,
    category: ArrayLike,
    number: int,
    signals: Mapping[str, tuple[str, ArrayLike]],
    *,
    order: str,
    corners: Sequence[str] = (),
    labels: tuple[str, str] = ("", ""),
    text: Sequence[str] = (),
    banner: style.Banner | None = None,
) -> Figure:
    """Categories as coloured regions of a plane, from low to high, and contours of the signals.

    Parameters
    ----------
    x, y
        Edges of the cells of the plane, (nx + 1,) and (ny + 1,).
    category
        Of each cell, (ny, nx), from 0; NaN outside of the plane.
    number
        K.
    signals
        Name → colour and density (ny, nx); its contours hold 50 and 90 % of it.
    order
        What the numbers of categories follow, for example `by rising purity`.
    corners
        Names of three classes: the plane is then the ternary plot of their scores.
    """
    x, y, category = (np.asarray(a, float) for a in (x, y, category))
    figure = Figure(figsize=(style.SIZE + 1.2, style.SIZE))
    axes = figure.add_axes((0.12, 0.1, 0.72, 0.83))
    colours = matplotlib.colormaps["viridis"].resampled(max(number, 2))
    mesh = axes.pcolormesh(
        x, y, category, cmap=colours, vmin=-0.5, vmax=max(number, 2) - 0.5, alpha=0.8, lw=0
    )
    mesh.set_rasterized(True)
    middles = ((x[1:] + x[:-1]) / 2, (y[1:] + y[:-1]) / 2)
    entries: dict[str, Any] = {}
    for name, (colour, values) in signals.items():
        smooth = gaussian_filter(np.maximum(np.asarray(values, float), 0.0), 0.02 * len(middles[0]))
        smooth = np.ma.masked_where(np.isnan(category), smooth)
        if smooth.sum() > 0:
            levels = contents(smooth.compressed())
            widths = [1.8, 4.0][-len(levels) :]
            under = [width + 2.5 for width in widths]
            axes.contour(*middles, smooth, levels, colors="white", linewidths=under)
            axes.contour(*middles, smooth, levels, colors=colour, linewidths=widths)
        entries[f"{name}: 50 %"] = Line2D([], [], color=colour, lw=4.0)
        entries[f"{name}: 90 %"] = Line2D([], [], color=colour, lw=1.8)
    axes.set_xlim(x[0], x[-1])
    share = (len(text) + -(-len(entries) // 2) + 0.6) * style.LINE * style.SIZE / 9.3
    axes.set_ylim(y[0], y[0] + (y[-1] - y[0]) / (1 - share))
    if corners:
        _triangle(axes, corners)
    else:
        axes.set(xlabel=labels[0], ylabel=labels[1])
    bar = figure.add_axes((0.87, 0.1, 0.03, 0.83))
    ticks = np.unique(np.linspace(0, number - 1, min(number, 10)).round())
    figure.colorbar(mesh, cax=bar, ticks=ticks, label=f"Category, {order}")
    bar.set_yticks(ticks, [f"{tick + 1:.0f}" for tick in ticks])
    bar.tick_params(which="minor", length=0)
    style.add_legend(axes, entries, 2, len(text))
    style.add_text(axes, text)
    if banner:
        banner.draw(axes)
    return figure


def _triangle(axes: Axes, corners: Sequence[str]) -> None:
    """Sides and corners' names in place of axes."""
    loop = [*CORNERS, CORNERS[0]]
    axes.plot(*np.transpose(loop), color="black", lw=1.5, zorder=4)
    places = (("left", "top", -0.02), ("right", "top", -0.02), ("center", "bottom", 0.02))
    for (x, y), name, (across, up, shift) in zip(CORNERS, corners, places, strict=True):
        axes.text(x, y + shift, name, ha=across, va=up, fontsize=20, fontweight="bold")
    # room for names below and text above; a unit is as long across as it is up
    box, (low, high) = axes.get_position(), (-0.08, 1.16)
    figure = axes.get_figure(root=True)
    assert figure is not None
    shape = box.width * figure.get_figwidth() / (box.height * figure.get_figheight())
    half = (high - low) * shape / 2
    axes.set(xlim=(0.5 - half, 0.5 + half), ylim=(low, high))
    axes.set_axis_off()


@style.styled
def yields(
    background: ArrayLike,
    error: ArrayLike,
    signals: Sequence[Layer],
    found: ArrayLike,
    found_error: ArrayLike,
    *,
    floor: float,
    limit: float | None = None,
    order: str,
    text: Sequence[str] = (),
    banner: style.Banner | None = None,
) -> Figure:
    """Background and signals of each category, and the background's relative uncertainty.

    `background` and `error`, (K,), are of unseen events, `found` and `found_error` of those that
    the categories were found with, which must have the `floor` and at most the `limit`.
    """
    background, error, found, found_error = (
        np.asarray(a, float) for a in (background, error, found, found_error)
    )
    numbers = np.arange(1, len(background) + 1)
    ends = np.arange(len(background) + 1) + 0.5
    figure, (main, ratio) = style.panels()
    entries: dict[str, Any] = {}
    for layer in signals:
        entries[layer.label] = main.stairs(layer.values, ends, color=layer.colour, lw=3, zorder=3)
    circle: dict[str, Any] = {"mfc": "none", "mec": style.BLUE, "mew": 2.5, "ms": 15}
    entries["Background, unseen"] = main.errorbar(
        numbers, background, yerr=error, fmt="o", color="black", ms=9, elinewidth=1.6, zorder=5
    )
    (entries["Background, training"],) = main.plot(numbers, found, "o", zorder=4, **circle)
    if floor > 0:
        entries[f"Floor: {floor:g}"] = main.axhline(floor, color=style.ORANGE, ls="--", lw=2.5)
    values = np.concatenate([background, found, *(np.asarray(s.values, float) for s in signals)])
    values = values[values > 0]
    rows = -(-len(entries) // 2) + len(text)
    style.make_room(
        main, float(values.max(initial=1.0)), float(values.min(initial=1.0)), rows, True
    )
    style.add_text(main, text)
    style.add_legend(main, entries, 2, len(text))
    ratio.plot(numbers, 100 * divide(error, background), "o", color="black", ms=9)
    ratio.plot(numbers, 100 * divide(found_error, found), "o", **circle)
    if limit is not None:
        ratio.axhline(100 * limit, color=style.ORANGE, ls="--", lw=2.5)
    highest = 100 * np.nanmax([*divide(error, background), *divide(found_error, found), 1e-3])
    ratio.set_ylim(-0.06 * highest, 1.15 * max(highest, 100 * limit if limit else 0.0))
    main.set(xlim=(ends[0], ends[-1]), ylabel="Events")
    ratio.set(xlabel=f"Category, {order}", ylabel="Bkg. unc. [%]")
    ratio.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    ratio.xaxis.set_minor_locator(NullLocator())
    if banner:
        banner.draw(main)
    return figure
