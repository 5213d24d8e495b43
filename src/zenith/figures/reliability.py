"""Whether the scores of a network are probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from zenith.figures import style
from zenith.figures.networks import legend_of_unseen


@dataclass(frozen=True)
class Scored:
    """A class in bins of its score: mean score, share of the class and its error, (bins,) each."""

    label: str
    colour: str
    score: ArrayLike
    share: ArrayLike
    error: ArrayLike


@style.styled
def reliability(
    classes: Sequence[Scored], *, title: str = "", banner: style.Banner | None = None
) -> Figure:
    """The share of each class against its score, on unseen events; equal where it is calibrated."""
    figure, axes = style.single()
    axes.plot([0, 1], [0, 1], color=style.GREY, ls=":", lw=2, label="Calibrated")
    for c in classes:
        axes.errorbar(
            c.score,
            c.share,
            yerr=c.error,
            fmt="o",
            ms=9,
            elinewidth=2,
            color=c.colour,
            markeredgecolor="black",
            label=c.label,
        )
    own = classes[0].label if len(classes) == 1 else "the class"
    axes.set(xlim=(0, 1), ylim=(-0.03, 1.03), xlabel=f"Score for {own}", ylabel=f"Share of {own}")
    legend_of_unseen(axes, "upper left", title)
    if banner:
        banner.draw(axes)
    return figure
