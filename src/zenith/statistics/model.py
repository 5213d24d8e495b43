"""What the statistical model is, said once.

The objective of the climb and the workspace of the quoted fit are both made from `recipe`. By kind
of parameter: a normalisation is a normsys; a pair of templates is a normsys with the ratio of the
yields and a histosys with the shape at the nominal yield, under one name, so that at ±1 standard
deviation the prediction is the varied template, unless its kind asks for one of the two alone;
those that a response surface describes are its modifiers, together; signal strengths and free
normalisations are normfactors; the number of simulated events is a staterror, one parameter for
each bin of a channel (Barlow-Beeston light), of the backgrounds alone by default: without signal,
nothing is known worse because the signal's simulation is small.
"""

from collections.abc import Iterator

import jax.numpy as jnp
import numpy as np

from zenith.config import Analysis
from zenith.core.likelihood.composition import Modifier
from zenith.core.likelihood.parameters import Setting
from zenith.core.likelihood.recipe import Recipe, Systematic
from zenith.core.likelihood.structure import Structure, Templates
from zenith.core.response.surface import Surface
from zenith.errors import FitError
from zenith.statistics.nuisances import Nuisance, nuisances, simulated_processes


def types(nuisance: Nuisance, surface: Surface | None = None) -> tuple[str, ...]:
    """The modifiers that a nuisance parameter is."""
    if surface is not None and nuisance.name in surface.nuisances:
        return ("surface",)
    of_kind = {"normalisation": ("normsys",), "free": ("normfactor",)}
    return of_kind.get(nuisance.kind, nuisance.modifiers)


def fitted_regions(analysis: Analysis) -> list[str]:
    """The regions that the fit uses."""
    return [name for name, region in analysis.regions.items() if region.in_fit]


def recipe(analysis: Analysis, surface: Surface | None = None) -> Recipe:
    """The model, and how its templates follow from the histograms of its regions.

    The nuisance parameters of `surface` act by it and have no varied templates; its bins are those
    of all fitted regions, one after the other. What it says of a process counts where the nuisance
    parameter acts.

    Raises FitError if no signal of interest has a sample in use, no region is fitted, or the
    surface is of other nuisance parameters, processes or bins.
    """
    processes = tuple(simulated_processes(analysis))
    if not set(processes) & set(analysis.signals_of_interest):
        raise FitError(
            "no sample of a signal process is in use, so there is nothing to measure: add one of "
            f"{', '.join(analysis.signals_of_interest)}, or let it through only_samples"
        )
    structure = _structure(analysis, processes, surface)
    constants = _constants(analysis, structure)
    if surface is not None:
        _check(analysis, structure, surface)
        terms = surface.of(structure.surface, structure.samples).coefficients
        constants = constants._replace(surface=jnp.asarray(terms))
    return Recipe(
        structure=structure,
        constants=constants,
        background=tuple(p for p in processes if p not in analysis.signals),
        systematics=tuple(
            _systematic(n)
            for n in template_nuisances(analysis)
            if "surface" not in types(n, surface)
        ),
        minimum_yield=analysis.statistics.minimum_yield,
        prune=analysis.statistics.prune,
    )


def template_nuisances(analysis: Analysis) -> list[Nuisance]:
    """The nuisance parameters that are a pair of templates."""
    return [n for n in nuisances(analysis) if n.kind == "templates"]


def _systematic(nuisance: Nuisance) -> Systematic:
    up, down = (
        f"{nuisance.name}_{side}" if side in nuisance.sides else None for side in ("up", "down")
    )
    return Systematic(nuisance.name, up, down, nuisance.smooth)


def pruned_rate(analysis: Analysis, nuisance: Nuisance) -> bool:
    """Whether a normalisation is so small that it is left out of the model."""
    size = max(abs(nuisance.up), abs(nuisance.down))
    return nuisance.kind == "normalisation" and size <= analysis.statistics.prune


def _check(analysis: Analysis, structure: Structure, surface: Surface) -> None:
    constrained = [n.name for n in nuisances(analysis) if n.kind != "free"]
    for what, wanted, known in (
        ("nuisance parameter", surface.nuisances, constrained),
        ("process", structure.samples, surface.processes),
    ):
        for name in wanted:
            if name not in known:
                raise FitError(
                    f"response surface: {what} {name!r} is not one of {', '.join(known) or 'none'}"
                )
    bins = surface.coefficients.shape[2]
    if bins != structure.bins:
        raise FitError(
            f"response surface: {bins} bins, but the fitted regions have {structure.bins}"
        )


def _structure(
    analysis: Analysis, processes: tuple[str, ...], surface: Surface | None
) -> Structure:
    statistics = analysis.statistics
    channels = fitted_regions(analysis)
    bins = {name: len(analysis.regions[name].fit.edges.edges) - 1 for name in channels}
    strengths = analysis.signal_strengths
    settings = tuple(
        Setting(name, bounds=(statistics.signal_bounds,))
        for name, signals in strengths.items()
        if set(signals) & set(processes)
    )
    settings += tuple(map(bounded, (n for n in nuisances(analysis) if n.bounds)))
    modifiers = [m for m in _modifiers(analysis, channels, surface) if m.sample in processes]
    return Structure(
        tuple((name, bins[name]) for name in channels),
        processes,
        tuple(modifiers),
        statistics.signal_strength,
        settings,
    )


def bounded(nuisance: Nuisance) -> Setting:
    """The range of a clipped prior, and a start within it."""
    assert nuisance.bounds is not None
    start = min(max(0.0, nuisance.bounds[0]), nuisance.bounds[1])
    return Setting(nuisance.name, inits=(start,), bounds=(nuisance.bounds,))


def _modifiers(
    analysis: Analysis, channels: list[str], surface: Surface | None
) -> Iterator[Modifier]:
    statistics = analysis.statistics
    for name, signals in analysis.signal_strengths.items():
        yield from (Modifier("normfactor", name, c, p) for c in channels for p in signals)
    for nuisance in nuisances(analysis):
        if pruned_rate(analysis, nuisance):
            continue
        for type_ in types(nuisance, surface):
            for channel in (c for c in channels if c in nuisance.regions):
                for process in nuisance.processes:
                    yield Modifier(type_, nuisance.name, channel, process)
    if statistics.mc_statistics:
        for process, described in analysis.processes.items():
            if described.role == "background" or statistics.mc_statistics_of_signals:
                yield from (Modifier("staterror", f"staterror_{c}", c, process) for c in channels)


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
