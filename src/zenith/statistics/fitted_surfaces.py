"""Response surfaces of an analysis: fitted to its shifted events, and put into its model."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from zenith.artefacts.fit import SurfaceFit
from zenith.artefacts.surface import FittedSurface
from zenith.config import Analysis
from zenith.config.inference import Surfaces
from zenith.core.likelihood.composition import Modifier
from zenith.core.likelihood.significance import expected_mu_error
from zenith.core.likelihood.structure import Structure, Templates
from zenith.core.likelihood.workspace import Workspace, from_workspace
from zenith.core.response import surface
from zenith.errors import InputError
from zenith.events.points import design
from zenith.statistics.nuisances import Nuisance
from zenith.statistics.shifted_events import Counts, Yields, shifting
from zenith.statistics.significance import expected_of
from zenith.statistics.surfaces import TYPES, deviations
from zenith.statistics.templates import RegionTemplates

Array = NDArray[np.float64]
AGAIN = "run `zenith surface` and `zenith fit` with one configuration"
FURTHEST = 5.0  # standard deviations of a nuisance parameter that nothing bounds, as in pyhf


def points(analysis: Analysis, settings: Surfaces) -> tuple[Array, NDArray[np.bool_]]:
    """Where events are shifted to, (K, A), and the points that polynomials are fitted to, (K,)."""
    moving = shifting(analysis)
    pairs = len(moving) * (len(moving) - 1) // 2
    random = 2 * pairs if settings.random is None else settings.random
    lower, upper = zip(*map(_range, moving), strict=True)
    made = design(lower, upper, random + settings.unseen, seed=analysis.seed, reach=settings.reach)
    return made, np.arange(len(made)) < len(made) - settings.unseen


def _range(nuisance: Nuisance) -> tuple[float, float]:
    return nuisance.bounds or (-FURTHEST, FURTHEST)


def fitted(analysis: Analysis, found: Yields, used: NDArray[np.bool_]) -> FittedSurface:
    """The surfaces of yields at points, judged by those that are not `used`.

    Raises InputError as `zenith.core.response.surface.fit`.
    """
    names = [nuisance.name for nuisance in shifting(analysis)]
    made = surface.fit(found.copies, names, found.counts.processes, used)
    closure = surface.closure(made, found.copies, used)
    return FittedSurface(
        made,
        found.counts.channels,
        found.copies.points,
        used,
        closure.pulls,
        found.counts.merged,
        closure.chi2,
        closure.number,
        found.events,
    )


def in_order(found: FittedSurface, regions: Sequence[RegionTemplates]) -> surface.Surface:
    """The surface with the bins of these regions, one after the other.

    Raises InputError for one of other channels.
    """
    channels = [(region.region, len(region.edges) - 1) for region in regions]
    return _with_bins(found, found.surface, channels)


def about_surface(spec: Mapping[str, Any], found: FittedSurface) -> SurfaceFit:
    """What fit.json says of surfaces, of a workspace that has variations in their place."""
    workspace, _ = with_surface(from_workspace(spec), found)
    structure, templates = workspace[:2]
    error = float(jax.jit(expected_mu_error, static_argnums=0)(structure, templates))
    z = float(expected_of(workspace).z)
    return {
        "nuisances": list(found.surface.nuisances),
        "points": int(found.used.sum()),
        "unseen": int((~found.used).sum()),
        "chi2": found.chi2,
        "number": found.number,
        "mu_error": error if math.isfinite(error) else None,
        "significance": z if math.isfinite(z) else None,
        "deviations": deviations(structure, templates),
    }


def with_surface(workspace: Workspace, found: FittedSurface) -> tuple[Workspace, Array]:
    """The model of a workspace with surfaces in place of what pyhf has of their parameters.

    And the noise of its terms, (J, F, S, B), by the number of simulated events.

    Raises InputError for surfaces of other channels or processes than the workspace has, and of
    parameters that it has not.
    """
    structure, templates = workspace.structure, workspace.templates
    names = found.surface.nuisances
    _check(workspace, found)
    modifiers = dict.fromkeys(
        m._replace(type="surface") if _is_replaced(m, names) else m for m in structure.modifiers
    )
    new = replace(structure, modifiers=tuple(modifiers))
    own = in_workspace(found, new)
    shapes = np.array([structure.histosys.index(name) for name in new.histosys], int)
    factors = np.array([structure.normsys.index(name) for name in new.normsys], int)
    made = Templates(
        nominal=templates.nominal,
        histosys_up=templates.histosys_up[shapes],
        histosys_down=templates.histosys_down[shapes],
        normsys_up=templates.normsys_up[factors],
        normsys_down=templates.normsys_down[factors],
        uncertainty=templates.uncertainty,
        surface=jnp.asarray(own.coefficients),
    )
    return Workspace(new, made, workspace.observed), own.noise


def in_workspace(found: FittedSurface, structure: Structure) -> surface.Surface:
    """The surface in the order of a model with it: parameters, samples and bins."""
    own = found.surface.of(structure.surface, structure.samples)
    return _with_bins(found, own, structure.channels)


def log_ratios(counts: Counts, found: FittedSurface, structure: Structure) -> Array:
    """ln[Y(ν) / Y(0)] of simulated events in the order of such a model, (K, S, B).

    NaN where a bin has no response of its own, as the surface has none.
    """
    ratio = counts.yields[1:] / np.where(counts.yields[0] > 0.0, counts.yields[0], 1.0)
    usable = (ratio > 0.0) & ~found.merged & ~counts.merged
    logs = np.where(usable, np.log(np.where(usable, ratio, 1.0)), np.nan)
    rows = [counts.processes.index(name) for name in structure.samples]
    bins = _bins(counts.channels, structure.channels)
    return np.asarray(logs[:, rows][..., bins])


def _is_replaced(modifier: Modifier, names: tuple[str, ...]) -> bool:
    return modifier.type in TYPES and modifier.name in names


def _with_bins(
    found: FittedSurface, made: surface.Surface, channels: Sequence[tuple[str, int]]
) -> surface.Surface:
    bins = _bins(found.channels, channels)
    return made._replace(
        coefficients=made.coefficients[..., bins],
        covariance=made.covariance[..., bins],
        noise=made.noise[..., bins],
    )


def _bins(there: Sequence[tuple[str, int]], wanted: Sequence[tuple[str, int]]) -> NDArray[np.intp]:
    """The places of the bins of channels, where these are in another order, (B,)."""
    if sorted(there) != sorted(wanted):
        raise InputError(
            f"the surface is of channels {dict(there)}, the fit of {dict(wanted)} (bins by name); "
            f"{AGAIN}"
        )
    places = [(name, k) for name, size in there for k in range(size)]
    return np.array([places.index((name, k)) for name, size in wanted for k in range(size)])


def _check(workspace: Workspace, found: FittedSurface) -> None:
    structure = workspace.structure
    for what, wanted, there, of in (
        ("process", structure.samples, found.surface.processes, "surface"),
        ("nuisance parameter", found.surface.nuisances, structure.parameters.names, "workspace"),
    ):
        for name in wanted:
            if name not in there:
                known = ", ".join(there)
                raise InputError(f"the {of} has no {what} {name!r}, but {known}; {AGAIN}")
