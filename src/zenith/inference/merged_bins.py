"""How many bins a fit needs: the expected error of its parameter of interest, of bins merged.

With the derivatives J of the expected counts λ and the variances v = λ + δ² of bins, of which δ²
are those of simulated events, the information on parameters is J diag(1/v) Jᵀ + P, P that of their
constraints. Of all pairs of neighbours in a channel the one that costs least is merged, again and
again.
"""

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from zenith.core.likelihood.histfactory import nominal, prepare, rates
from zenith.core.likelihood.workspace import Workspace
from zenith.inference.coverage import simulated_uncertainty

Array = NDArray[np.float64]


def errors(workspace: Workspace) -> dict[int, float]:
    """Expected error by number of bins, from all to one in each channel; at signal strength 1."""
    structure, parameters = workspace.structure, workspace.structure.parameters
    model = jax.jit(prepare, static_argnums=0)(structure, workspace.templates)
    of_bins = [m.name for m in structure.modifiers if m.type in ("staterror", "shapesys")]
    moves = np.asarray(model.free).copy()
    for name in set(of_bins):
        moves[parameters.slices[name]] = False

    def counts(theta: jax.Array) -> jax.Array:
        return rates(structure, model, theta).sum(axis=0)

    theta = jnp.asarray(nominal(structure, 1.0))
    slopes = np.asarray(jax.jit(jax.jacfwd(counts))(theta))[:, moves]  # (B, n)
    expected = np.asarray(jax.jit(counts)(theta))
    uncertainty = simulated_uncertainty(structure, workspace.templates)
    variance = expected + (uncertainty**2).sum(axis=0)
    width = np.asarray(model.width)[moves]
    constrained = (parameters.constraint != 0)[moves]
    prior = np.where(constrained, 1.0 / np.where(constrained, width, 1.0) ** 2, 0.0)
    poi = int(np.flatnonzero(np.flatnonzero(moves) == parameters.poi)[0])
    channel = np.asarray(structure.channel_of_bin)

    def error(slopes: Array, variance: Array) -> float:
        filled = variance > 0.0
        weighted = slopes[filled] / variance[filled, None]
        total = weighted.T @ slopes[filled] + np.diag(prior)
        return float(np.linalg.pinv(total, hermitian=True)[poi, poi] ** 0.5)

    found = {len(variance): error(slopes, variance)}
    while len(pairs := np.flatnonzero(channel[1:] == channel[:-1]).tolist()):
        merged = [(_merged(slopes, k), _merged(variance, k), np.delete(channel, k)) for k in pairs]
        each = [error(*one[:2]) for one in merged]
        slopes, variance, channel = merged[int(np.argmin(each))]
        found[len(variance)] = min(each)
    return found


def _merged(values: Array, k: int) -> Array:
    """With the rows k and k + 1 added, of bins (B, …)."""
    return np.asarray(np.add.reduceat(values, np.delete(np.arange(len(values)), k + 1), axis=0))
