"""What is climbed: the columns and the configuration of an analysis as events and a model.

The model is that of the quoted fit (`statistics/model.py`).
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from zenith.artefacts import Columns
from zenith.config import Analysis
from zenith.config.channels import in_channels
from zenith.config.memberships import Categories
from zenith.config.systematics import Side
from zenith.core.networks.network import Network
from zenith.core.selection.axis import Axis
from zenith.core.selection.categories import ByEdges, ByNetwork
from zenith.core.selection.layout import Layout, prepare, prepare_each
from zenith.core.selection.objective import Objective, stacked
from zenith.core.selection.regions import Region
from zenith.core.selection.samples import Sample
from zenith.errors import InputError
from zenith.events.folds import folds_of
from zenith.statistics.model import fitted_regions, recipe, template_nuisances
from zenith.statistics.nuisances import Nuisance, nominal_samples, simulated_processes
from zenith.statistics.thresholds import region_cuts
from zenith.statistics.varied_events import events_of


def objective(
    analysis: Analysis,
    *,
    with_nuisances: bool = True,
    quantity: Literal["significance", "precision"] | None = None,
) -> Objective:
    """The model of the quoted fit as an objective; without nuisances, of the data alone.

    `quantity` is what the configuration climbs unless it is given.

    Raises FitError if no signal of interest has a sample.
    """
    made = recipe(in_channels(analysis))
    structure = made.structure
    if not with_nuisances:
        structure = structure.without_nuisances()
    return Objective(
        structure=structure,
        constants=made.constants,
        background=made.background,
        systematics=made.systematics,
        minimum_yield=made.minimum_yield,
        prune=made.prune,
        quantity=quantity or analysis.optimise.objective,
    )


def events(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    networks: Mapping[str, Network],
    folds: Sequence[int],
) -> Layout:
    """The simulated events of some folds, weighted to stand for all of them.

    All choices of as many neighbouring folds are laid out in arrays of equal shapes. Raises
    InputError that names the sample and the column or weight that is missing or not finite, and a
    fold that has no signal.
    """
    number = analysis.folds.number
    samples = _samples(analysis, columns, networks, number / len(folds))
    _require_signal(analysis, samples, folds)
    return prepare(
        _regions(analysis),
        networks,
        samples,
        parts=[[(fold + turn) % number for fold in folds] for turn in range(number)],
        share=len(folds) / number,
    )


def events_of_each_fold(
    analysis: Analysis, columns: Mapping[str, Columns], networks: Mapping[str, Network]
) -> Layout:
    """The simulated events of single folds, which together are all of them.

    The leaves have a first axis, the folds (`stacked`). Raises InputError as `events` does.
    """
    number = analysis.folds.number
    samples = _samples(analysis, columns, networks, 1.0)
    _require_signal(analysis, samples, range(number))
    parts = [[fold] for fold in range(number)]
    of_folds = prepare_each(_regions(analysis), networks, samples, parts=parts, share=1 / number)
    return stacked(of_folds)


def _samples(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    networks: Mapping[str, Network],
    factor: float,
) -> dict[str, list[Sample]]:
    """By process, with all that regions and networks read."""
    needed = _needed(analysis, networks)
    samples: dict[str, list[Sample]] = {p: [] for p in simulated_processes(analysis)}
    first = 0  # events of different samples must not share their bootstrap
    for name in nominal_samples(analysis):
        if not analysis.is_data(name):
            samples[analysis.samples[name].process].append(
                _sample(analysis, columns, name, first, needed, factor)
            )
            first += len(columns[name].weight)
    return samples


def _require_signal(
    analysis: Analysis, samples: Mapping[str, Sequence[Sample]], folds: Sequence[int]
) -> None:
    signals = [p for p in analysis.signals_of_interest if p in samples]
    for fold in folds:
        if not any(sample.inside([fold]).any() for p in signals for sample in samples[p]):
            raise InputError(
                f"fold {fold} has no simulated event of the signal ({', '.join(signals)}): "
                "simulate more events, or write fewer folds (folds.number is "
                f"{analysis.folds.number})"
            )


def _regions(analysis: Analysis) -> list[Region]:
    regions = []
    for name in fitted_regions(analysis):
        fit = analysis.regions[name].fit
        axis = Axis(
            fit.observable, fit.edges.edges, fit.overflow, fit.overflow, grid=fit.tune_edges
        )
        cuts = region_cuts(analysis, name)
        regions.append(Region(name, cuts, axis, _categories(analysis.parted.get(name))))
    return regions


def _categories(categories: Categories | None) -> ByEdges | ByNetwork | None:
    if categories is None:
        return None
    if categories.score is not None:
        return ByEdges(categories.score, categories.count, categories.width)
    return ByNetwork(categories.source, categories.count)


def _needed(analysis: Analysis, networks: Mapping[str, Network]) -> set[str]:
    """The observables that cuts, axes and networks read."""
    regions = _regions(analysis)
    used = {region.axis.observable for region in regions}
    used = used.union(*(region.observables for region in regions))
    return used.union(*(network.features for network in networks.values()))


def _sample(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    name: str,
    first: int,
    needed: set[str],
    factor: float,
) -> Sample:
    def taken(nuisance: Nuisance | None = None, side: Side = "up") -> Sample:
        own = events_of(analysis, columns, name, nuisance, side)
        return Sample(
            {key: own.values[key] for key in needed & set(own.values)},
            own.weight * factor,
            identity=first + np.arange(len(own.weight)),
            part=folds_of(own.hash, analysis.folds),
        )

    weights, shapes = {}, {}
    for nuisance in template_nuisances(analysis):
        if nuisance.varies(analysis, name):
            for side in nuisance.sides:
                varied = taken(nuisance, side)
                if nuisance.source in ("weight", "rate"):
                    weights[f"{nuisance.name}_{side}"] = varied.weight
                else:
                    shapes[f"{nuisance.name}_{side}"] = varied
    return taken()._replace(weight_variations=weights, shape_variations=shapes)
