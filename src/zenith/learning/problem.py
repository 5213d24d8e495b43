"""What is climbed: the columns and the configuration of an analysis as events and a model.

The model is that of the quoted fit (`statistics/workspace.py`), from the same list of nuisance
parameters; smoothing and pruning of variations are left to the quoted fit.
"""

from collections.abc import Mapping
from typing import Literal

import jax.numpy as jnp
import numpy as np

from zenith.artefacts import PARTS, Columns
from zenith.config import Analysis
from zenith.core.events import Events, Region, Sample, prepare
from zenith.core.networks import Network
from zenith.core.objective import Objective, Systematic
from zenith.core.soft_histogram import Axis
from zenith.core.structure import Modifier, Setting, Structure, Templates
from zenith.errors import FitError
from zenith.statistics.nuisances import (
    Nuisance,
    Side,
    events_of,
    nominal_samples,
    nuisances,
    simulated_processes,
)
from zenith.statistics.selection import region_cuts


def fitted_regions(analysis: Analysis) -> list[str]:
    """The regions that the fit uses."""
    return [name for name, region in analysis.regions.items() if region.in_fit]


def objective(
    analysis: Analysis,
    *,
    with_nuisances: bool = True,
    quantity: Literal["significance", "precision"] | None = None,
) -> Objective:
    """The model of the quoted fit as an objective; without nuisances, of the data alone.

    `quantity` is what the configuration climbs unless it is given.

    Raises FitError if no signal process has a sample.
    """
    processes = tuple(simulated_processes(analysis))
    if not set(processes) & set(analysis.signals):
        raise FitError("no signal process has a sample in use: add one, or see only_samples")
    structure = _structure(analysis, processes)
    if not with_nuisances:
        structure = structure.without_nuisances()
    return Objective(
        structure=structure,
        constants=_constants(analysis, structure),
        background=tuple(p for p in processes if p not in analysis.signals),
        systematics=tuple(
            Systematic(n.name, *(f"{n.name}_{s}" if s in n.sides else None for s in ("up", "down")))
            for n in _template_nuisances(analysis)
        ),
        minimum_yield=analysis.statistics.minimum_yield,
        quantity=quantity or analysis.optimise.objective,
    )


def _template_nuisances(analysis: Analysis) -> list[Nuisance]:
    return [n for n in nuisances(analysis) if n.kind == "templates"]


def _structure(analysis: Analysis, processes: tuple[str, ...]) -> Structure:
    statistics = analysis.statistics
    poi = statistics.signal_strength
    channels = fitted_regions(analysis)
    bins = {name: len(analysis.regions[name].fit.edges.edges) - 1 for name in channels}
    modifiers = [Modifier("normfactor", poi, c, p) for c in channels for p in analysis.signals]
    types = {
        "normalisation": ("normsys",),
        "templates": ("normsys", "histosys"),
        "free": ("normfactor",),
    }
    for nuisance in nuisances(analysis):
        modifiers += [
            Modifier(type_, nuisance.name, channel, process)
            for type_ in types[nuisance.kind]
            for channel in channels
            if channel in nuisance.regions
            for process in nuisance.processes
        ]
    if statistics.mc_statistics:
        modifiers += [
            Modifier("staterror", f"staterror_{channel}", channel, process)
            for channel in channels
            for process in processes
        ]
    known = [m for m in modifiers if m.sample in processes]
    settings = (Setting(poi, bounds=(statistics.signal_bounds,)),)
    return Structure(tuple((c, bins[c]) for c in channels), processes, tuple(known), poi, settings)


def _constants(analysis: Analysis, structure: Structure) -> Templates:
    """The sizes of the rate uncertainties; zeros and ones for what events will give."""
    samples, bins, channels = len(structure.samples), structure.bins, len(structure.channels)
    up = np.ones((len(structure.normsys), samples, channels))
    down = np.ones_like(up)
    sizes = {n.name: n for n in nuisances(analysis) if n.kind == "normalisation"}
    for k, name in enumerate(structure.normsys):
        if name in sizes:
            up[k], down[k] = 1.0 + sizes[name].up, 1.0 + sizes[name].down
    shapes = np.zeros((len(structure.histosys), samples, bins))
    uncertainty = np.zeros((len(structure.layers), samples, bins))
    arrays = (np.zeros((samples, bins)), shapes, shapes, up, down, uncertainty)
    return Templates(*map(jnp.asarray, arrays))


def events(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    networks: Mapping[str, Network],
    part: str,
) -> Events:
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
    return prepare(_regions(analysis), networks, samples)


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
    for nuisance in _template_nuisances(analysis):
        if nuisance.varies(analysis, name):
            for side in nuisance.sides:
                varied = taken(nuisance, side)
                if nuisance.source in ("weight", "rate"):
                    weights[f"{nuisance.name}_{side}"] = varied.weight
                else:
                    shapes[f"{nuisance.name}_{side}"] = varied
    return taken()._replace(weight_variations=weights, shape_variations=shapes)
