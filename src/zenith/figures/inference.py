"""Intervals and their coverage, surfaces and what summaries cost."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from zenith.figures import style

Array = NDArray[np.float64]
NEAR = 0.5  # how far from 0 a mean pull may be


@style.styled
def intervals(
    truth: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    *,
    label: str,
    levels: Sequence[float],
    banner: style.Banner | None = None,
) -> Figure:
    """Mean intervals of truths against them.

    `truth` is (T,), `lower` and `upper` are (T, L), means over the pseudo-experiments of each, the
    first of the smallest level.
    """
    figure, axes = style.single()
    x, low, high = (np.asarray(array, float) for array in (truth, lower, upper))
    order = np.argsort(x)
    x, low, high = x[order], low[order], high[order]
    colours = (style.GREEN, style.YELLOW)
    for k in reversed(range(len(levels))):
        axes.vlines(
            x, low[:, k], high[:, k], color=colours[min(k, 1)], lw=5 - 2 * k, zorder=2 - k,
            label=f"{100 * levels[k]:.0f} % interval, mean",
        )  # fmt: skip
    ends = np.array([min(x.min(), 0.0), 1.03 * x.max()])
    axes.plot(ends, ends, color="black", ls="--", lw=2, label="Truth", zorder=3)
    axes.set_xlim(*ends)
    style.make_room(axes, float(high.max()), 0.0, 3, False)
    axes.set_ylim(bottom=min(float(low.min()), 0.0))
    axes.set(xlabel=f"True {label}", ylabel=f"Intervals of {label}")
    axes.legend(loc="upper left")
    if banner:
        banner.draw(axes)
    return figure


@style.styled
def pulls(
    truth: ArrayLike,
    mean: ArrayLike,
    error: ArrayLike,
    special: NDArray[np.bool_],
    *,
    label: str,
    width: float,
    banner: style.Banner | None = None,
) -> Figure:
    """Mean pulls of truths (T,) with the errors that so many pulls have, `special` ones, (T,), as
    diamonds."""
    figure, axes = style.single()
    x, y, dy = (np.asarray(array, float) for array in (truth, mean, error))
    axes.axhspan(-NEAR, NEAR, color=style.GREEN, alpha=0.5, lw=0, label=f"Within {NEAR:g}")
    axes.axhline(0.0, color="black", lw=1.5)
    kinds = (
        (~special, "o", style.BLUE, "Drawn from the priors"),
        (special, "D", style.RED, "Fixed"),
    )
    for chosen, marker, colour, name in kinds:
        if chosen.any():
            axes.errorbar(
                x[chosen], y[chosen], yerr=dy[chosen], fmt=marker, color=colour, ms=9,
                elinewidth=2, label=name,
            )  # fmt: skip
    reach = max(1.2 * float(np.nanmax(np.abs(y) + dy)), 1.2)
    axes.set_ylim(-reach, 1.45 * reach)
    axes.set(xlabel=f"True {label}", ylabel="Mean pull")
    axes.legend(loc="upper left", title=f"Width of all pulls {width:.2f}", ncols=2)
    if banner:
        banner.draw(axes)
    return figure


class Fitted(NamedTuple):
    """Pseudo-experiments of truths, fitted in one way: means by truth."""

    label: str
    colour: str
    mean: Array  # (T,) of pulls
    error: Array  # (T,) of these means
    coverage: Array  # (T,) of the first level


@style.styled
def shifted(
    names: Sequence[str],
    fits: Sequence[Fitted],
    level: float,
    error: ArrayLike,
    *,
    label: str,
    banner: style.Banner | None = None,
) -> Figure:
    """Truths of one value of the parameter of interest, which differ in others: a row for each.

    On the left are mean pulls, on the right the shares of intervals that hold the truth, of which
    `error` (T,) is expected about `level`.
    """
    room = style.widest([line for name in names for line in name.split("\n")], 20) + 0.3
    width, height = room + 0.95 * style.SIZE, 3.0 + 0.75 * len(names)
    figure, frame = style.single(width, height)
    box = (room / width, 1.2 / height, 0.98 - room / width, 1 - 3.0 / height)
    frame.set_position(box)
    frame.set_axis_off()
    ratios, gap = (0.58, 0.39), 0.03  # of the width
    left, right = (
        figure.add_axes((box[0] + start * box[2], box[1], ratio * box[2], box[3]))
        for start, ratio in zip((0.0, ratios[0] + gap), ratios, strict=True)
    )
    rows = np.arange(len(names), dtype=float)[::-1]
    left.axvspan(-NEAR, NEAR, color=style.GREEN, alpha=0.5, lw=0, label=f"Within {NEAR:g}")
    left.axvline(0.0, color="black", lw=1.5)
    spread = np.asarray(error, float)
    right.barh(
        rows, 2 * spread, left=level - spread, height=0.8, color="0.85", lw=0,
        label="Binomial error",
    )  # fmt: skip
    right.axvline(level, color="black", lw=1.5)
    for k, fit in enumerate(fits):
        at = rows + 0.16 * (len(fits) - 1 - 2 * k)
        left.errorbar(
            fit.mean, at, xerr=fit.error, fmt="oDs"[k % 3], color=fit.colour, ms=9, elinewidth=2,
            label=fit.label,
        )  # fmt: skip
        right.plot(fit.coverage, at, "oDs"[k % 3], color=fit.colour, ms=9)
    reach = max(1.15 * max(float(np.nanmax(np.abs(f.mean) + f.error)) for f in fits), 0.7)
    left.set_xlim(-reach, reach)
    left.set_yticks(rows, names, fontsize=20, linespacing=1.0)
    right.set_yticks([])
    for axes in (left, right):
        axes.tick_params(axis="y", which="both", length=0)
        axes.set_ylim(-0.6, len(names) - 0.4)
    left.set_xlabel(f"Mean pull of {label}", loc="center")
    right.set_xlabel(f"Coverage of {100 * level:.0f} %", loc="center")
    handles, labels = (
        [*one, *other]
        for one, other in zip(
            left.get_legend_handles_labels(), right.get_legend_handles_labels(), strict=True
        )
    )
    above = (1.0, 1 + 0.7 / height)
    frame.legend(handles, labels, loc="lower right", bbox_to_anchor=above, ncols=len(labels))
    if banner:
        banner.draw(frame)
    return figure


@style.styled
def widths(
    ratios: Mapping[str, float], *, label: str, banner: style.Banner | None = None
) -> Figure:
    """What each summary costs: its expected error over the least that there can be, as bars."""
    figure, axes = style.single(height=2.6 + 1.1 * len(ratios))
    names, values = list(ratios), np.array(list(ratios.values()))
    rows = np.arange(len(names))[::-1]
    axes.barh(rows, values, color=[style.BLUE, style.ORANGE, style.RED][: len(names)], height=0.6)
    for row, value in zip(rows, values, strict=True):
        axes.text(value, row, f" {value:.3f}", va="center", fontsize=22)
    axes.axvline(1.0, color="black", ls="--", lw=2)
    axes.set_yticks(rows, names)
    axes.tick_params(axis="y", which="both", length=0)
    axes.set_xlim(0.0, 1.2 * float(values.max()))
    axes.set_ylim(-0.6, len(names) - 0.4)
    room = (style.widest(names, 24) + 0.5) / style.SIZE
    axes.set_position((room, axes.get_position().y0, 0.95 - room, axes.get_position().height))
    axes.set(xlabel=f"Expected error of {label} over the least possible")
    if banner:
        banner.draw(axes)
    return figure


@style.styled
def numbers(
    bins: Sequence[int],
    errors: ArrayLike,
    configured: int,
    *,
    label: str,
    summary: str,
    least: float | None,
    banner: style.Banner | None = None,
) -> Figure:
    """The expected error against the number of bins of a summary, and the least there can be."""
    figure, axes = style.single()
    values = np.asarray(errors, float)
    axes.plot(bins, values, "o-", color=style.BLUE, lw=3, ms=10, label=summary)
    chosen = list(bins).index(configured)
    axes.plot([configured], [values[chosen]], "*", color=style.RED, ms=26, label="As configured")
    if least is not None:
        axes.axhline(least, color="black", ls="--", lw=2, label="Least possible")
    style.number_axis(axes, bins, "Number of bins")
    low = min(values.min(), least if least is not None else np.inf)
    axes.set_ylim(low - 0.1 * (values.max() - low), values.max() + 0.35 * (values.max() - low))
    axes.set_ylabel(f"Expected error of {label}")
    axes.legend(loc="upper right")
    if banner:
        banner.draw(axes)
    return figure


@style.styled
def closure(
    pulls: ArrayLike, chi2_per_point: float, points: int, *, banner: style.Banner | None = None
) -> Figure:
    """Pulls of simulated events at points that surfaces were not fitted to, and a unit Gaussian."""
    figure, axes = style.single()
    values = np.asarray(pulls, float)
    edges = np.linspace(-5.0, 5.0, 41)
    counts, _ = np.histogram(np.clip(values, -4.99, 4.99), edges)
    axes.stairs(counts, edges, fill=True, color=style.BLUE, label="Bins, processes and points")
    centres = np.linspace(-5.0, 5.0, 401)
    unit = len(values) * 0.25 * np.exp(-0.5 * centres**2) / np.sqrt(2.0 * np.pi)
    axes.plot(centres, unit, color="black", lw=3, label="Unit Gaussian")
    style.make_room(axes, float(max(counts.max(initial=1), unit.max())), 0.0, 4, False)
    style.add_text(axes, [rf"$\chi^2/n = {chi2_per_point:.2f}$", f"{points} unseen points"])
    axes.set_xlim(-5.0, 5.0)
    axes.set(xlabel="Pull of simulated events from the surface", ylabel="Pulls / 0.25")
    axes.legend(loc="upper right")
    if banner:
        banner.draw(axes)
    return figure


@style.styled
def plane(
    first: ArrayLike,
    second: ArrayLike,
    q: ArrayLike,
    best: tuple[float, float],
    *,
    labels: tuple[str, str],
    banner: style.Banner | None = None,
) -> Figure:
    """Contours of 68 and 95 % of two parameters, of −2 ln L ratios (M, N)."""
    figure, axes = style.single()
    values = np.ma.masked_invalid(np.asarray(q, float))
    edges = (0.0, 2.2957, 5.9915)  # χ² of two degrees of freedom
    axes.contourf(first, second, values, levels=edges, colors=[style.GREEN, style.YELLOW])
    axes.contour(first, second, values, levels=edges[1:], colors="black", linewidths=2)
    axes.plot(*best, "*", color=style.RED, mec="black", ms=24)
    low, high = float(np.min(second)), float(np.max(second))
    axes.set(xlabel=labels[0], ylabel=labels[1], ylim=(low, high + 0.2 * (high - low)))
    style.add_text(axes, ["68 and 95 %", "all others profiled"])
    if banner:
        banner.draw(axes)
    return figure
