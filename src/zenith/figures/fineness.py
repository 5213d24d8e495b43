"""How many bins and categories are enough."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from zenith.figures import style


@dataclass(frozen=True)
class Numbers:
    """Significance against a number, (points,) each, and what is quoted for one of them."""

    label: str
    colour: str
    numbers: Sequence[int]
    z: Sequence[float]
    chosen: int
    quoted: float
    error: float


@style.styled
def against_numbers(
    curves: Sequence[Numbers],
    *,
    label: str = "Expected significance [σ]",
    banner: style.Banner | None = None,
) -> Figure:
    """Significance against numbers of bins or categories; stars with errors are what is quoted."""
    figure, axes = style.single()
    for curve in curves:
        axes.plot(curve.numbers, curve.z, "o-", color=curve.colour, lw=3, ms=9, label=curve.label)
        axes.errorbar(
            [curve.chosen],
            [curve.quoted],
            yerr=[curve.error],
            fmt="*",
            color=curve.colour,
            mec="black",
            ms=24,
            elinewidth=3,
            capsize=5,
            zorder=5,
        )
    values = np.array([value for curve in curves for value in (*curve.z, curve.quoted)])
    low, high = values.min(), values.max()
    span = (high - low) or 1.0
    # room for the legend below the curves, which rise
    axes.set_ylim(low - (0.12 + 0.09 * (len(curves) + 1)) * span, high + 0.15 * span)
    numbers = [number for curve in curves for number in curve.numbers]
    style.number_axis(axes, numbers, "Number of bins, or of categories")
    axes.set_ylabel(label)
    handles, entries = axes.get_legend_handles_labels()
    handles.append(Line2D([], [], color="white", marker="*", mec="black", ls="none", ms=20))
    axes.legend(handles, [*entries, "As configured and quoted"], loc="lower right")
    if banner:
        banner.draw(axes)
    return figure
