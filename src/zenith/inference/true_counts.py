"""What is expected at truths, from simulated events that are shifted to them."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from zenith.core.likelihood.histfactory import prepare, rates
from zenith.core.likelihood.workspace import Workspace
from zenith.core.response.surface import Surface

Array = NDArray[np.float64]


def points(workspace: Workspace, theta: Array, nuisances: Sequence[str]) -> Array:
    """The values of some nuisance parameters at truths (T, n), (T, A)."""
    names = workspace.structure.parameters.names
    return np.asarray(theta[:, [names.index(name) for name in nuisances]])


def expected(workspace: Workspace, theta: Array, surface: Surface, log_ratios: Array) -> Array:
    """Expected counts at truths (T, n), (T, B): those of the model with another response.

    Parameters
    ----------
    workspace
        With surfaces.
    surface
        Their polynomials, with processes and bins in the order of the workspace.
    log_ratios
        ln[Y(ν) / Y(0)] of the shifted events at the truths, (T, S, B), likewise; NaN where they do
        not say it, and the polynomial holds.
    """
    structure = workspace.structure
    model = jax.jit(prepare, static_argnums=0)(structure, workspace.templates)
    of_truths = jax.jit(jax.vmap(lambda at: rates(structure, model, at)))
    by_sample = np.asarray(of_truths(jnp.asarray(theta)))
    modelled = surface.log_ratio(points(workspace, theta, surface.nuisances))
    change = np.where(np.isnan(log_ratios), 0.0, log_ratios - modelled)
    return np.asarray((by_sample * np.exp(change)).sum(axis=1))
