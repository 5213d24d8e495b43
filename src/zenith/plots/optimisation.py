"""What the climb did: its steps, its path, and what they changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from zenith.plots import style
from zenith.plots.mva import Events
from zenith.plots.stacks import divide

Array = NDArray[np.float64]
_OUTLINE = [Stroke(linewidth=5.5, foreground="black"), Normal()]


@dataclass(frozen=True)
class Climb:
    """One climb, an entry per step from 0, its start: (steps,) each.

    `soft` is the objective on the events that are climbed, `hard` that of hard cuts on the events
    for validation (NaN where a step was not validated), `rejected` where the fit did not converge.
    """

    soft: Array
    hard: Array
    rejected: Array
    thresholds: Mapping[str, Array]


@dataclass(frozen=True)
class Threshold:
    """A tunable threshold as it is drawn: what is cut on, its unit and its bounds."""

    name: str
    label: str
    unit: str
    bounds: tuple[float, float]


@style.styled
def objective(
    climbs: Sequence[Climb],
    kept: int,
    kept_step: int,
    *,
    label: str,
    banner: style.Banner | None = None,
) -> Figure:
    """Soft objective and hard validation against step; the climb `kept` in bold, others thin."""
    figure, axes = style.single()
    drawn = []
    for number in [*(k for k in range(len(climbs)) if k != kept), kept]:
        climb, bold = climbs[number], number == kept
        curves = {"Soft cuts, climbed events": climb.soft, "Hard cuts, validation": climb.hard}
        for (name, values), colour in zip(curves.items(), (style.BLUE, style.RED), strict=True):
            values = np.asarray(values, float)
            (known,) = np.nonzero(np.isfinite(values))
            look: dict[str, Any] = (
                {"lw": 3.0, "label": name} if bold else {"lw": 1.0, "alpha": 0.45}
            )
            axes.plot(known, values[known], color=colour, zorder=3 if bold else 2, **look)
            drawn.append(values[known])
    values = np.concatenate(drawn)
    low, high = values.min(initial=np.inf), values.max(initial=-np.inf)
    span = (high - low) or 0.02 * abs(high) or 1.0
    entries = axes.get_legend_handles_labels()
    if len(climbs) > 1:
        entries[0].append(Line2D([], [], color=style.GREY, lw=1.0))
        entries[1].append("Other starts")
    best = float(np.asarray(climbs[kept].hard, float)[kept_step])
    (star,) = axes.plot([kept_step], [best], "*", color="black", ms=20, zorder=5)
    axes.plot([kept_step] * 2, [low - 0.1 * span, best], color="black", ls="--", lw=1.5, zorder=1)
    entries[0].append(star)
    entries[1].append(f"Kept: step {kept_step}, {best:.4g}")
    (steps,) = np.nonzero(np.asarray(climbs[kept].rejected))
    if len(steps):
        height = np.full(len(steps), low - 0.05 * span)
        (crosses,) = axes.plot(steps, height, "x", color=style.ORANGE, ms=11, mew=3, zorder=4)
        entries[0].append(crosses)
        entries[1].append("Fit did not converge")
    # Room for the legend above the highest point.
    axes.set_ylim(low - 0.1 * span, high + (0.12 + 0.075 * len(entries[0])) * span)
    longest = max(len(climb.soft) for climb in climbs)
    axes.set(xlim=(-0.5, longest - 0.5), xlabel="Step", ylabel=label)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.legend(*entries, loc="upper left")
    if banner:
        banner.draw(axes)
    return figure


@style.styled
def thresholds(
    climbs: Sequence[Climb],
    kept: int,
    kept_step: int,
    shown: Sequence[Threshold],
    *,
    banner: style.Banner | None = None,
) -> Figure:
    """Every threshold against step in a panel of its own; what lies outside its bounds is grey."""
    longest = max(len(climb.soft) for climb in climbs)
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
        for number, climb in enumerate(climbs):
            look: dict[str, Any] = (
                {"color": style.BLUE, "lw": 3.0, "zorder": 3}
                if number == kept
                else {"color": style.GREY, "lw": 1.0, "zorder": 2}
            )
            axes.plot(np.asarray(climb.thresholds[threshold.name], float), **look)
        path = np.asarray(climbs[kept].thresholds[threshold.name], float)
        axes.plot([kept_step], [path[kept_step]], "*", color="black", ms=18, zorder=4)
        change = f"{path[0]:.3g} → {path[kept_step]:.3g} {threshold.unit}".rstrip()
        if banner and i == 0:
            style.Banner(banner.experiment, banner.status).draw(axes)
        if banner and i == columns - 1:
            style.Banner("", "", banner.luminosity, banner.energy).draw(axes)
        _note(axes, change, path[: len(path) // 2].mean() < (low + high) / 2)
        axes.set(xlim=(-0.5, longest - 0.5), ylim=(low - margin, high + margin))
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.set_xlabel("Step", fontsize=20)
        axes.set_ylabel(style.x_label(threshold.label, threshold.unit), fontsize=20)
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
    paths: Sequence[tuple[ArrayLike, ArrayLike]],
    kept: int,
    kept_step: int,
    *,
    search: tuple[float, float] | None = None,
    labels: tuple[str, str],
    label: str,
    banner: style.Banner | None = None,
) -> Figure:
    """The paths of the climbs in the plane of two thresholds, over the hard objective.

    Parameters
    ----------
    x, y, values
        The grid, (columns,) and (rows,), and the objective on it, (rows, columns); NaN stays grey.
    paths
        Both thresholds at every step, of each climb; the one that is `kept` is drawn in bold.
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
    for number, (along_x, along_y) in enumerate(paths):
        if number != kept:
            axes.plot(along_x, along_y, color="white", lw=1.2, alpha=0.7)
            entries["Other starts"] = Line2D([], [], color=style.GREY, lw=1.2)
    along_x, along_y = (np.asarray(values, float) for values in paths[kept])
    entries["Path"] = axes.plot(
        along_x, along_y, color="white", lw=3, zorder=4, path_effects=_OUTLINE
    )[0]
    marks = {"Start": (along_x[0], along_y[0], "o", "white", 15)}
    if search is not None:
        marks["TPE search"] = (*search, "s", style.ORANGE, 14)
    marks["Kept"] = (along_x[kept_step], along_y[kept_step], "*", style.RED, 26)
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
    label: str,
    unit: str = "",
    text: Sequence[str] = (),
    banner: style.Banner | None = None,
) -> Figure:
    """Templates of the initial (dashed) and the optimised cuts, and their ratio."""
    edges = np.asarray(edges, float)
    figure, (main, ratio) = style.panels()
    entries, everything = {}, []
    largest = 1.0
    for change in changes:
        pair = (("initial", change.initial, (0, (3, 1.2))), ("optimised", change.optimised, "-"))
        for name, values, dash in pair:
            values = np.asarray(values, float)
            main.stairs(values, edges, color=change.colour, lw=3, ls=dash)
            key = f"{change.label}, {name}: {values.sum():.4g}"
            entries[key] = Line2D([], [], color=change.colour, lw=3, ls=dash)
            everything.append(values)
        quotient = divide(change.optimised, change.initial)
        ratio.stairs(quotient, edges, baseline=None, color=change.colour, lw=3)
        # Bins with hardly any events do not set the scale.
        initial = np.asarray(change.initial, float)
        weighty = np.isfinite(quotient) & (initial > 1e-3 * initial.max(initial=0.0))
        largest = max(largest, quotient[weighty].max(initial=0.0))
    drawn = np.concatenate(everything)
    highest = drawn.max(initial=0.0)
    lowest = max(drawn[drawn > 0.0].min(initial=np.inf), 1e-5 * highest)
    style.make_room(main, highest, lowest, len(entries) + len(text), log=True)
    style.add_text(main, text)
    style.add_legend(main, entries, 1, len(text))
    ratio.axhline(1.0, color="black", lw=1.0, ls="--", zorder=1)
    ratio.set(ylim=(0.0, 1.15 * min(largest, 5.0)), ylabel="Opt. / initial")
    main.set(xlim=(edges[0], edges[-1]), ylabel=style.event_label(edges, unit))
    ratio.set_xlabel(style.x_label(label, unit))
    if banner:
        banner.draw(main)
    return figure


@dataclass(frozen=True)
class Tuned:
    """The scores of a process's events before and after fine-tuning."""

    label: str
    colour: str
    initial: Events
    optimised: Events


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
    """A selection in the comparison: significance by part, the error on test events, the cost."""

    label: str
    colour: str
    train: float
    validate: float
    test: float
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
    """Significance of every selection on unseen events with its error, and the numbers beside it.

    Hollow marks are the events that were climbed and those that chose the step.
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
            [row.test],
            [i],
            xerr=[row.error],
            fmt="o",
            color=row.colour,
            ms=13,
            elinewidth=3,
            capsize=5,
            zorder=3,
        )
        for value, marker in ((row.train, "^"), (row.validate, "s")):
            axes.plot([value], [i + 0.24], marker, mfc="none", mec=row.colour, mew=2, ms=11)
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
    handles = [
        Line2D([], [], color="black", marker="o", ls="none", ms=13),
        Line2D([], [], color="black", marker="^", ls="none", mfc="none", ms=11),
        Line2D([], [], color="black", marker="s", ls="none", mfc="none", ms=11),
    ]
    figure.legend(
        handles,
        ["Test events", "Climbed events", "Validation events"],
        ncols=3,
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
