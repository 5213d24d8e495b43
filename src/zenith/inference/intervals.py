"""Intervals of a parameter from the profile likelihood, in compiled code.

    q(μ) = -2 ln [L(μ, ν(μ)) / L(μ, ν)_max]

with ν(μ) the best fit of all other parameters at μ. The interval of probability p ends where q is
the p quantile of χ² of one degree of freedom (S. S. Wilks, Ann. Math. Stat. 9 (1938) 60): 1 for
one standard deviation. There Newton's method finds the root of √q, which is nearly linear in μ:
its slope is that of the likelihood at fixed ν (envelope theorem), so that each step takes one fit,
which begins where the last ended. A step that leaves the bracket is replaced by a bisection.
"""

from collections.abc import Sequence
from functools import partial
from math import erf, sqrt
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from scipy.special import ndtri

from zenith.core.likelihood import curvature
from zenith.core.likelihood.descents import deepest_minimum
from zenith.core.likelihood.hessian import RIDGE, solve
from zenith.core.likelihood.histfactory import Data, Model, deviance
from zenith.core.likelihood.newton import minimise
from zenith.core.likelihood.significance import ON_BOUND
from zenith.core.likelihood.structure import Structure
from zenith.errors import InputError

ONE_SIGMA = erf(sqrt(0.5))
# Distance to a root in √q before the last Newton step, which squares it
TOLERANCE = 1e-5
MAX_FITS = 50
# How much lower than the best fit, relatively, a point must be to count as lower
LOWER = 1e-8
# How much farther from the best fit than the last point, at most, where no point outside is known
FARTHER = 3.0


def thresholds(levels: Sequence[float]) -> np.ndarray:
    """The values of q at the ends of intervals of probabilities, (L,). Raises InputError for
    others than between 0 and 1."""
    for level in levels:
        if not 0.0 < level < 1.0:
            raise InputError(f"level {level:g} is not between 0 and 1, as 0.95 is")
    return np.asarray(ndtri((1.0 + np.asarray(levels)) / 2.0) ** 2)


class Profile(NamedTuple):
    """The best fit with one parameter held."""

    x: Array
    """(n,)"""
    value: Array
    """`histfactory.deviance` there."""
    slope: Array
    """Its derivative with respect to the parameter that is held."""
    converged: Array


class Interval(NamedTuple):
    """Intervals of one parameter at L levels, and the best fit of all n."""

    best: Array
    """The parameter's value; scalar."""
    lower: Array
    """(L,); NaN where a fit did not converge or found a deeper minimum."""
    upper: Array
    lower_on_bound: Array
    """bool, (L,): whether the end is a bound of the parameter, where q is still below its level."""
    upper_on_bound: Array
    sigma: Array
    """From the Hessian at the best fit."""
    parameters: Array
    """(n,), the best fit."""
    value: Array
    """`histfactory.deviance` there."""
    converged: Array
    """bool, scalar, of the best fit and all ends."""
    deeper: Array
    """bool, scalar: whether a point on the way was lower than the best fit, which then is none."""
    fits: Array
    """How many profiled fits there were."""


class _Search(NamedTuple):
    at: Array  # distance of the next point from the best fit, towards the end
    x: Array  # (n,) of the last profiled fit
    last: Array  # its distance
    inside: Array  # the largest distance known with q below the level
    outside: Array  # the smallest known with q above it; infinite before
    end: Array
    on_bound: Array
    done: Array
    failed: Array
    deeper: Array
    fits: Array


def profile(
    structure: Structure, model: Model, data: Data, index: Array | int, value: Array, start: Array
) -> Profile:
    """The best fit with parameter `index` held at `value`, from `start` (n,), a point nearby."""
    parameters = structure.parameters
    held = jnp.arange(len(parameters.names)) == index
    lower, upper = jnp.asarray(parameters.lower), jnp.asarray(parameters.upper)
    function = curvature.likelihood(structure, model, data)
    found = minimise(function, jnp.where(held, value, start), lower, upper, model.free & ~held)

    def along(theta: Array) -> Array:
        return deviance(structure, model, theta, data)

    _, slope = jax.jvp(along, (found.x,), (held.astype(float),))
    return Profile(found.x, found.value, slope, found.converged)


