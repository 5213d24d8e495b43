"""How fine a summary must be: expected significance against numbers of bins, and of categories.

Events are histogrammed once, in cells between all the edges that any number asks for, fold by fold;
of every number the cells are then merged into bins. The model has as many bins as the largest
number, and what a smaller one leaves is empty, so that one compiled program serves all of them.
Empty bins have no signal, and as much background as one simulated event stands for: they tell
nothing. They are at the low end, where smoothing sees them beside bins of many events.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import Columns
from zenith.artefacts.comparison import ByNumber
from zenith.config import Analysis
from zenith.config.efficient_score import SCORE
from zenith.config.selection import Axis, FitObservable, Region, RegionCut
from zenith.config.variants import blinded, summarised, with_regions
from zenith.core.likelihood.recipe import Histograms
from zenith.core.response.efficient_score import EfficientScore
from zenith.core.response.projection import best_edges, efficient
from zenith.core.selection.objective import QUICKLY_COMPILED, Objective
from zenith.errors import InputError
from zenith.optimisation import model
from zenith.optimisation.rivals import SHARE, regions_of_categories, rival_fit
from zenith.statistics.histograms import fill
from zenith.statistics.templates import RegionTemplates, collect
from zenith.training.efficient_score import is_background, parameter_scores, projection
from zenith.training.response import simulated_events
from zenith.training.scores import Values, add_by_fold

CELL = "cell"
BINS = (2, 3, 5, 8, 12, 18, 25, 35, 50)
CATEGORIES = (1, 2, 3, 4, 6, 8)
Array = NDArray[np.float64]


class _Divided(NamedTuple):
    """What is divided among bins: an observable, in cells of an axis that stays as it is."""

    observable: str
    edges: dict[int, list[Array]]  # of each number, the inner edges of each fold and all groups
    axis: Array  # (M + 1,) edges of the other axis; (2,) if there is none
    other: str  # its observable; empty if there is none
    overflow: bool
    groups: int = 1  # that each number is of: the cells of a summary

    def fine(self, fold: int) -> Array:
        """All edges of a fold, ascending."""
        return np.unique(np.concatenate([edges[fold] for edges in self.edges.values()]))

    def cells(self, fold: int, first: int, values: Values) -> Values:
        """The cells of events, the first of the fold is `first`; -1 is none."""
        row = np.searchsorted(self.fine(fold), values[self.observable], side="right")
        column = np.zeros_like(row)
        if self.other:
            column = np.searchsorted(self.axis, values[self.other], side="right") - 1
            if self.overflow:
                column = np.clip(column, 0, len(self.axis) - 2)
        inside = (column >= 0) & (column < len(self.axis) - 1)
        cell = first + row * (len(self.axis) - 1) + column
        return {CELL: np.where(inside, cell, -1).astype(np.float32)}

    def merged(self, number: int) -> NDArray[np.intp]:
        """Of each cell of all folds, the row of `number` that it is in."""
        rows = []
        for fold in range(len(next(iter(self.edges.values())))):
            fine = self.fine(fold)
            lowest = np.searchsorted(self.edges[number][fold], fine, side="right")
            rows.append(np.repeat([0, *lowest], len(self.axis) - 1))
        return np.concatenate(rows)


def against_numbers(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    scores: Sequence[EfficientScore],
    bins: Sequence[int] = BINS,
    categories: Sequence[int] = CATEGORIES,
) -> dict[str, ByNumber]:
    """Of `efficient_score` and of `trees`: Z with other numbers of bins, and of categories.

    `columns` have the efficient score and the share of the signal, each event by its fold. Edges
    are the best ones on the validation fold of each, as they are for the number that is configured;
    a number that the background of a fold does not fill is left out.
    """
    assert analysis.summary is not None
    settings, mva = analysis.summary, analysis.mva[analysis.summary.network]
    fit = rival_fit(analysis)
    axis = np.asarray(fit.edges.edges, float)
    events = simulated_events(analysis, columns, mva, more=[fit.observable])
    background = is_background(analysis, events)
    # by the score of each fold: scores of the parameters, t of the rival, and the events
    seen = []
    for fold, score in enumerate(scores):
        inside = (events.fold == analysis.folds.validation(fold)) & (events.weight != 0.0)
        own = events.take(inside)
        s = parameter_scores(score, own.x[:-1])
        weight = own.weight * (events.weight.sum() / own.weight.sum())
        first_order = projection(analysis, score, s, weight).coefficients
        seen.append((score.projected, s, efficient(s, first_order), own, background[inside]))

    def in_bins(number: int) -> list[Array] | None:
        found = []
        for projected, s, _, own, of_background in seen:
            t = efficient(s, np.asarray(projected.coefficients, float))
            of_cell, of_fold = projected.cell(s), []
            for cell, whole in enumerate(np.asarray(projected.edges_of_cells, float)):
                inside = of_cell == cell
                inner = _inner_edges(
                    number,
                    *(t[inside], own.weight[inside]),
                    is_background=of_background[inside],
                    effective_events=settings.effective_events,
                )
                if inner is None:
                    return None
                # of t, whose place in its bins is a column
                place = np.interp(inner, whole, np.linspace(0.0, 1.0, len(whole)))
                of_fold.append((cell + np.append(place, 1.0)) / settings.number_of_cells)
            found.append(np.concatenate(of_fold)[:-1])
        return found

    def in_categories(number: int) -> list[Array] | None:
        found = []
        for _, s, t, own, of_background in seen:
            bins = np.searchsorted(axis, own.x[-1], side="right") - 1
            inner = _inner_edges(
                number,
                *(t, own.weight),
                is_background=of_background,
                effective_events=settings.effective_events,
                cells=np.clip(bins, 0, len(axis) - 2),
                order_by=s[0],
            )
            if inner is None:
                return None
            found.append(inner)
        return found

    def known(
        edges: Callable[[int], list[Array] | None], numbers: Sequence[int], also: int
    ) -> dict[int, list[Array]]:
        found = {number: edges(number) for number in sorted({*numbers, also})}
        return {number: of_folds for number, of_folds in found.items() if of_folds is not None}

    of_bins = _Divided(
        SCORE,
        known(in_bins, bins, settings.bins),
        *(np.array([0.0, 1.0]), "", True),
        settings.number_of_cells,
    )
    of_categories = _Divided(
        SHARE,
        known(in_categories, categories, settings.rival.categories),
        *(axis, fit.observable, fit.overflow == "include"),
    )
    most = settings.model_copy(update={"bins": max(of_bins.edges)})
    binned = summarised(analysis.model_copy(update={"summary": most}))
    parted = with_regions(analysis, regions_of_categories(analysis, max(of_categories.edges)))
    return {
        "efficient_score": {
            "numbers": [*of_bins.edges],
            "z": _evaluated(binned, columns, of_bins, mva.cuts),
            "configured": settings.bins,
        },
        "trees": {
            "numbers": [*of_categories.edges],
            "z": _evaluated(parted, columns, of_categories, mva.cuts),
            "configured": settings.rival.categories,
        },
    }


def _inner_edges(number: int, t: Array, weight: Array, **options: Any) -> Array | None:
    """The best edges between a number of bins, (number - 1,); None if they cannot be filled."""
    try:
        found = best_edges(t, weight, number, **options).edges
    except InputError:  # not even one
        return None
    return found if len(found) == number - 1 else None


def _evaluated(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    divided: _Divided,
    cuts: Sequence[str],
) -> list[float]:
    """Z of each number, in the model of the largest."""
    templates = _cells(analysis, columns, divided, cuts)
    objective = model.objective(analysis, quantity="significance")
    columns_of_row, regions = len(divided.axis) - 1, list(analysis.regions)
    total, most = objective.structure.bins, max(divided.edges)
    found = []
    for number in divided.edges:
        rows = divided.merged(number)
        column = np.tile(np.arange(columns_of_row), len(rows) // columns_of_row)
        group, row = np.divmod(rows, number)  # at the high end of its group
        place = ((group + 1) * most - number + row) * columns_of_row + column

        def summed(values: Array, place: NDArray[np.intp] = place) -> jax.Array:
            return jnp.asarray([np.bincount(place, row, minlength=total) for row in values])

        nominal, variance = summed(templates.nominal), summed(templates.variance)
        sides = {
            f"{name}_{side}": summed(varied)
            for name, both in templates.variations.items()
            for side, varied in zip(("up", "down"), both, strict=True)
        }
        histograms = {
            region: Histograms(
                nominal[:, inside],
                variance[:, inside],
                {name: varied[:, inside] for name, varied in sides.items()},
                jnp.asarray(templates.sums),
            )
            for region in regions
            for inside in [objective.structure.slices[region]]
        }
        found.append(float(_value(objective, histograms, templates.processes)))
    return found


@partial(jax.jit, static_argnames="processes", compiler_options=QUICKLY_COMPILED)
def _value(
    objective: Objective, histograms: Mapping[str, Histograms], processes: tuple[str, ...]
) -> jax.Array:
    return objective.value(objective.templates(histograms, processes))


def _cells(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    divided: _Divided,
    cuts: Sequence[str],
) -> RegionTemplates:
    """The templates of the events in all cells, those of one fold after those of another."""
    sizes = [
        (len(divided.fine(fold)) + 1) * (len(divided.axis) - 1)
        for fold in range(analysis.folds.number)
    ]
    firsts = np.cumsum([0, *sizes])

    functions = [partial(divided.cells, fold, int(firsts[fold])) for fold in range(len(sizes))]
    axis = Axis.model_validate({"start": 0, "stop": int(firsts[-1]), "bins": int(firsts[-1])})
    region = Region(
        label="",
        cuts=tuple(RegionCut(cut=cut) for cut in (*cuts, f"{CELL} >= 0")),
        fit=FitObservable(observable=CELL, edges=axis),
    )
    blind = blinded(with_regions(analysis, {CELL: region}))
    histograms = fill(
        blind,
        {sample: add_by_fold(own, functions, analysis.folds) for sample, own in columns.items()},
    )
    (templates,) = collect(blind, histograms, "cells of all folds")
    return templates
