"""A fake factor, and its closure: what it predicts beside what is observed.

Bins are drawn of equal width, whatever they are wide, with their edges as ticks: those of a factor
are few, and the last one ends where there are no events.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from zenith.figures import style
from zenith.figures.stacks import divide


@dataclass(frozen=True)
class Compared:
    """Fakes in the bins of an observable, with their errors: (bins,) each, edges (bins + 1,)."""

    edges: ArrayLike
    predicted: ArrayLike
    predicted_error: ArrayLike
    observed: ArrayLike
    observed_error: ArrayLike


@style.styled
def closure(
    fakes: Compared,
    *,
    label: str,
    unit: str = "",
    text: Sequence[str] = (),
    uncertainty: float | None = None,
    banner: style.Banner | None = None,
) -> Figure:
    """Predicted and observed fakes above their ratio, with the relative uncertainty of closure."""
    edges, centres = _places(fakes.edges)
    predicted, error = np.asarray(fakes.predicted), np.asarray(fakes.predicted_error)
    observed, its_error = np.asarray(fakes.observed), np.asarray(fakes.observed_error)
    figure, (main, ratio) = style.panels()
    band: dict[str, Any] = {"fill": True, "color": "#c9ccd1", "zorder": 0}
    points: dict[str, Any] = {"fmt": "o", "color": "black", "ms": 8, "elinewidth": 2}
    entries: dict[str, Any] = {
        "Data minus prompt simulation": main.errorbar(
            centres, observed, yerr=its_error, xerr=0.5, **points
        ),
        "Loose events times fake factor": main.stairs(predicted, edges, color=style.BLUE, lw=2),
        "Uncertainty": main.stairs(predicted + error, edges, baseline=predicted - error, **band),
    }
    spread = np.nan_to_num(divide(error, predicted))
    ratio.stairs(1.0 + spread, edges, baseline=1.0 - spread, **band)
    of_ratio, its_spread = divide(observed, predicted), divide(its_error, predicted)
    ratio.errorbar(centres, of_ratio, yerr=its_spread, xerr=0.5, **points)
    ratio.axhline(1.0, color=style.BLUE, lw=2)
    if uncertainty is not None:
        for side in (1.0 - uncertainty, 1.0 + uncertainty):
            ratio.axhline(side, color=style.RED, ls="--", lw=2)
        entries["Uncertainty of the closure"] = ratio.lines[-1]
    highest = float(np.max(np.concatenate([predicted + error, observed + its_error])))
    style.make_room(main, highest, 0.0, len(text) + len(entries) + 0.5, log=False)
    style.add_text(main, text)
    style.add_legend(main, entries, 1, len(text))
    reach = np.nanmax(np.abs(np.concatenate([of_ratio - 1.0, [0.2]])))
    ratio.set(
        xlim=(edges[0], edges[-1]),
        xticks=edges,
        xticklabels=[f"{edge:g}" for edge in np.asarray(fakes.edges)],
        ylim=(1.0 - min(1.3 * reach, 1.0), 1.0 + min(1.3 * reach, 1.0)),
        xlabel=style.x_label(label, unit),
        ylabel="Ratio",
    )
    main.set_ylabel("Fakes / bin")
    for axes in (main, ratio):
        axes.tick_params(axis="x", which="minor", bottom=False, top=False)
    if banner:
        banner.draw(main)
    return figure


@style.styled
def factor(
    edges: ArrayLike,
    values: ArrayLike,
    errors: ArrayLike,
    *,
    label: str,
    unit: str = "",
    text: Sequence[str] = (),
    banner: style.Banner | None = None,
) -> Figure:
    """The mean fake factor of loose events in bins of an observable, (bins,), and its error."""
    values, errors = np.asarray(values, float), np.asarray(errors, float)
    figure, axes = style.single()
    places, centres = _places(edges)
    axes.errorbar(
        centres, values, yerr=errors, xerr=0.5, fmt="o", color=style.BLUE, ms=8, elinewidth=2
    )
    style.make_room(axes, float(np.max(values + errors)), 0.0, len(text), log=False)
    style.add_text(axes, text)
    axes.set(
        xlim=(places[0], places[-1]),
        xticks=places,
        xticklabels=[f"{edge:g}" for edge in np.asarray(edges)],
        xlabel=style.x_label(label, unit),
        ylabel="Fake factor",
    )
    axes.tick_params(axis="x", which="minor", bottom=False, top=False)
    if banner:
        banner.draw(axes)
    return figure


def _places(edges: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where edges and centres of bins are drawn."""
    places = np.arange(np.size(edges), dtype=float)
    return places, places[:-1] + 0.5
