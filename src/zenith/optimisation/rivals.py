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
from zenith.optimisation.score_categories import Asked, best, events_in_bins
from zenith.statistics.model import fitted_regions
from zenith.training.efficient_score import signal_share
from zenith.training.scores import Values, add_by_fold

SHARE = "signal_share"
CATEGORY = "signal_share_category"


def rival_fit(analysis: Analysis) -> FitObservable:
    """What each category is fitted in."""
    assert analysis.summary is not None
    return analysis.regions[analysis.summary.rival.region or fitted_regions(analysis)[0]].fit


def asked_of_rival(analysis: Analysis) -> Asked:
    """The categories that boosted trees get, as `summary.rival` says."""
    assert analysis.summary is not None
    rival, least = analysis.summary.rival, analysis.summary.effective_events
    keys = "summary.rival.categories", "summary.effective_events"
    return Asked(rival.categories, rival_fit(analysis), least, keys)


def regions_of_categories(
    analysis: Analysis, number: int, fit: FitObservable | None = None
) -> dict[str, Region]:
    """A region for each category, by default each fitted as the rival is."""
    assert analysis.summary is not None
    mva, fit = analysis.mva[analysis.summary.network], fit or rival_fit(analysis)
    return {
        f"category_{k + 1}": Region(
            label=f"Category {k + 1}",
            cuts=tuple(RegionCut(cut=cut) for cut in (*mva.cuts, f"{CATEGORY} == {k}")),
            fit=fit.model_copy(update={"tune_edges": None}),
        )
        for k in range(number)
    }


def in_categories(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    scores: Sequence[EfficientScore],
    asked: Asked | None = None,
) -> tuple[Analysis, dict[str, Columns]]:
    """The analysis with categories in place of its regions, and the columns that they cut on.

    Beside these the columns have the share of the signal.

    `scores` are those of the folds, of which only what their learning folds taught is used; edges
    are found on the validation fold. They are the ones that are `asked` for, by default those of
    the rival. Raises InputError where the background does not fill as many categories.
    """
    asked = asked or asked_of_rival(analysis)
    events = events_in_bins(analysis, columns, asked)

    def of_fold(fold: int, score: EfficientScore) -> Callable[[Values], Values]:
        none = np.zeros(len(score.projected.coefficients))
        found = best(analysis, score, events, fold, asked, none)
        edges = np.asarray(found.projected.edges)[1:-1]

        def categories(values: Values) -> Values:
            x = np.stack([np.asarray(values[name], np.float32) for name in score.features])
            share = signal_share(score, x)
            place = np.searchsorted(edges, share, side="right")
            return {SHARE: share.astype(np.float32), CATEGORY: place.astype(np.float32)}

        return categories

    functions = [of_fold(fold, score) for fold, score in enumerate(scores)]
    return with_regions(analysis, regions_of_categories(analysis, asked.number, asked.fit)), {
        sample: add_by_fold(own, functions, analysis.folds) for sample, own in columns.items()
    }
