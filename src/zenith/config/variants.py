"""The same analysis with other regions: all of them blind, or others in their place."""

from collections.abc import Mapping
from typing import TypeVar

from zenith.config.efficient_score import SCORE
from zenith.config.relations import Related
from zenith.config.selection import Axis, FitObservable, Observable, Region, RegionCut

A = TypeVar("A", bound=Related)


def blinded(analysis: A) -> A:
    """The same with every region blind."""
    regions = {n: r.model_copy(update={"blind": True}) for n, r in analysis.regions.items()}
    return analysis.model_copy(update={"regions": regions})


def with_regions(analysis: A, regions: Mapping[str, Region]) -> A:
    """The same with other regions, in all of which all systematics act, and no networks."""
    everywhere = {
        name: systematic.model_copy(update={"regions": None})
        for name, systematic in analysis.systematics.items()
    }
    return analysis.model_copy(
        update={
            "regions": dict(regions),
            "systematics": everywhere,
            "mva": {},
            "categorise": None,
        }
    )


def summarised(analysis: A) -> A:
    """The same with its summary in place of its regions: one of them, in bins of the score."""
    assert analysis.summary is not None
    settings, mva = analysis.summary, analysis.mva[analysis.summary.network]
    axis = Axis.model_validate({"start": 0.0, "stop": 1.0, "bins": settings.bins})
    region = Region(
        label=settings.label,
        cuts=tuple(RegionCut(cut=cut) for cut in mva.cuts or (f"{SCORE} >= 0",)),
        fit=FitObservable(observable=SCORE, edges=axis),
        blind=analysis.blind,
    )
    drawn = Observable(label=settings.label, edges=axis, log=True)
    found = with_regions(analysis, {SCORE: region})
    return found.model_copy(update={"observables": {**analysis.observables, SCORE: drawn}})
