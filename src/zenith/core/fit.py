"""Best fit of a HistFactory model to data, within bounds, and not in the shallower of two minima.

A systematic whose variations both go the same way leaves two minima, of opposite sign, with a
barrier between them; which one a descent reaches is chance. Every parameter with such a barrier
is mirrored and fitted again, and the deepest minimum is kept.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
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

    one_way = _one_way(structure, model)

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
            return deviance(structure, model, best.x.at[index].multiply(scale), data)

        def scan() -> Array:
            scales = jnp.array([0.0, -1.0])
            return jax.vmap(jax.vmap(moved, (None, 0)), (0, None))(scales, alphas)

        untried = free[alphas] & one_way & ~search.tried
        top, mirrored = lax.cond(
            untried.any(), scan, lambda: jnp.full((2, len(alphas)), best.value)
        )
        worth = (top > mirrored) & (mirrored < best.value + REACH) & best.converged
        worth &= untried
        i = jnp.argmin(jnp.where(worth, mirrored, jnp.inf))
        start = best.x.at[alphas[i]].multiply(-1)
        return _Search(best, search.tried.at[i].set(True), start, ~worth.any())

    unknown = Minimum(start, jnp.array(jnp.inf), jnp.array(False), jnp.array(0))
    search = _Search(unknown, jnp.zeros(len(alphas), bool), start, jnp.array(False))
    return lax.while_loop(lambda search: ~search.done, descend, search).best


def _one_way(structure: Structure, model: Model) -> Array:
    """Interpolated parameters with variations that go the same way, or nearly so, bool, shape (A,).

    Only these have two minima: with e the mean of the two shifts and o half their difference,
    the shift by alpha is monotonic for e < 0.77 o.
    """
    up, down = jnp.expm1(model.log_up), jnp.expm1(model.log_down)
    norm = _lopsided(jnp.abs(up + down) / 2, jnp.abs(up - down) / 2)
    shape = _lopsided(8 * jnp.abs(model.even), jnp.abs(model.odd))
    padding = curvature.partition(structure).alphas - np.array([len(norm), len(shape)])
    return jnp.pad(norm, (0, padding[0])) | jnp.pad(shape, (padding[1], 0))


def _lopsided(even: Array, odd: Array) -> Array:
    return even.sum((1, 2)) > 0.75 * odd.sum((1, 2))
