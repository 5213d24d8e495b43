"""The figures of the efficient score: from its files and events to named figures.

As `gallery`: each function yields (name, figure), one at a time.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zenith.artefacts.comparison import Comparison
from zenith.artefacts.efficient_score import EfficientScore
from zenith.config import Analysis
from zenith.figures import efficient_score as draw
from zenith.figures import fineness, style
from zenith.figures.naming import Figures, axis_of, banner
from zenith.optimisation.rivals import rival_fit
from zenith.statistics.naming import parameter_labels

Array = NDArray[np.float64]


def projection(analysis: Analysis, of_folds: Sequence[EfficientScore]) -> Figures:
    """`projection`: what each nuisance parameter takes away, none where there is none."""
    assert analysis.summary is not None
    names = list(of_folds[0]["parameters"])
    if not names:
        return
    labels = parameter_labels(analysis, names)

    def table(key: str, scale: Sequence[float]) -> Array:
        rows = [[about["parameters"][name].get(key) for name in names] for about in of_folds]
        return np.asarray(np.array(rows, float) / np.array(scale)[:, None])

    yield (
        "projection",
        draw.projection(
            [labels[name] for name in names],
            table("cost", [about["information"] for about in of_folds]),
            table("significance", [1.0] * len(of_folds)),
            analysis.summary.responses.significance,
            banner=banner(analysis),
        ),
    )


def against(
    analysis: Analysis,
    observable: str,
    values: ArrayLike,
    place: ArrayLike,
    weight: ArrayLike,
    is_signal: NDArray[np.bool_],
) -> Figures:
    """`against_{observable}`: the score of simulated events, (N,), against an observable.

    Of each event `values` has the observable, `place` the score and `weight` the expected events;
    what is beyond an axis is in its first and last cell.
    """
    assert analysis.summary is not None
    x, y, weight = (np.asarray(array, float) for array in (values, place, weight))
    known = analysis.observables.get(observable)
    edges = np.array(known.edges.edges) if known else np.linspace(x.min(), x.max(), 31)
    bins = np.linspace(0.0, 1.0, analysis.summary.all_bins + 1)
    inside = np.clip(x, edges[0], np.nextafter(edges[-1], edges[0]))
    background, signal = (
        np.histogram2d(inside, y, (edges, bins), weights=weight * chosen)[0]
        for chosen in (~is_signal, is_signal)
    )
    axis, signals = axis_of(analysis, observable), analysis.signals_of_interest
    yield (
        f"against_{observable.replace(':', '_')}",
        draw.against(
            edges,
            bins,
            background,
            signal,
            labels=(style.x_label(axis["label"], axis["unit"]), analysis.summary.label),
            names=("Background", " + ".join(analysis.processes[name].label for name in signals)),
            cells=analysis.summary.number_of_cells,
            colour=analysis.processes[signals[0]].colour,
            banner=banner(analysis),
        ),
    )


def numbers(analysis: Analysis, content: Comparison) -> Figures:
    """`numbers`: against the number of bins of the efficient score, and of categories of trees."""
    found = content.get("by_number")
    if found is None:
        return
    observable = axis_of(analysis, rival_fit(analysis).observable)["label"]
    names = {
        "efficient_score": (_bins(analysis), style.BLUE),
        "trees": (f"Boosted trees, categories × {observable}", style.RED),
    }
    quoted = content["expected_significance"]
    curves = [
        fineness.Numbers(
            label,
            colour,
            found[name]["numbers"],
            found[name]["z"],
            found[name]["configured"],
            quoted[name]["z"],
            quoted[name]["error"],
        )
        for name, (label, colour) in names.items()
    ]
    yield "numbers", fineness.against_numbers(curves, banner=banner(analysis))


def _bins(analysis: Analysis) -> str:
    assert analysis.summary is not None
    cells = analysis.summary.number_of_cells
    return "Efficient score, bins" + (f" in each of {cells} cells" if cells > 1 else "")
