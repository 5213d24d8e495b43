"""Whether the scores of a network are probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from zenith.figures import style
from zenith.figures.networks import unseen


@dataclass(frozen=True)
class Scored:
    """A class in bins of its score: mean score, share of the class and its error, (bins,) each."""

    label: str
    colour: str
    score: ArrayLike
    share: ArrayLike
    error: ArrayLike
    distance: float  # expected calibration error
    calibrated: bool = True  # False: before a calibration


@style.styled
def reliability(
    classes: Sequence[Scored], *, title: str = "", banner: style.Banner | None = None
) -> Figure:
    """The share of each class against its score, on unseen events; equal where it is calibrated.

    Points before a calibration are open.
    """
    figure, axes = style.single()
    axes.plot([0, 1], [0, 1], color=style.GREY, ls=":", lw=2, label="Share = score")
    before = any(not c.calibrated for c in classes)
    for c in sorted(classes, key=lambda c: c.calibrated):
        when = (", calibrated" if c.calibrated else ", before") if before else ""
        axes.errorbar(
            c.score,
            c.share,
            yerr=c.error,
            fmt="o" if c.calibrated else "s",
            ms=9,
            elinewidth=2,
            color=c.colour,
            markerfacecolor=c.colour if c.calibrated else "white",
            markeredgecolor="black" if c.calibrated else c.colour,
            markeredgewidth=1 if c.calibrated else 2,
            label=f"{c.label}{when}, ECE {c.distance:.2g}",
        )
    own = classes[0].label if len({c.label for c in classes}) == 1 else "the class"
    lines = len(classes) + 2
    free = style.LINE * (lines + 0.9) / 0.83 if lines > 4 else 0.0  # else the corner has room
    top = 1.03 / (1.0 - min(free, 0.6))
    axes.set(xlim=(0, 1), ylim=(-0.03, top), xlabel=f"Score for {own}", ylabel=f"Share of {own}")
    style.finish(axes, "upper left", unseen(title), banner)
    return figure
