"""What an optimisation changed, and what that gained."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from zenith.figures import style
from zenith.figures.networks import Weighted
from zenith.figures.stacks import divide

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Change:
    """The template of a group of processes before and after, expected events, (bins,) each."""

    label: str
    colour: str
    initial: ArrayLike
    optimised: ArrayLike


@style.styled
def templates(
    edges: ArrayLike,
    changes: Sequence[Change],
    *,
    moved: ArrayLike | None = None,
    label: str,
    unit: str = "",
    text: Sequence[str] = (),
    banner: style.Banner | None = None,
) -> Figure:
    """Templates of the initial (dashed) and the optimised cuts, and their ratio.

    Where the optimised edges are others, `moved`, events are drawn per mean width of a bin.
    """
    before = np.asarray(edges, float)
    after = before if moved is None else np.asarray(moved, float)
    both = np.union1d(before, after)
    mean = (before[-1] - before[0]) / (len(before) - 1)
    scale = [np.ones(len(e) - 1) if moved is None else mean / np.diff(e) for e in (before, after)]
    figure, (main, ratio) = style.panels()
    entries, everything = {}, []
    largest = 1.0
    for change in changes:
        initial, optimised = np.asarray(change.initial, float), np.asarray(change.optimised, float)
        pair = (
            ("initial", initial, before, (0, (3, 1.2))),
            ("optimised", optimised, after, "-"),
        )
        for (name, values, of, dash), unit_width in zip(pair, scale, strict=True):
            main.stairs(values * unit_width, of, color=change.colour, lw=3, ls=dash)
            key = f"{change.label}, {name}: {values.sum():.4g}"
            entries[key] = Line2D([], [], color=change.colour, lw=3, ls=dash)
            everything.append(values * unit_width)
        low, high = (_within(both, e, v) for e, v in ((before, initial), (after, optimised)))
        quotient = divide(high, low)
        ratio.stairs(quotient, both, baseline=None, color=change.colour, lw=3)
        # Bins with hardly any events do not set the scale.
        weighty = np.isfinite(quotient) & (low > 1e-3 * low.max(initial=0.0))
        largest = max(largest, quotient[weighty].max(initial=0.0))
    drawn = np.concatenate(everything)
    highest = drawn.max(initial=0.0)
    lowest = max(drawn[drawn > 0.0].min(initial=np.inf), 1e-5 * highest)
    style.make_room(main, highest, lowest, len(entries) + len(text), log=True)
    style.add_text(main, text)
    style.add_legend(main, entries, 1, len(text))
    ratio.axhline(1.0, color="black", lw=1.0, ls="--", zorder=1)
    ratio.set(ylim=(0.0, 1.15 * min(largest, 5.0)), ylabel="Opt. / initial")
    even = before if moved is None else np.linspace(before[0], before[-1], len(before))
    main.set(xlim=(before[0], before[-1]), ylabel=style.event_label(even, unit))
    ratio.set_xlabel(style.x_label(label, unit))
    if banner:
        banner.draw(main)
    return figure


def _within(finer: Array, edges: Array, values: Array) -> Array:
    """Events per unit in finer bins, each of which lies in one bin of `edges`."""
    return (values / np.diff(edges))[np.searchsorted(edges, finer[:-1], side="right") - 1]


@dataclass(frozen=True)
class Tuned:
    """The scores of a process's events before and after fine-tuning."""

    label: str
    colour: str
    initial: Weighted
    optimised: Weighted


