"""Best fit of a HistFactory model to data, within bounds, and not in the shallower of two minima.

One descent of Newton's method is enough for most fits. It is followed by others where
- it ends on a saddle (a systematic whose variations are equal starts on one): two more leave it
  along the direction of negative curvature, one each way;
- a systematic whose variations go the same way has a second minimum, of opposite sign, behind a
  barrier: which of the two a descent reaches is chance, so that it is mirrored and fitted again;
- it ends where the rate of a bin without counts reaches zero, on a kink, or starts where that of a
  bin with counts is negative: both are rounded widely first, and then less and less;
- more starts are asked for.
The deepest minimum is kept.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from zenith.core.likelihood import curvature
from zenith.core.likelihood.hessian import partition
from zenith.core.likelihood.histfactory import SHARP, Data, Model, deviance, rates
from zenith.core.likelihood.newton import Minimum, minimise
from zenith.core.likelihood.structure import Structure

# A mirrored minimum is worth a fit if its start is less than this above the present minimum
REACH = 4.0
# How far to go from a saddle, in units of the parameter that changes most
LENGTHS = np.geomspace(1e-3, 3.0, 8)
# The rounding of kinks in events, from one descent to the next
WIDEST, NARROWER = 1.0, 1e-2
# A rate is on its kink below so many events
KINK = 1e-6
MAX_DESCENTS = 100
# Starts far away, at most, where how many is known to compiled code alone
MOST_STARTS = 10
# Values that differ by less, relatively, are those of one minimum
ROUNDING = 1e-8


class _Search(NamedTuple):
    best: Minimum
    start: Array  # (n,) of the next descent
    softness: Array  # of its kinks
    rounded: Array  # whether kinks have been rounded since the last far start
    other: Array  # (n,) a start for later
    waiting: Array  # whether it is one
    used: Array  # how many of the further starts
    tried: Array  # (A,) alphas that were mirrored
    descents: Array
    done: Array


def deepest_minimum(
    structure: Structure,
    model: Model,
    data: Data,
    start: Array,
    free: Array,
    starts: int | Array = 0,
) -> Minimum:
    """Minimise `histfactory.deviance` from `start` over the `free` parameters, both (n,).

    `starts` is how many more descents begin far away, at the same points in every call: what one
    finds is nearly always the deepest minimum, unless templates are negative or factors multiply.
    As an array, which may be mapped over, it is at most `MOST_STARTS`.
    `iterations` and `expansions` count those of all descents.
    """
    parameters, split = structure.parameters, partition(structure)
    lower, upper = jnp.asarray(parameters.lower), jnp.asarray(parameters.upper)
    alphas = split.dense[: split.alphas]
    lengths = np.concatenate([LENGTHS, -LENGTHS])
    one_way = _one_way(structure, model)
    most = starts if isinstance(starts, int) else MOST_STARTS
    far = jnp.where(free, jnp.clip(_far_away(structure, most), lower, upper), start)
    zero, mirror = np.ones((2, len(alphas), len(parameters.names)))
    zero[np.arange(len(alphas)), alphas], mirror[np.arange(len(alphas)), alphas] = 0.0, -1.0

    def descend(search: _Search) -> _Search:
        function = curvature.likelihood(structure, model, data, search.softness)
        new = minimise(function, search.start, lower, upper, free)
        sharp = search.softness <= SHARP
        saddle = (new.escape != 0).any()
        first = search.descents == 0
        # a lower value counts even where its descent did not converge: then nothing has
        rounding = ROUNDING * (1 + jnp.abs(new.value))
        deeper = new.value < search.best.value - rounding
        settles = new.converged & ~search.best.converged
        settles &= new.value < search.best.value + rounding
        best = _where(first | (sharp & (deeper | settles)), new, search.best)
        best = best._replace(
            iterations=search.best.iterations + new.iterations,
            expansions=search.best.expansions + new.expansions,
        )

        untried = free[alphas] & one_way & ~search.tried & best.converged & sharp

        def on_kink() -> Array:
            rate = rates(structure, model, new.x).sum(0)
            return ((data.main == 0) & (jnp.abs(rate) < KINK)).any()

        kinked = lax.cond((data.main == 0).any(), on_kink, lambda: no)
        blunt = sharp & (kinked | ~new.converged) & ~search.rounded
        more = saddle | untried.any() | ~sharp | blunt | search.waiting | (search.used < starts)
        search = search._replace(best=best, descents=search.descents + 1, done=~more)
        after: _Search = lax.cond(more, lambda: go_on(new, search, untried, blunt), lambda: search)
        return after

    def go_on(new: Minimum, search: _Search, untried: Array, blunt: Array) -> _Search:
        """What comes after a descent that found `new`."""
        best, sharp, saddle = search.best, search.softness <= SHARP, (new.escape != 0).any()
        away = jnp.clip(new.x + lengths[:, None] * new.escape, lower, upper)
        points = jnp.concatenate([away, best.x * zero, best.x * mirror])
        heights = jax.vmap(lambda x: deviance(structure, model, x, data, search.softness))(points)
        sides, top, mirrored = jnp.split(heights, np.cumsum([len(away), len(alphas)]))
        plus, minus = jnp.split(sides, 2)
        falls = saddle & (jnp.stack([plus.min(), minus.min()]) < new.value)
        start_plus, start_minus = away[plus.argmin()], away[len(plus) + minus.argmin()]
        worth = untried & (top > mirrored) & (mirrored < best.value + REACH)
        nearest = jnp.argmin(jnp.where(worth, mirrored, jnp.inf)) if len(alphas) else 0

        # what comes next, in this order
        cases = [
            (falls[0], start_plus),
            (falls[1], start_minus),
            (~sharp, new.x),
            (blunt, search.start),
            (search.waiting, search.other),
            (search.used < starts, far[search.used] if most else start),
            (worth.any(), points[len(away) + len(alphas) + nearest]),
        ]
        wanted = jnp.array([case for case, _ in cases])
        taken = jnp.argmax(wanted) == np.arange(len(cases))
        _, _, narrows, rounds, resumes, starts_far, mirrors = taken
        narrower = jnp.maximum(search.softness * NARROWER, SHARP)
        later = sharp & falls.all()
        return search._replace(
            start=jnp.stack([x for _, x in cases])[jnp.argmax(wanted)],
            softness=jnp.select([narrows, rounds], [narrower, WIDEST], search.softness),
            rounded=(search.rounded | blunt) & ~starts_far,
            other=jnp.where(later, start_minus, search.other),
            waiting=(search.waiting & ~resumes) | later,
            used=search.used + starts_far,
            tried=search.tried | (mirrors & (np.arange(len(alphas)) == nearest)),
            done=~wanted.any() | (search.descents > MAX_DESCENTS),
        )

    no, zero_ = jnp.array(False), jnp.array(0)
    search = _Search(
        best=Minimum(start, jnp.array(jnp.inf), no, jnp.zeros_like(start), zero_, zero_),
        start=start,
        softness=jnp.array(SHARP),
        rounded=no,
        other=start,
        waiting=no,
        used=zero_,
        tried=jnp.zeros(len(alphas), bool),
        descents=zero_,
        done=no,
    )
    return lax.while_loop(lambda search: ~search.done, descend, search).best


def _far_away(structure: Structure, starts: int) -> np.ndarray:
    """Starts (M, n) at random, but alike in every call: interpolated parameters within 1.5 of their
    widths, factors within 2 of each other."""
    parameters = structure.parameters
    random = np.random.default_rng(1).normal(size=(starts, len(parameters.names)))
    return np.where(parameters.multiplies, parameters.init * 2.0**random, 1.5 * random)


def _where(condition: Array, a: Minimum, b: Minimum) -> Minimum:
    return Minimum(*(jnp.where(condition, x, y) for x, y in zip(a, b, strict=True)))


def _one_way(structure: Structure, model: Model) -> Array:
    """Interpolated parameters with variations that go the same way, or nearly so, bool, shape (A,).

    Only these have two minima: with e the mean of the two shifts and o half their difference,
    the shift by alpha is monotonic for e < 0.77 o.
    """
    up, down = jnp.expm1(model.log_up), jnp.expm1(model.log_down)
    norm = _lopsided((up + down) / 2, (up - down) / 2)
    shape = _lopsided(8 * model.even, model.odd)
    curved = jnp.einsum("uusb->usb", model.log_bend) / 2
    surface = _lopsided(curved, model.log_slope)
    split = partition(structure)
    norm = jnp.pad(norm, (0, split.alphas - len(norm)))
    shape = jnp.pad(shape, (split.shapes.start, split.alphas - split.shapes.stop))
    return norm | shape | ((surface @ split.surface) > 0)


def _lopsided(even: Array, odd: Array) -> Array:
    excess = jnp.abs(even) - 0.75 * jnp.abs(odd)
    return jnp.tensordot(excess, jnp.ones(excess.shape[1:]), 2) > 0
