"""Best fit of a HistFactory model to data, within bounds, and not in the shallower of two minima.

A systematic whose variations both go the same way leaves two minima, of opposite sign, with a
barrier between them; which one a descent reaches is chance. Every parameter with such a barrier
is mirrored and fitted again, and the deepest minimum is kept.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from zenith.core import curvature
from zenith.core.histfactory import Data, Model, Structure, deviance
from zenith.core.newton import Minimum, minimise

# A mirrored minimum is worth a fit if its start is less than this above the present minimum
REACH = 0.5


class _Search(NamedTuple):
    best: Minimum
    tried: Array  # (A,) alphas that were mirrored
    start: Array  # (n,) of the next descent
    done: Array


def fit(structure: Structure, model: Model, data: Data, start: Array, free: Array) -> Minimum:
    """Minimise `histfactory.deviance` from `start` over the `free` parameters, both (n,).

    `iterations` counts the Newton steps of all descents.
    """
    parameters, split = structure.parameters, curvature.partition(structure)
    alphas = jnp.asarray(split.dense[: split.alphas])

    def descend(search: _Search) -> _Search:
        new = minimise(
            curvature.newton(structure, model, data),
            start=search.start,
            lower=jnp.asarray(parameters.lower),
            upper=jnp.asarray(parameters.upper),
            free=free,
        )
        first = search.best.iterations == 0
        deeper = first | (new.converged & (new.value < search.best.value))
        best = Minimum(*(jnp.where(deeper, a, b) for a, b in zip(new, search.best, strict=True)))
        best = best._replace(iterations=search.best.iterations + new.iterations)
        if not len(alphas):
            return _Search(best, search.tried, search.start, jnp.array(True))

        def moved(scale: Array, index: Array) -> Array:
            theta = best.x.at[index].multiply(scale)
            return deviance(structure, model, theta, data)

        scales = jnp.array([0.0, -1.0])
        top, mirrored = jax.vmap(jax.vmap(moved, (None, 0)), (0, None))(scales, alphas)
        worth = (top > mirrored) & (mirrored < best.value + REACH) & best.converged
        worth &= free[alphas] & ~search.tried
        i = jnp.argmin(jnp.where(worth, mirrored, jnp.inf))
        start = best.x.at[alphas[i]].multiply(-1)
        return _Search(best, search.tried.at[i].set(True), start, ~worth.any())

    unknown = Minimum(start, jnp.array(jnp.inf), jnp.array(False), jnp.array(0))
    search = _Search(unknown, jnp.zeros(len(alphas), bool), start, jnp.array(False))
    return lax.while_loop(lambda search: ~search.done, descend, search).best
