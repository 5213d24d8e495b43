"""Best fit of a HistFactory model to data, within bounds, and not in the shallower of two minima.

One descent of Newton's method is enough for most fits. It is followed by others where
- it ends on a saddle (a systematic whose variations are equal starts on one): two more leave it
  along the direction of negative curvature, one each way;
- a systematic whose variations go the same way has a second minimum, of opposite sign, behind a
  barrier: which of the two a descent reaches is chance, so that it is mirrored and fitted again;
- the minimum lies on a kink, where the rate of a bin without counts reaches zero: the kink is
  rounded widely first, and then less and less.
The deepest minimum is kept.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from zenith.core import curvature
from zenith.core.histfactory import SHARP, Data, Model, Structure, deviance
from zenith.core.newton import Minimum, minimise

# A mirrored minimum is worth a fit if its start is less than this above the present minimum
REACH = 0.5
# How far to go from a saddle, in units of the parameter that changes most
LENGTHS = np.geomspace(1e-3, 3.0, 8)
# The rounding of kinks in events, from one descent to the next
WIDEST, NARROWER = 1.0, 1e-2
MAX_DESCENTS = 50


class _Search(NamedTuple):
    best: Minimum
    start: Array  # (n,) of the next descent
    softness: Array  # of its kinks
    rounded: Array  # whether kinks have been rounded
    other: Array  # (n,) a start for later
    waiting: Array  # whether it is one
    tried: Array  # (A,) alphas that were mirrored
    descents: Array
    done: Array


def fit(structure: Structure, model: Model, data: Data, start: Array, free: Array) -> Minimum:
    """Minimise `histfactory.deviance` from `start` over the `free` parameters, both (n,).

    `iterations` and `expansions` count those of all descents.
    """
    parameters, split = structure.parameters, curvature.partition(structure)
    lower, upper = jnp.asarray(parameters.lower), jnp.asarray(parameters.upper)
    alphas = split.dense[: split.alphas]
    lengths = np.concatenate([LENGTHS, -LENGTHS])
    one_way = _one_way(structure, model)
    zero, mirror = np.ones((2, len(alphas), len(parameters.names)))
    zero[np.arange(len(alphas)), alphas], mirror[np.arange(len(alphas)), alphas] = 0.0, -1.0

    def values(points: Array) -> Array:
        return jax.vmap(lambda x: deviance(structure, model, x, data))(points)

    def descend(search: _Search) -> _Search:
        function = curvature.likelihood(structure, model, data, search.softness)
        new = minimise(function, search.start, lower, upper, free)
        sharp = search.softness <= SHARP
        saddle = sharp & (new.escape != 0).any()
        first = search.descents == 0
        # not (… >= …), for values may be NaN
        deeper = ~search.best.converged | (new.converged & ~(new.value >= search.best.value))
        best = _where(first | (sharp & deeper), new, search.best)
        best = best._replace(
            iterations=search.best.iterations + new.iterations,
            expansions=search.best.expansions + new.expansions,
        )

        untried = free[alphas] & one_way & ~search.tried & best.converged
        away = jnp.clip(new.x + lengths[:, None] * new.escape, lower, upper)
        points = jnp.concatenate([away, best.x * zero, best.x * mirror])
        none = jnp.full(len(points), jnp.inf)
        heights = lax.cond(saddle | untried.any(), values, lambda _: none, points)
        sides, top, mirrored = jnp.split(heights, np.cumsum([len(away), len(alphas)]))
        plus, minus = jnp.split(sides, 2)
        falls = saddle & (jnp.stack([plus.min(), minus.min()]) < new.value)
        start_plus, start_minus = away[plus.argmin()], away[len(plus) + minus.argmin()]
        worth = untried & (top > mirrored) & (mirrored < best.value + REACH)
        nearest = jnp.argmin(jnp.where(worth, mirrored, jnp.inf)) if len(alphas) else 0

        blunt = sharp & ~new.converged & ~saddle & ~search.rounded
        # what comes next, in this order
        cases = [
            (~sharp, new.x),
            (blunt, search.start),
            (falls[0], start_plus),
            (falls[1], start_minus),
            (search.waiting, search.other),
            (worth.any(), points[len(away) + len(alphas) + nearest]),
        ]
        wanted = jnp.array([case for case, _ in cases])
        next_ = jnp.argmax(wanted)
        narrower = jnp.maximum(search.softness * NARROWER, SHARP)
        later = (next_ == 2) & falls[1]
        return _Search(
            best=best,
            start=jnp.stack([x for _, x in cases])[next_],
            softness=jnp.where(~sharp, narrower, jnp.where(blunt, WIDEST, SHARP)),
            rounded=search.rounded | blunt,
            other=jnp.where(later, start_minus, search.other),
            waiting=(search.waiting & (next_ != 4)) | later,
            tried=search.tried | ((next_ == 5) & (np.arange(len(alphas)) == nearest)),
            descents=search.descents + 1,
            done=~wanted.any() | (search.descents >= MAX_DESCENTS),
        )

    no, zero_ = jnp.array(False), jnp.array(0)
    search = _Search(
        best=Minimum(start, jnp.array(jnp.inf), no, jnp.zeros_like(start), zero_, zero_),
        start=start,
        softness=jnp.array(SHARP),
        rounded=no,
        other=start,
        waiting=no,
        tried=jnp.zeros(len(alphas), bool),
        descents=zero_,
        done=no,
    )
    return lax.while_loop(lambda search: ~search.done, descend, search).best


def _where(condition: Array, a: Minimum, b: Minimum) -> Minimum:
    return Minimum(*(jnp.where(condition, x, y) for x, y in zip(a, b, strict=True)))


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
