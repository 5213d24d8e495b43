"""Categories of the efficient score, each fitted in bins of an observable, and their climb.

With t = s_μ − a · s_ν of an event (`zenith.core.response`), a = 0 leaves the share of the signal:
what class ratios give that cross-entropy has taught. The projection is the exact optimum of the
coefficients to first order, and edges are the exact optimum of what is kept in the cells of
category and bin. From there coefficients and edges move together by the gradient of the expected
result; then the edges are the best ones again, so that no category is empty, the same as another or
of too few events. All of it is found on the validation fold: on the learning folds trees know their
events.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import Columns
from zenith.config import Analysis
from zenith.config.channels import channels_of, edge_names
from zenith.config.efficient_score import SCORE
from zenith.config.selection import FitObservable, RegionCut
from zenith.config.variants import CATEGORIES
from zenith.core.response.efficient_score import EfficientScore
from zenith.core.response.projection import best_edges, efficient
from zenith.errors import InputError
from zenith.optimisation.coefficients import units, with_parameter_scores
from zenith.optimisation.selection import Physical, physical
from zenith.training.efficient_score import is_background, parameter_scores, projection
from zenith.training.response import Events, simulated_events

Array = NDArray[np.float64]


class Asked(NamedTuple):
    """The categories that are asked for."""

    number: int
    fit: FitObservable  # of each
    effective_events: float  # of the background, that each has at least
    keys: tuple[str, str]  # of the configuration, that say the number and these events

    @classmethod
    def of(cls, analysis: Analysis) -> "Asked":
        """Those of an analysis with categories in place of its regions."""
        region = analysis.regions[CATEGORIES]
        assert region.categories is not None
        number, least = region.categories.count, region.categories.minimum_events
        section = "climbed_categories"
        return cls(number, region.fit, least, (f"{section}.number", f"{section}.minimum_events"))

    def same_as(self, other: "Asked") -> bool:
        """Whether both ask for the same categories, whatever the keys that do."""
        return self._replace(keys=other.keys) == other


def events_in_bins(analysis: Analysis, columns: Mapping[str, Columns], asked: Asked) -> Events:
    """All simulated events that pass the cuts: features of the score, then what is fitted."""
    assert analysis.summary is not None
    mva = analysis.mva[analysis.summary.network]
    return simulated_events(analysis, columns, mva, more=[asked.fit.observable])


def best(
    analysis: Analysis,
    score: EfficientScore,
    events: Events,
    fold: int,
    asked: Asked,
    coefficients: Array | None = None,
) -> EfficientScore:
    """The score with the best categories as its bins, found on the validation fold of a fold.

    Of all edges on a grid they keep the most information on the signal strength in the cells of
    category and bin. `events` are those of `events_in_bins`, `coefficients` those of t, by default
    the projection's. Raises InputError where the background does not fill as many categories.
    """
    inside = (events.fold == analysis.folds.validation(fold)) & (events.weight != 0.0)
    seen = events.take(inside)
    s = parameter_scores(score, seen.x[:-1])
    weight = seen.weight * (events.weight.sum() / seen.weight.sum())
    projected = projection(analysis, score, s, weight).coefficients
    own = projected if coefficients is None else coefficients
    t = efficient(s, own)
    axis = np.asarray(asked.fit.edges.edges)
    bins = np.searchsorted(axis, seen.x[-1], side="right") - 1
    found = best_edges(
        efficient(s, projected),
        seen.weight,
        asked.number,
        is_background=is_background(analysis, seen),
        effective_events=asked.effective_events,
        cells=np.clip(bins, 0, len(axis) - 2),
        order_by=t,
    )
    if len(found.edges) != asked.number - 1:
        raise InputError(
            f"{asked.keys[0]}: the background fills {len(found.edges) + 1} categories with "
            f"{asked.effective_events:g} effective events each, not {asked.number}: write fewer, "
            f"lower {asked.keys[1]}, or simulate more"
        )
    known = np.unique(t)
    at = np.searchsorted(known, found.edges)
    between = (known[at - 1] + known[at]) / 2  # no event is on an edge
    return score.projecting(own, np.concatenate([known[:1], between, known[-1:]]))


class Begun(NamedTuple):
    """Where the climb of a fold begins."""

    columns: dict[str, Columns]  # with scores of parameters, in `unit`s, of the validation fold
    start: Physical
    score: EfficientScore
    unit: Array  # (A,) of each coefficient, which makes it a pure number
    events: Events  # of `events_in_bins`

    def moved(self, physical: Physical) -> EfficientScore:
        """The score as a climb has moved it, its bins the categories where it has left them."""
        head, inner = physical["networks"][SCORE], physical["category_edges"][CATEGORIES].edges
        ends = np.asarray(head.edges, float)
        places = np.arange(len(ends)) / (len(ends) - 1)
        edges = np.interp(np.concatenate([[0.0], inner, [1.0]]), places, ends)
        return self.score.projecting(np.asarray(head.coefficients) * self.unit, edges)

    def settled(self, analysis: Analysis, physical: Physical, fold: int) -> EfficientScore:
        """The same with the best categories of where its coefficients are."""
        moved, asked = self.moved(physical), Asked.of(analysis)
        coefficients = np.asarray(moved.projected.coefficients, float)
        return best(analysis, moved, self.events, fold, asked, coefficients)


def begun(
    analysis: Analysis, columns: Mapping[str, Columns], score: EfficientScore, fold: int
) -> Begun:
    """The best categories of the projected score, as what a climb moves.

    `analysis` has them in place of its regions, `score` is that of the fold, with any coefficients.
    The moving score is in units of its categories at the start, from 0 to 1. Raises InputError as
    `best` does.
    """
    asked = Asked.of(analysis)
    events = events_in_bins(analysis, columns, asked)
    score = best(analysis, score, events, fold, asked)
    seen = with_parameter_scores(analysis, columns, score, analysis.folds.validation(fold))
    unit = np.asarray(units(score, seen), float)
    scale = dict(zip(score.projected.features[1:], unit, strict=True))

    def scaled(values: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        return {n: np.float32(scale[n]) * x if n in scale else x for n, x in values.items()}

    in_units = {
        name: replace(
            own,
            values=scaled(own.values),
            shapes={shape: scaled(values) for shape, values in own.shapes.items()},
        )
        for name, own in seen.items()
    }
    pure = np.asarray(score.projected.coefficients) / np.where(unit > 0.0, unit, 1.0)
    head = replace(score.projected, coefficients=jnp.asarray(pure, jnp.float32))
    names = edge_names(CATEGORIES, analysis.parted[CATEGORIES])
    edges = {name: k / asked.number for k, name in enumerate(names, start=1)}
    return Begun(in_units, physical(analysis, edges, {SCORE: head}), score, unit, events)


def in_bins(analysis: Analysis) -> Analysis:
    """The analysis with the equal bins of the score, from 0 to 1, as its regions: nothing moves."""
    whole, number = analysis.regions[CATEGORIES], Asked.of(analysis).number
    edges = [k / number for k in range(1, number)]
    regions = {}
    for k, channel in enumerate(channels_of(analysis.regions, CATEGORIES)):
        above = [f"{SCORE} >= {edge}" for edge in edges[max(k - 1, 0) : k]]
        below = [f"{SCORE} < {edge}" for edge in edges[k : k + 1]]
        cuts = (*whole.cuts, *(RegionCut(cut=cut) for cut in (*above, *below)))
        regions[channel] = whole.model_copy(
            update={"label": f"Category {k + 1}", "cuts": cuts, "categories": None}
        )
    return analysis.model_copy(update={"regions": regions})
