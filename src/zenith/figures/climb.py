"""What the climb did: its steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from zenith.figures import style

Array = NDArray[np.float64]


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


@style.styled
def soft_and_hard(
    soft: Sequence[Array], hard: Sequence[Array], *, banner: style.Banner | None = None
) -> Figure:
    """How far the soft objective of the climbed events is from the hard one, against step, in %.

    Of each fold in light, their mean in bold: (steps,) each, NaN where it was not read hard.
    """
    figure, axes = style.single()
    gaps = [100.0 * (np.asarray(a) / np.asarray(b) - 1.0) for a, b in zip(soft, hard, strict=True)]
    axes.axhspan(-1.0, 1.0, color=style.GREEN, lw=0, label="Within 1 %")
    axes.axhline(0.0, color="black", lw=1.0)
    read = np.full((len(gaps), max(map(len, gaps))), np.nan)
    for fold, gap in enumerate(gaps):
        read[fold, : len(gap)] = gap
    for gap in read:
        (known,) = np.nonzero(np.isfinite(gap))
        axes.plot(known, gap[known], "o-", color=style.BLUE, lw=1.0, ms=4, alpha=0.45)
    (steps,) = np.nonzero(np.isfinite(read).any(axis=0))
    mean = np.nanmean(read[:, steps], axis=0)
    axes.plot(steps, mean, "o-", color=style.BLUE, lw=3.0, ms=9, label="Soft over hard, mean")
    handles, entries = axes.get_legend_handles_labels()
    if len(gaps) > 1:
        handles.append(Line2D([], [], color=style.BLUE, lw=1.0, alpha=0.45))
        entries.append(f"Each of {len(gaps)} folds")
    found = read[np.isfinite(read)]
    low, high = min(found.min(initial=-1.0), -1.0), max(found.max(initial=1.0), 1.0)
    span = high - low
    # room for the legend above the highest point
    axes.set_ylim(low - 0.1 * span, high + (0.12 + 0.075 * len(entries)) * span)
    axes.set(xlim=(-0.5, read.shape[1] - 0.5), xlabel="Step")
    axes.set_ylabel("Soft over hard objective, less 1 [%]")
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.legend(handles, entries, loc="upper right")
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