@style.styled
def scores(
    processes: Sequence[Tuned],
    *,
    label: str,
    bins: int = 25,
    banner: style.Banner | None = None,
) -> Figure:
    """Distribution of a score in each process, before (dashed) and after fine-tuning."""
    figure, axes = style.single()
    edges = np.linspace(0.0, 1.0, bins + 1)
    entries, drawn = {}, []
    for process in processes:
        for events, dash in ((process.initial, (0, (3, 1.2))), (process.optimised, "-")):
            density, _ = events.density(edges)
            axes.stairs(density, edges, color=process.colour, lw=2.5, ls=dash)
            drawn.append(density)
        entries[process.label] = Line2D([], [], color=process.colour, lw=3)
    for name, dash in (("Before", (0, (3, 1.2))), ("After fine-tuning", "-")):
        entries[name] = Line2D([], [], color="black", lw=2.5, ls=dash)
    density = np.concatenate(drawn)
    highest = density.max(initial=0.0)
    lowest = max(density[density > 0.0].min(initial=np.inf), 1e-4 * highest)
    style.make_room(axes, highest, lowest, -(-len(entries) // 2), log=True)
    style.add_legend(axes, entries, 2, 0)
    axes.set(xlim=(0, 1), xlabel=label, ylabel="Share of events per unit")
    if banner:
        banner.draw(axes)
    return figure


@style.styled
def bin_gradient(
    edges: ArrayLike,
    signal: ArrayLike,
    background: ArrayLike,
    *,
    symbol: str,
    colours: tuple[str, str] = (style.RED, style.BLUE),
    label: str,
    unit: str = "",
    text: Sequence[str] = (),
    banner: style.Banner | None = None,
) -> Figure:
    """What an event more of signal, and of background, is worth in each bin, (bins,) each."""
    edges = np.asarray(edges, float)
    figure = Figure(figsize=(style.SIZE, style.SIZE))
    top = figure.add_axes((0.175, 0.525, 0.785, 0.405))
    bottom = figure.add_axes((0.175, 0.1, 0.785, 0.405), sharex=top)
    top.tick_params(labelbottom=False)
    panels = ((top, signal, "s", "Signal"), (bottom, background, "b", "Total background"))
    for (axes, values, letter, name), colour in zip(panels, colours, strict=True):
        values = np.asarray(values, float)
        axes.stairs(np.nan_to_num(values), edges, fill=True, color=colour, alpha=0.35)
        axes.stairs(values, edges, baseline=0.0, color=colour, lw=2.5)
        axes.axhline(0.0, color="black", lw=1.0)
        low, high = (f(np.nan_to_num(values), initial=0.0) for f in (np.min, np.max))
        span = (high - low) or 1.0
        axes.set_ylim(low - 0.08 * span, high + (0.08 + 0.14 * (len(text) + 1)) * span)
        axes.set_ylabel(rf"$\partial {symbol}\,/\,\partial {letter}$ [1 / event]", fontsize=20)
        # a power of ten beside the axis would be in the banner's way
        axes.ticklabel_format(axis="y", style="plain", useOffset=False)
        style.add_text(axes, [*text, name])
    top.set_xlim(edges[0], edges[-1])
    bottom.set_xlabel(style.x_label(label, unit))
    if banner:
        banner.draw(top)
    return figure


@dataclass(frozen=True)
class Row:
    """A selection in the comparison: significance, where it learned and where it did not."""

    label: str
    colour: str
    learning: float | None
    z: float
    error: float
    cells: Sequence[str]
    """Text for the columns, see `comparison`."""


@style.styled
def comparison(
    rows: Sequence[Row],
    columns: Sequence[str],
    *,
    label: str = "Expected significance [σ]",
    banner: style.Banner | None = None,
) -> Figure:
    """Significance of every selection with all events and its error, and the numbers beside it.

    Hollow marks are the folds that were climbed.
    """
    cell, high = 2.35, 1.0
    left, plot = 2.2, 6.0
    width = left + plot + cell * len(columns) + 0.3
    height = 2.6 + high * len(rows)
    figure = Figure(figsize=(width, height))
    place = (left / width, 1.1 / height, plot / width, high * len(rows) / height + 0.5 / height)
    axes = figure.add_axes(place)
    for i, row in enumerate(rows):
        axes.errorbar(
            [row.z],
            [i],
            xerr=[row.error],
            fmt="o",
            color=row.colour,
            ms=13,
            elinewidth=3,
            capsize=5,
            zorder=3,
        )
        if row.learning is not None:
            axes.plot([row.learning], [i + 0.24], "^", mfc="none", mec=row.colour, mew=2, ms=11)
        for k, text in enumerate(row.cells):
            x = 1 + cell * (k + 0.5) / plot
            place_of = ("axes fraction", "data")
            axes.annotate(text, (x, i), xycoords=place_of, ha="center", va="center", fontsize=18)
    for k, text in enumerate(columns):
        axes.annotate(
            text,
            (1 + cell * (k + 0.5) / plot, 1.0),
            xycoords="axes fraction",
            ha="center",
            va="bottom",
            fontsize=18,
            fontweight="bold",
        )
    for i in range(1, len(rows)):
        axes.axhline(i - 0.5, color="#c9ccd1", lw=1.0, zorder=0)
    if any(row.learning is not None for row in rows):
        handles = [
            Line2D([], [], color="black", marker="o", ls="none", ms=13),
            Line2D([], [], color="black", marker="^", ls="none", mfc="none", ms=11),
        ]
        figure.legend(
            handles,
            ["All events, each unseen", "Folds that were climbed"],
            ncols=2,
            loc="lower right",
            fontsize=17,
            bbox_to_anchor=(1 - 0.3 / width, 0.4 / height),
            borderaxespad=0.0,
        )
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.margins(x=0.08)
    axes.set_xlabel(label)
    axes.set_yticks(range(len(rows)), [row.label for row in rows], fontsize=20)
    axes.tick_params(axis="y", which="both", length=0)
    if banner:
        banner.draw(axes)
    return figure
