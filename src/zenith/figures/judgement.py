"""What a network is worth: rejection, confusion, significance, importance, and what it sculpts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from zenith.artefacts.metrics import Dependence, Measured
from zenith.figures import style
from zenith.figures.networks import Weighted, make_room, unseen
from zenith.tables import measured

Array = NDArray[np.float64]
SHADES = (style.GREY, style.ORANGE, style.BLUE, style.RED)  # from low to high scores


@dataclass(frozen=True)
class Rejected:
    """Another class in cuts on a score: shares of the class and of the other that pass, (points,).

    `points` are those that are quoted, by the efficiency for the class.
    """

    label: str
    colour: str
    efficiency: ArrayLike
    passes: ArrayLike
    points: Mapping[str, Measured]


@style.styled
def rejection(
    others: Sequence[Rejected],
    *,
    own: str,
    title: str = "",
    banner: style.Banner | None = None,
) -> Figure:
    """How many events of each other class there are for one that passes, on unseen events."""
    figure, axes = style.single()
    highest = 1.0
    for other in others:
        efficiency, passes = np.asarray(other.efficiency, float), np.asarray(other.passes, float)
        shown = (passes > 0.0) & (efficiency > 0.02)
        axes.plot(
            efficiency[shown], 1.0 / passes[shown], color=other.colour, lw=3, label=other.label
        )
        highest = max(highest, (1.0 / passes[shown]).max(initial=1.0))
        for efficiency_at, number in other.points.items():
            value, error = number["value"], number["error"]
            if value > 0.0:
                # the error of 1 / x is that of x, divided by x²
                axes.errorbar(
                    float(efficiency_at),
                    1.0 / value,
                    yerr=error / value**2,
                    fmt="o",
                    ms=9,
                    elinewidth=2,
                    color=other.colour,
                    markeredgecolor="black",
                )
    axes.set(xlim=(0, 1), xlabel=f"Efficiency for {own}", ylabel="Rejection, 1 / efficiency")
    style.make_room(axes, highest, 1.0, len(others) + 1.3, log=True)
    axes.tick_params(axis="both", which="major", pad=10)
    style.finish(axes, "upper right", unseen(title), banner)
    return figure


@style.styled
def confusion(
    labels: Sequence[str],
    shares: ArrayLike,
    *,
    title: str = "",
    banner: style.Banner | None = None,
) -> Figure:
    """Shares (true, assigned) of each class by the class of the highest score, in per cent."""
    shares = np.asarray(shares, float)
    wide = style.widest(labels, 19)
    rotation = 0 if wide < 6.0 / len(labels) else 30
    left = min(0.5, (1.3 + wide) / style.SIZE)
    bottom = 0.16 + rotation / 30 * min(0.25, 0.5 * wide / style.SIZE)
    figure = Figure(figsize=(style.SIZE, style.SIZE))
    axes = figure.add_axes((left, bottom, 0.96 - left, 0.93 - bottom))
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
    for (true, assigned), share in np.ndenumerate(shares):
        colour = "white" if share > 0.55 else "black"
        axes.text(
            assigned, true, f"{100 * share:.1f} %", ha="center", va="center",
            color=colour, fontsize=24 if len(labels) < 5 else 16,
        )  # fmt: skip
    positions = np.arange(len(labels))
    axes.set_xticks(positions, labels, fontsize=19, rotation=rotation,
                    ha="right" if rotation else "center")  # fmt: skip
    axes.set_yticks(positions, labels, fontsize=19)
    axes.tick_params(which="both", length=0)
    axes.minorticks_off()
    axes.set_xlabel("Class of the highest score")
    axes.set_ylabel("True class", labelpad=14)
    if banner:
        banner.draw(axes)
    if title:
        figure.text(left, 0.02, f"{title}, unseen events", fontsize=19, fontweight="bold")
    return figure


@style.styled
def significance(
    threshold: ArrayLike,
    z: ArrayLike,
    *,
    label: str,
    title: str = "",
    banner: style.Banner | None = None,
) -> Figure:
    """The counting significance of unseen events above each threshold, (points,), and the best."""
    figure, axes = style.single()
    threshold, z = np.asarray(threshold, float), np.asarray(z, float)
    axes.plot(threshold, z, color=style.BLUE, lw=3, label="Events above the threshold")
    if len(z):
        best = int(np.argmax(z))
        text = f"Best: {z[best]:.3g} above {threshold[best]:.3g}"
        axes.plot(threshold[best], z[best], "*", color="black", ms=17, label=text)
    style.make_room(axes, float(np.max(z, initial=0.0)), 0.0, 3.3, log=False)
    axes.set(
        xlim=(0, 1),
        xlabel=f"Threshold on the {label[0].lower()}{label[1:]}",
        ylabel="Expected significance (counting)",
    )
    axes.tick_params(axis="both", which="major", pad=10)
    style.finish(axes, "upper left", unseen(title), banner)
    return figure


@style.styled
def importance(
    numbers: Mapping[str, Measured], *, title: str = "", banner: style.Banner | None = None
) -> Figure:
    """By how much the area under the curve falls where an input, by its label, is shuffled."""
    ranked = sorted(numbers.items(), key=lambda item: item[1]["value"])
    labels = [label for label, _ in ranked]
    left = min(0.5, (0.5 + style.widest(labels, 19)) / style.SIZE)
    height = max(6.0, 2.2 + 0.42 * len(labels))
    figure = Figure(figsize=(style.SIZE, height))
    axes = figure.add_axes((left, 1.1 / height, 0.95 - left, 1 - 1.9 / height))
    places = np.arange(len(labels))
    axes.barh(
        places,
        [number["value"] for _, number in ranked],
        xerr=[number["error"] for _, number in ranked],
        color=style.BLUE,
        error_kw={"elinewidth": 2},
    )
    axes.set_yticks(places, labels, fontsize=19)
    axes.tick_params(axis="y", which="both", length=0)
    axes.minorticks_off()
    axes.axvline(0.0, color="black", lw=1)
    axes.set(ylim=(-0.7, len(labels) - 0.3), xlabel="AUC lost where it is shuffled")
    if title:
        axes.text(0.97, 0.04, f"{title},\nunseen events", transform=axes.transAxes,
                  ha="right", va="bottom", fontsize=18)  # fmt: skip
    if banner:
        banner.draw(axes)
    return figure


@style.styled
def slices(
    parts: Mapping[str, Weighted],
    edges: ArrayLike,
    *,
    label: str,
    unit: str = "",
    title: str = "",
    dependence: Dependence | None = None,
    banner: style.Banner | None = None,
) -> Figure:
    """An observable in slices of a score, from low to high, each normalised: equal or sculpted."""
    figure, axes = style.single()
    edges = np.asarray(edges, float)
    centres, drawn = (edges[1:] + edges[:-1]) / 2, []
    for (name, part), colour in zip(parts.items(), SHADES, strict=False):
        density, error = part.density(edges)
        axes.stairs(density, edges, color=colour, lw=3, label=part.entry(name))
        axes.errorbar(centres, density, yerr=error, fmt="none", color=colour, elinewidth=2)
        drawn.append(density + error)
    if dependence is not None:
        text = measured(dependence["value"], dependence["error"])
        title += f"\n$R^2$ = {text}, by chance {dependence['by_chance']:.1g}"
    make_room(axes, drawn, len(parts) + len(title.splitlines()), log=False)
    axes.set(xlim=(edges[0], edges[-1]), xlabel=style.x_label(label, unit))
    axes.set_ylabel(f"Share of events per {unit}" if unit else "Share of events per unit")
    style.finish(axes, "upper right", title, banner)
    return figure
