"""The same analysis with other regions: all of them blind, or others in their place."""

from collections.abc import Mapping
from typing import TypeVar

from zenith.config.efficient_score import SCORE
from zenith.config.learning import Ascent
from zenith.config.memberships import Categories
from zenith.config.networks.settings import Mva
from zenith.config.relations import Related
from zenith.config.selection import Axis, FitObservable, Observable, Region, RegionCut

A = TypeVar("A", bound=Related)
CATEGORIES = "categories"
"""The region of all events whose parts are categories that are compared."""


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


def parted(analysis: A, categories: Categories, region: str | None, mva: Mva) -> A:
    """The same with categories in place of its regions: of the events that pass a network's cuts.

    Each is fitted as `region`, by default the first one of the fit.
    """
    fitted = region or next(name for name, own in analysis.regions.items() if own.in_fit)
    fit = analysis.regions[fitted].fit.model_copy(update={"tune_edges": None})
    whole = Region(
        label="Categories",
        cuts=tuple(RegionCut(cut=cut) for cut in mva.cuts),
        fit=fit,
        categories=categories,
        blind=analysis.blind,
    )
    return with_regions(analysis, {CATEGORIES: whole})


def in_climbed_categories(analysis: A) -> A:
    """The same with the categories that are climbed beside its regions in their place.

    What is climbed is that of the regions: the significance or the precision, with nuisance
    parameters or without.
    """
    settings, network = analysis.climbed_categories, analysis.network_of_categories
    assert settings is not None
    assert network is not None
    mva = analysis.mva[network]
    found = parted(analysis, settings.parts, settings.region, mva)
    own = {name: getattr(settings.optimise, name) for name in Ascent.model_fields}
    optimise = analysis.optimise.model_copy(update=own)
    return found.model_copy(
        update={"mva": {network: mva}, "optimise": optimise, "climbed_categories": None}
    )


def summarised(analysis: A) -> A:
    """The same with its summary in place of its regions: one, or one for each of its cells.

    They are in bins of the score, which goes from k / K to (k + 1) / K in cell k of K.
    """
    assert analysis.summary is not None
    settings, mva = analysis.summary, analysis.mva[analysis.summary.network]
    number = settings.number_of_cells
    regions = {}
    for k, name in enumerate(settings.regions):
        ends = {"start": k / number, "stop": (k + 1) / number}
        above = (f"{SCORE} >= {ends['start']:.9g}",) if k > 0 or not mva.cuts else ()
        below = (f"{SCORE} < {ends['stop']:.9g}",) if k < number - 1 else ()
        axis = Axis.model_validate({**ends, "bins": settings.bins})
        regions[name] = Region(
            label=settings.label if number == 1 else f"{settings.label}, cell {k + 1}",
            cuts=tuple(RegionCut(cut=cut) for cut in (*mva.cuts, *above, *below)),
            fit=FitObservable(observable=SCORE, edges=axis),
            blind=analysis.blind,
        )
    axis = Axis.model_validate({"start": 0.0, "stop": 1.0, "bins": settings.all_bins})
    drawn = Observable(label=settings.label, edges=axis, log=True)
    found = with_regions(analysis, regions)
    return found.model_copy(update={"observables": {**analysis.observables, SCORE: drawn}})
