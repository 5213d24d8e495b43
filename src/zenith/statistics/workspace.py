"""The HistFactory workspace of the quoted fit: the model (`statistics/model.py`) as pyhf's JSON."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from zenith.artefacts.fit import Pruned
from zenith.config import Analysis
from zenith.core.likelihood.composition import Modifier
from zenith.core.likelihood.recipe import Recipe
from zenith.core.likelihood.structure import Structure, Templates
from zenith.core.response.surface import Surface
from zenith.errors import FitError
from zenith.statistics.model import pruned_rate, recipe
from zenith.statistics.nuisances import nuisances
from zenith.statistics.surfaces import as_variations
from zenith.statistics.templates import Matrix, RegionTemplates

log = logging.getLogger(__name__)

Place = tuple[str, str]  # channel and sample


def build(
    analysis: Analysis, regions: Sequence[RegionTemplates], surface: Surface | None = None
) -> tuple[dict[str, Any], list[Pruned]]:
    """The workspace (pyhf's JSON) of sanitised templates, and the list of what was pruned.

    In blind regions the observations are the Asimov data of the nominal model at signal strength 1.
    A process without any yield in a region is left out of it, with its variations. Where no signal
    of interest is left at all, its strength is held at 1.

    Pruning: a variation whose relative effect on a process is at most `statistics.prune` in every
    bin of a region is left out there; a normalisation likewise. Smoothing comes first.

    pyhf has no response surfaces: the nuisance parameters of `surface` are variations at ±1
    standard deviation there, and `surfaces.deviations` says what that costs.

    Raises FitError where a region that is not blind has no data.
    """
    made = recipe(analysis, surface)
    present, held = _present(analysis, regions)
    nominal = jnp.concatenate([jnp.asarray(t.nominal) for t in regions], axis=1)
    variance = jnp.concatenate([jnp.asarray(t.variance) for t in regions], axis=1)
    varied = jnp.asarray(_varied(made, regions))
    pruned = _pruned(analysis, made, nominal, varied, present)
    left_out = {(p["name"], p["channel"], p["sample"]) for p in pruned}
    structure = made.structure
    templates = made.assembled(nominal, variance, varied)
    if surface is not None:
        structure, templates = as_variations(structure, templates)
    modifiers = [
        m
        for m in structure.modifiers
        if (m.channel, m.sample) in present and (m.name, m.channel, m.sample) not in left_out
    ]
    spec = {
        "channels": _channels(structure, templates, modifiers, present),
        "observations": [
            {"name": t.region, "data": _observations(analysis, t).tolist()} for t in regions
        ],
        "measurements": [_measurement(analysis, structure, modifiers, held)],
        "version": "1.0.0",
    }
    return spec, pruned


def _varied(made: Recipe, regions: Sequence[RegionTemplates]) -> Matrix:
    """Up and down of every systematic in all channels, (systematics, 2, S, B)."""
    return np.array(
        [
            [
                np.concatenate(
                    [t.variations.get(s.name, (t.nominal, t.nominal))[k] for t in regions], axis=1
                )
                for k in (0, 1)
            ]
            for s in made.systematics
        ]
    ).reshape(len(made.systematics), 2, len(made.structure.samples), made.structure.bins)


def _present(analysis: Analysis, regions: Sequence[RegionTemplates]) -> tuple[set[Place], bool]:
    """Where processes have a yield, and whether the signal strength is held as no signal has one.

    The first region keeps that signal then, for the strength to be there.
    """
    present: set[Place] = set()
    for templates in regions:
        for process, row in zip(templates.processes, templates.nominal, strict=True):
            if row.any():
                present.add((templates.region, process))
            else:
                log.warning("channel %s: sample %s is empty, left out", templates.region, process)
    interesting = [p for p in analysis.signals_of_interest if p in regions[0].processes]
    held = not any(process in interesting for _, process in present)
    if held:
        name = analysis.statistics.signal_strength
        log.warning("no fitted region has any signal: %s is held at 1 and not measured", name)
        present.add((regions[0].region, interesting[0]))
    return present, held


def _pruned(
    analysis: Analysis, made: Recipe, nominal: Array, varied: Array, present: set[Place]
) -> list[Pruned]:
    effects = np.asarray(made.effects(nominal, made.smoothed(nominal, varied)))
    row_of = {systematic.name: row for row, systematic in enumerate(made.systematics)}
    pruned: list[Pruned] = []
    by_surface = made.structure.surface
    for nuisance in (n for n in nuisances(analysis) if n.kind != "free"):
        if nuisance.name in by_surface:
            continue
        for c, (channel, _) in enumerate(made.structure.channels):
            for s, sample in enumerate(made.structure.samples):
                acts = channel in nuisance.regions and sample in nuisance.processes
                if not acts or (channel, sample) not in present:
                    continue
                if nuisance.name in row_of:
                    effect = float(effects[row_of[nuisance.name], s, c])
                    left_out = effect <= analysis.statistics.prune
                else:
                    effect = max(abs(nuisance.up), abs(nuisance.down))
                    left_out = pruned_rate(analysis, nuisance)
                if left_out:
                    pruned.append(
                        {
                            "name": nuisance.name,
                            "channel": channel,
                            "sample": sample,
                            "effect": effect,
                        }
                    )
    if pruned:
        log.info("pruned: %s", ", ".join(f"{p['name']} ({p['channel']})" for p in pruned))
    return pruned


def _channels(
    structure: Structure,
    templates: Templates,
    modifiers: Sequence[Modifier],
    present: set[Place],
) -> list[dict[str, Any]]:
    arrays = Templates(*map(np.asarray, templates))  # type: ignore[arg-type]
    of_place: dict[Place, list[dict[str, Any]]] = {place: [] for place in present}
    layer = {key: k for k, keys in enumerate(structure.layers) for key in keys}
    for m in modifiers:
        s, bins = structure.samples.index(m.sample), structure.slices[m.channel]
        c = list(structure.slices).index(m.channel)
        data: Any = None
        if m.type == "normsys":
            k = structure.normsys.index(m.name)
            up, down = arrays.normsys_up[k, s, c], arrays.normsys_down[k, s, c]
            data = {"hi": float(up), "lo": float(down)}
        elif m.type == "histosys":
            k = structure.histosys.index(m.name)
            up, down = arrays.histosys_up[k, s, bins], arrays.histosys_down[k, s, bins]
            data = {"hi_data": up.tolist(), "lo_data": down.tolist()}
        elif m.type == "staterror":
            data = arrays.uncertainty[layer[m.type, m.name], s, bins].tolist()
        of_place[m.channel, m.sample].append({"name": m.name, "type": m.type, "data": data})
    return [
        {
            "name": channel,
            "samples": [
                {
                    "name": sample,
                    "data": arrays.nominal[s, bins].tolist(),
                    "modifiers": of_place[channel, sample],
                }
                for s, sample in enumerate(structure.samples)
                if (channel, sample) in present
            ],
        }
        for channel, bins in structure.slices.items()
    ]


def _measurement(
    analysis: Analysis, structure: Structure, modifiers: Sequence[Modifier], held: bool
) -> Mapping[str, Any]:
    """The settings of every factor that is free, and of clipped priors, where the structure has
    them."""
    parameters = structure.parameters
    clipped = {nuisance.name for nuisance in nuisances(analysis) if nuisance.bounds}
    factors = dict.fromkeys(
        m.name for m in modifiers if m.type == "normfactor" or m.name in clipped
    )
    settings: list[dict[str, Any]] = []
    for name in factors:
        at = parameters.slices[name].start
        bounds = [float(parameters.lower[at]), float(parameters.upper[at])]
        settings.append({"name": name, "inits": [float(parameters.init[at])], "bounds": [bounds]})
        if held and name == structure.poi:
            settings[-1]["fixed"] = True
    return {"name": analysis.name, "config": {"poi": structure.poi, "parameters": settings}}


def _observations(analysis: Analysis, templates: RegionTemplates) -> Matrix:
    if analysis.is_blind(templates.region):
        return np.asarray(templates.nominal.sum(axis=0))
    if templates.data is None:
        raise FitError(
            "no sample of a data process is in use, so there is nothing to fit: add one, or set "
            "statistics.blind: true for expected results"
        )
    return templates.data
