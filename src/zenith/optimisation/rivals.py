"""What a summary is compared with: the same class ratios as people use them.

Boosted trees, or another network, give the share of the signal in the intensity. Categories of it
are fitted in the bins of an observable, with the edges that keep the most information on the signal
strength in the cells of category and bin; the efficient score says what is information where
nuisance parameters are profiled, so that nothing is lost by edges that do not know them.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from zenith.artefacts import Columns
from zenith.config import Analysis
from zenith.config.selection import FitObservable, Region, RegionCut
from zenith.config.variants import with_regions
from zenith.core.response.efficient_score import EfficientScore
from zenith.core.response.projection import best_edges, efficient
from zenith.errors import InputError
from zenith.statistics.model import fitted_regions
from zenith.training.efficient_score import (
    is_background,
    parameter_scores,
    projection,
    signal_share,
)
from zenith.training.response import simulated_events
from zenith.training.scores import Values, add_by_fold

SHARE = "signal_share"
CATEGORY = "signal_share_category"


def rival_fit(analysis: Analysis) -> FitObservable:
    """What each category is fitted in."""
    assert analysis.summary is not None
    return analysis.regions[analysis.summary.rival.region or fitted_regions(analysis)[0]].fit


def regions_of_categories(analysis: Analysis, number: int) -> dict[str, Region]:
    """A region for each category."""
    assert analysis.summary is not None
    mva, fit = analysis.mva[analysis.summary.network], rival_fit(analysis)
    return {
        f"category_{k + 1}": Region(
            label=f"Category {k + 1}",
            cuts=tuple(RegionCut(cut=cut) for cut in (*mva.cuts, f"{CATEGORY} == {k}")),
            fit=fit.model_copy(update={"tune_edges": None}),
        )
        for k in range(number)
    }


def in_categories(
    analysis: Analysis, columns: Mapping[str, Columns], scores: Sequence[EfficientScore]
) -> tuple[Analysis, dict[str, Columns]]:
    """The analysis with categories in place of its regions, and the columns that they cut on.

    Beside these the columns have the share of the signal.

    `scores` are those of the folds, of which only what their learning folds taught is used; edges
    are found on the validation fold. Raises InputError where the background does not fill as many
    categories.
    """
    assert analysis.summary is not None
    settings, mva = analysis.summary, analysis.mva[analysis.summary.network]
    number = settings.rival.categories
    fit = rival_fit(analysis)
    events = simulated_events(analysis, columns, mva, more=[fit.observable])
    background = is_background(analysis, events)
    edges = np.asarray(fit.edges.edges)

    def of_fold(fold: int, score: EfficientScore) -> Callable[[Values], Values]:
        inside = (events.fold == analysis.folds.validation(fold)) & (events.weight != 0.0)
        seen = events.take(inside)
        seen, axis = seen._replace(x=seen.x[:-1]), seen.x[-1]
        s = parameter_scores(score, seen.x)
        weight = seen.weight * (events.weight.sum() / seen.weight.sum())
        projected = projection(analysis, score, s, weight)
        bins = np.searchsorted(edges, axis, side="right") - 1
        found = best_edges(
            efficient(s, projected.coefficients),
            seen.weight,
            number,
            is_background=background[inside],
            effective_events=settings.effective_events,
            cells=np.clip(bins, 0, len(edges) - 2),
            order_by=s[0],
        )
        if len(found.edges) != number - 1:
            raise InputError(
                f"summary.rival.categories: the background fills {len(found.edges) + 1} categories "
                f"with {settings.effective_events:g} effective events each, not {number}: write "
                "fewer, lower summary.effective_events, or simulate more"
            )

        def categories(values: Values) -> Values:
            x = np.stack([np.asarray(values[name], np.float32) for name in score.features])
            share = signal_share(score, x)
            place = np.searchsorted(found.edges, share, side="right")
            return {SHARE: share.astype(np.float32), CATEGORY: place.astype(np.float32)}

        return categories

    functions = [of_fold(fold, score) for fold, score in enumerate(scores)]
    return with_regions(analysis, regions_of_categories(analysis, number)), {
        sample: add_by_fold(own, functions, analysis.folds) for sample, own in columns.items()
    }
