"""How a network was trained and what it separates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from zenith.figures import style

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Weighted:
    """One number of each of some events: a feature or a score, (N,), with the weights.

    It is NaN where an event has none.
    """

    values: ArrayLike
    weight: ArrayLike

    def density(self, edges: Array) -> tuple[Array, Array]:
        """Share of the weight per unit, and its statistical error, (bins,) each.

        Values outside the edges are in the first and last bin; events without one count nowhere.
        """
        bins, known = len(edges) - 1, self._known
        if not known.any():
            return np.zeros(bins), np.zeros(bins)
        values, weight = np.asarray(self.values)[known], np.asarray(self.weight, float)[known]
        index = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, bins - 1)
        scale = weight.sum() * np.diff(edges)
        sums = np.bincount(index, weight, minlength=bins)
        return sums / scale, np.sqrt(np.bincount(index, weight**2, minlength=bins)) / np.abs(scale)

    @property
    def _known(self) -> NDArray[np.bool_]:
        return np.asarray(np.isfinite(self.values))

    @property
    def undefined(self) -> float:
        """Share of |w| of the events without a number."""
        weight = np.abs(np.asarray(self.weight, float))
        return float(weight[~self._known].sum() / (weight.sum() or 1.0))

    def entry(self, label: str) -> str:
        """What a legend says: the label, and the share that is undefined, where some is."""
        share = 100.0 * self.undefined
        if share == 0.0:
            return label
        return f"{label}, {f'{share:.0f}' if share >= 1.0 else '< 1'} % undefined"


@dataclass(frozen=True)
class Class:
    """A class of events as it is drawn."""

    label: str
    colour: str
    train: Weighted
    test: Weighted | None = None
    p_value: float | None = None  # that training and unseen events have the same distribution


@dataclass(frozen=True)
class Curve:
    """A ROC curve: the share of the class and of the others that passes, (points,) each."""

    label: str
    colour: str
    other: ArrayLike
    efficiency: ArrayLike
    auc: float


@dataclass(frozen=True)
class ByEpoch:
    """Numbers after each epoch, of each fold, with what they are of."""

    label: str
    colour: str
    folds: Sequence[ArrayLike]


@style.styled
def losses(
    train: Sequence[ArrayLike],
    validation: Sequence[ArrayLike],
    best_epoch: Sequence[int],
    *,
    each: str = "epoch",
    every: int = 1,
    loss: str = "Cross-entropy",
    title: str = "",
    banner: style.Banner | None = None,
) -> Figure:
    """The loss after `every` epochs, or trees, of each fold, and which (from 1) were kept."""
    figure, axes = style.single()
    curves = {
        "Training": ([np.asarray(values, float) for values in train], style.BLUE),
        "Validation": ([np.asarray(values, float) for values in validation], style.RED),
    }
    width = 3.0 if len(train) == 1 else 1.5
    for label, (of_folds, colour) in curves.items():
        for number, values in enumerate(of_folds):
            epochs = every * np.arange(1, len(values) + 1)
            text = label if number == 0 else None
            axes.plot(epochs, values, color=colour, lw=width, label=text)
    kept = [
        values[epoch // every - 1]
        for values, epoch in zip(curves["Validation"][0], best_epoch, strict=True)
    ]
    first, last = min(best_epoch), max(best_epoch)
    label = f"Kept: {each} {first}" if first == last else f"Kept: {each}s {first} to {last}"
    axes.plot(best_epoch, kept, "*", color="black", ms=15, zorder=4, label=label)
    everything = np.concatenate([values for of_folds, _ in curves.values() for values in of_folds])
    low, high = everything.min(), everything.max()
    high += 0.02 * abs(high) if low == high else 0.0
    # Room for four lines of text above the highest point.
    axes.set_ylim(low - 0.05 * (high - low), high + 0.32 * (high - low))
    axes.set_xlim(1 - 0.5, every * max(len(values) for values in curves["Training"][0]) + 0.5)
    axes.set(xlabel=each.capitalize(), ylabel=loss)
    axes.legend(loc="upper right")
    style.add_text(axes, [title] if title else [])
    if banner:
        banner.draw(axes)
    return figure


@style.styled
def areas(
    classes: Sequence[ByEpoch],
    best_epoch: Sequence[int],
    *,
    title: str = "",
    banner: style.Banner | None = None,
) -> Figure:
    """The area under the ROC curve of validation events, and the epoch (from 1) of each fold."""
    figure, axes = style.single()
    everything, kept = [], []
    for one in classes:
        for number, (of_fold, epoch) in enumerate(zip(one.folds, best_epoch, strict=True)):
            values = np.asarray(of_fold, float)
            axes.plot(
                np.arange(1, len(values) + 1),
                values,
                color=one.colour,
                lw=3.0 if len(best_epoch) == 1 else 1.5,
                label=one.label if number == 0 else None,
            )
            everything.append(values)
            kept.append((epoch, values[epoch - 1]))
    axes.plot(*zip(*kept, strict=True), "*", color="black", ms=15, zorder=4, label="Kept")
    last, found = max(len(values) for values in everything), np.concatenate(everything)
    low, high = found.min(), found.max()
    spread = high - low or 0.01
    axes.set_ylim(low - (0.15 + 0.1 * len(classes)) * spread, high + 0.15 * spread)
    axes.set(xlim=(0.5, last + 0.5), xlabel="Epoch", ylabel="Area under the ROC curve")
    style.finish(axes, "lower right", f"{title}, validation" if title else "Validation", banner)
    return figure


def unseen(title: str) -> str:
    """Of which network a figure is, and that its events are unseen."""
    return f"{title}, unseen events" if title else "Unseen events"


@style.styled
def roc(
    curves: Sequence[Curve],
    *,
    title: str = "",
    other: str = "other classes",
    banner: style.Banner | None = None,
) -> Figure:
    """Efficiency of each class against that of the others, on unseen events."""
    figure, axes = style.single()
    for curve in curves:
        axes.plot(
            curve.other,
            curve.efficiency,
            color=curve.colour,
            lw=3,
            label=f"{curve.label}, AUC {curve.auc:.3f}",
        )
    axes.plot([0, 1], [0, 1], color=style.GREY, ls=":", lw=2, label="No separation")
    own = curves[0].label if len(curves) == 1 else "the class"
    axes.set(
        xlim=(0, 1),
        ylim=(0, 1.03),
        xlabel=f"Efficiency for {other}",
        ylabel=f"Efficiency for {own}",
    )
    axes.tick_params(axis="both", which="major", pad=10)  # two zeros meet in the corner
    style.finish(axes, "lower right", unseen(title), banner)
    return figure


@style.styled
def scores(
    classes: Sequence[Class],
    *,
    label: str,
    bins: int = 25,
    banner: style.Banner | None = None,
) -> Figure:
    """Distribution of a score in each class: training events as lines, unseen ones as points."""
    figure, axes = style.single()
    edges = np.linspace(0.0, 1.0, bins + 1)
    drawn = []
    for c in classes:
        density, _ = c.train.density(edges)
        if len(classes) == 2:  # more would hide each other
            axes.stairs(density, edges, fill=True, color=c.colour, alpha=0.2)
        axes.stairs(density, edges, color=c.colour, lw=2.5, label=f"{c.label}, training")
        drawn.append(density)
        if c.test is not None:
            density, error = c.test.density(edges)
            text = "" if c.p_value is None else f" (KS p = {c.p_value:.2g})"
            axes.errorbar(
                (edges[1:] + edges[:-1]) / 2,
                density,
                yerr=error,
                fmt="o",
                ms=6,
                elinewidth=2,
                color=c.colour,
                markeredgecolor="black",
                label=f"{c.label}, unseen{text}",
            )
            drawn.append(density + error)
    make_room(axes, drawn, len(classes), log=True)
    axes.set(xlim=(0, 1), xlabel=label, ylabel="Share of events per unit")
    axes.legend(loc="upper center", ncols=2)  # training in one column, unseen events in the other
    if banner:
        banner.draw(axes)
    return figure


@style.styled
def feature(
    classes: Sequence[Class],
    scaled: Sequence[Class],
    edges: ArrayLike,
    *,
    label: str,
    scaled_label: str = "",
    unit: str = "",
    log: bool = False,
    of: str = "events",
    banner: style.Banner | None = None,
) -> Figure:
    """A feature in each class, in its unit and, if it is scaled, as the first layer sees it.

    `of` is what the distributions are of.
    """
    edges = np.asarray(edges, float)
    if scaled:
        figure = Figure(figsize=(1.6 * style.SIZE, 0.8 * style.SIZE))
        panels = [figure.add_axes((x, 0.12, 0.39, 0.79)) for x in (0.09, 0.595)]
    else:
        figure, axes = style.single()
        panels = [axes]
    _distributions(panels[0], classes, edges, log)
    panels[0].set(xlabel=style.x_label(label, unit))
    panels[0].set_ylabel(f"Share of {of} per {unit or 'unit'}")
    if scaled:
        _distributions(panels[1], scaled, np.linspace(-4.0, 4.0, 33), log)
        panels[1].set(xlabel=scaled_label or f"Scaled {label}", ylabel=f"Share of {of} per unit")
    if banner and not scaled:
        banner.draw(axes)
    elif banner:
        style.Banner(banner.experiment, banner.status).draw(panels[0], offset=True)
        style.Banner("", "", banner.luminosity, banner.energy).draw(panels[1])
    return figure


def _distributions(axes: Axes, classes: Sequence[Class], edges: Array, log: bool) -> None:
    densities = [c.train.density(edges)[0] for c in classes]
    for c, density in zip(classes, densities, strict=True):
        axes.stairs(density, edges, color=c.colour, lw=3, label=c.train.entry(c.label))
    make_room(axes, densities, len(classes), log)
    axes.set_xlim(edges[0], edges[-1])
    axes.legend(loc="upper right")


def make_room(axes: Axes, densities: Sequence[Array], lines: int, log: bool) -> None:
    """Room for the legend; a logarithmic axis shows four powers of ten at most."""
    everything = np.concatenate(densities)
    highest = everything.max()
    lowest = everything[everything > 0.0].min(initial=highest)
    style.make_room(axes, highest, max(lowest, 1e-4 * highest), lines + 0.3, log)
