"""What is climbed: the columns and the configuration of an analysis as events and a model.

The model is that of the quoted fit (`statistics/model.py`).
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from zenith.artefacts import PARTS, Columns
from zenith.config import Analysis
from zenith.config.systematics import Side
from zenith.core.networks.network import Network
from zenith.core.selection.axis import Axis
from zenith.core.selection.layout import Layout, Sample, prepare
from zenith.core.selection.objective import Objective
from zenith.core.selection.regions import Region
from zenith.statistics.model import fitted_regions, recipe, simulated_shares, template_nuisances
from zenith.statistics.nuisances import (
    Nuisance,
    events_of,
    nominal_samples,
    simulated_processes,
)
from zenith.statistics.thresholds import region_cuts


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
    made = recipe(analysis)
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
    part: str,
) -> Layout:
    """The simulated events of one part of the split, weighted to stand for the whole.

    Raises InputError that names the sample and the column or weight that is missing or not finite.
    """
    needed = _needed(analysis, networks)
    samples: dict[str, list[Sample]] = {p: [] for p in simulated_processes(analysis)}
    first = 0  # events of different samples must not share their bootstrap
    for name in nominal_samples(analysis):
        if not analysis.is_data(name):
            samples[analysis.samples[name].process].append(
                _sample(analysis, columns, name, part, first, needed)
            )
            first += len(columns[name].weight)
    shares = simulated_shares(analysis, part)
    return prepare(_regions(analysis), networks, samples, shares=shares)


def _regions(analysis: Analysis) -> list[Region]:
    regions = []
    for name in fitted_regions(analysis):
        fit = analysis.regions[name].fit
        axis = Axis(
            fit.observable, fit.edges.edges, fit.overflow, fit.overflow, grid=fit.tune_edges
        )
        regions.append(Region(name, region_cuts(analysis, name), axis))
    return regions


def _needed(analysis: Analysis, networks: Mapping[str, Network]) -> set[str]:
    """The observables that cuts, axes and networks read."""
    regions = _regions(analysis)
    used = {region.axis.observable for region in regions}
    used |= {cut.observable for region in regions for cut in region.cuts}
    return used.union(*(network.features for network in networks.values()))


def _sample(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    name: str,
    part: str,
    first: int,
    needed: set[str],
) -> Sample:
    fraction = analysis.split.fractions[part]

    def taken(nuisance: Nuisance | None = None, side: Side = "up") -> Sample:
        own = events_of(analysis, columns, name, nuisance, side)
        inside = np.flatnonzero(own.split == PARTS.index(part))
        chosen = {key: own.values[key][inside] for key in needed & set(own.values)}
        return Sample(chosen, own.weight[inside] / fraction, identity=first + inside)

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