@partial(jax.jit, static_argnums=0)
def interval(
    structure: Structure,
    model: Model,
    data: Data,
    index: Array | int,
    levels: Array | np.ndarray,
    starts: Array | int = 0,
) -> Interval:
    """The intervals of parameter `index` where q is at most `levels`, (L,), about the best fit.

    `starts` as of `descents.deepest_minimum`. It is compiled once for all models of a structure,
    which takes as long as thousands of intervals, and may be mapped over models, data and
    parameters. Of a profile that rises and falls again it finds the interval that holds the best
    fit; `minima.scan` finds the others.
    """
    parameters = structure.parameters
    lower, upper = jnp.asarray(parameters.lower), jnp.asarray(parameters.upper)
    best = deepest_minimum(structure, model, data, jnp.asarray(parameters.init), model.free, starts)
    centre = best.x[index]
    sigma, tangent = _parabola(structure, model, data, index, best.x)
    lowest = best.value - LOWER * (1.0 + jnp.abs(best.value))

    def end(side: tuple[Array, Array]) -> _Search:
        sign, level = side
        root, bound = jnp.sqrt(level), jnp.where(sign > 0, upper[index], lower[index])
        reach = sign * (bound - centre)

        def go_on(search: _Search) -> _Search:
            moved = sign * search.at
            way = jnp.where(search.last > 0.0, sign * search.last, 1.0)
            direction = jnp.where(search.last > 0.0, (search.x - best.x) / way, tangent)
            start = jnp.clip(search.x + (search.at - search.last) * sign * direction, lower, upper)
            found = profile(structure, model, data, index, centre + moved, start)
            q = 2.0 * jnp.maximum(found.value - best.value, 0.0)
            possible = jnp.isfinite(q)
            distance = jnp.where(possible, jnp.sqrt(q) - root, jnp.inf)
            slope = sign * found.slope / jnp.sqrt(jnp.where(q > 0.0, q, 1.0))
            within = distance <= 0.0
            inside = jnp.where(within, search.at, search.inside)
            outside = jnp.where(within, search.outside, search.at)
            newton = search.at - distance / slope
            halved = jnp.where(jnp.isfinite(outside), (inside + outside) / 2.0, FARTHER * search.at)
            allowed = (newton > inside) & (newton < jnp.minimum(outside, FARTHER * search.at))
            following = jnp.minimum(jnp.where(allowed, newton, halved), reach)
            near = jnp.abs(distance) < TOLERANCE
            on_bound = within & (search.at >= reach)
            closed = jnp.isfinite(outside)
            closed &= outside - inside <= 1e-13 * (jnp.abs(centre) + outside)
            # a last step beyond the bracket is as small as the distance was
            last = jnp.where(jnp.isfinite(newton) & near, jnp.clip(newton, 0.0, reach), following)
            return _Search(
                at=following,
                x=jnp.where(possible, found.x, search.x),
                last=jnp.where(possible, search.at, search.last),
                inside=inside,
                outside=outside,
                end=jnp.where(on_bound, reach, last),
                on_bound=on_bound,
                done=near | on_bound | closed,
                failed=possible & ~found.converged,
                deeper=search.deeper | (possible & (found.value < lowest)),
                fits=search.fits + 1,
            )

        nothing, no = jnp.array(0.0), jnp.array(False)
        first = _Search(
            at=jnp.minimum(sigma * root, reach),
            x=best.x,
            last=nothing,
            inside=nothing,
            outside=jnp.array(jnp.inf),
            end=nothing,
            on_bound=reach <= 0.0,
            done=reach <= 0.0,
            failed=no,
            deeper=no,
            fits=jnp.array(0),
        )
        search: _Search = lax.while_loop(
            lambda s: ~s.done & ~s.failed & ~s.deeper & (s.fits < MAX_FITS), go_on, first
        )
        return search

    signs = jnp.repeat(jnp.array([-1.0, 1.0]), len(levels))
    found = lax.map(end, (signs, jnp.tile(jnp.asarray(levels, float), 2)))
    good = found.done & ~found.failed & ~found.deeper & best.converged
    ends = jnp.where(good, centre + signs * found.end, jnp.nan)
    below, above = jnp.split(ends, 2)
    below_on_bound, above_on_bound = jnp.split(found.on_bound, 2)
    return Interval(
        best=centre,
        lower=below,
        upper=above,
        lower_on_bound=below_on_bound,
        upper_on_bound=above_on_bound,
        sigma=sigma,
        parameters=best.x,
        value=best.value,
        converged=good.all(),
        deeper=found.deeper.any(),
        fits=found.fits.sum(),
    )


def _parabola(
    structure: Structure, model: Model, data: Data, index: Array | int, x: Array
) -> tuple[Array, Array]:
    """The error of a parameter by the Hessian at x, and how all move with it, (n,), where there is
    one; else a twentieth of its range, and not at all."""
    parameters = structure.parameters
    lower, upper = jnp.asarray(parameters.lower), jnp.asarray(parameters.upper)
    unit = jnp.arange(x.size) == index
    margin = ON_BOUND * (upper - lower)
    moving = model.free & (unit | ((x > lower + margin) & (x < upper - margin)))
    hessian = curvature.expand(structure, model, x, data).hessian
    column = solve(structure, hessian, unit.astype(float), moving, RIDGE)
    variance = column[index]
    span = (upper - lower)[index]
    good = (variance > 0.0) & (variance < span**2)
    safe = jnp.where(good, variance, 1.0)
    return jnp.where(good, jnp.sqrt(safe), span / 20), jnp.where(good, column / safe, unit * 1.0)
