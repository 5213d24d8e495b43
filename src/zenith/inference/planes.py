"""The profile likelihood of two parameters together, on a grid."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from numpy.typing import NDArray

from zenith.core.likelihood.descents import deepest_minimum
from zenith.core.likelihood.histfactory import Data, Model, asimov, nominal, observed, prepare
from zenith.core.likelihood.structure import Structure
from zenith.core.likelihood.workspace import Workspace
from zenith.inference.intervals import profile
from zenith.inference.workspaces import index_of


class Plane(NamedTuple):
    """−2 ln of the likelihood over that of the best fit, all other parameters profiled."""

    first: NDArray[np.float64]
    """(N,), values of the first parameter."""
    second: NDArray[np.float64]
    """(M,), of the second."""
    q: NDArray[np.float64]
    """(M, N); NaN where a fit did not converge."""
    best: tuple[float, float]


def plane(
    workspace: Workspace,
    names: tuple[str, str],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    *,
    expected: bool = False,
) -> Plane:
    """The plane of two parameters at values (N,) and (M,), of the data or the Asimov data at 1.

    Raises FitError for a parameter that is not in the model, or held by it.
    """
    structure = workspace.structure
    model = jax.jit(prepare, static_argnums=0)(structure, workspace.templates)
    x, y = (index_of(workspace, model, name) for name in names)
    if expected:
        data = jax.jit(asimov, static_argnums=0)(structure, model, nominal(structure, 1.0))
    else:
        data = observed(structure, model, jnp.asarray(workspace.observed))
    found = _rows(structure, model, data, x, y, jnp.asarray(first), jnp.asarray(second))
    best, deviances = (np.asarray(each) for each in found)
    q = 2.0 * np.maximum(deviances - best[-1], 0.0)
    return Plane(first, second, q, (float(best[0]), float(best[1])))


def _rows(
    structure: Structure, model: Model, data: Data, x: int, y: int, first: Array, second: Array
) -> tuple[Array, Array]:
    """The best fit of both parameters with its deviance, (3,), and deviances (M, N)."""

    def followed(model: Model, data: Data, first: Array, second: Array) -> tuple[Array, Array]:
        start = jnp.asarray(structure.parameters.init)
        best = deepest_minimum(structure, model, data, start, model.free, 0)
        along = model._replace(free=model.free & (jnp.arange(len(start)) != y))

        def row(value: Array) -> Array:
            def go_on(at: Array, mu: Array) -> tuple[Array, Array]:
                found = profile(structure, along, data, x, mu, at)
                at = jnp.where(found.converged, found.x, at)
                return at, jnp.where(found.converged, found.value, jnp.nan)

            return lax.scan(go_on, best.x.at[y].set(value), first)[1]

        return jnp.array([best.x[x], best.x[y], best.value]), lax.map(row, second)

    found: tuple[Array, Array] = jax.jit(followed)(model, data, first, second)
    return found
