"""Expected and observed discovery significance of a HistFactory model.

The test statistic is q0 of arXiv:1007.1727, equation 12, and Z = sqrt(q0).
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from zenith.core.likelihood import curvature
from zenith.core.likelihood.descents import KINK, deepest_minimum
from zenith.core.likelihood.hessian import solve
from zenith.core.likelihood.histfactory import (
    Data,
    Model,
    asimov,
    deviance,
    nominal,
    observed,
    perfect_twice_nll,
    prepare,
    rates,
)
from zenith.core.likelihood.newton import Minimum
from zenith.core.likelihood.structure import Structure, Templates

# An error on mu of so many times its range says that the data do not determine it
UNDETERMINED = 1e4
# What rounding alone gives q0 an event: counts and rates differ by their last digits
ROUNDED = 1e-28
# The share of its range within which a parameter is on a bound
ON_BOUND = 1e-7


class Expected(NamedTuple):
    """Expected significance with the fit's diagnostics."""

    z: Array
    """Scalar; NaN where the fit did not converge."""
    converged: Array
    """bool, scalar."""
    iterations: Array
    """Newton steps of the background-only fit, int, scalar."""
    expansions: Array
    """Its evaluations of gradient and Hessian, int, scalar."""
    parameters: Array
    """Background-only best fit, shape (n,), named by `structure.parameters.names`."""


class Observed(NamedTuple):
    """Observed significance, and the free fit to the data."""

    z: Array
    """One-sided: 0 where mu_hat is negative. NaN where a fit did not converge."""
    mu_hat: Array
    mu_error: Array
    """From the Hessian; NaN where mu_hat is on a bound, the data do not determine it, or the best
    fit is where the rate of a bin without counts reaches zero."""
    twice_nll: Array
    """-2 log L at the best fit, with all constants, as pyhf's `twice_nll`."""
    converged: Array
    iterations: Array
    """Newton steps of both fits together."""
    expansions: Array
    """Evaluations of gradient and Hessian of both fits together."""
    parameters: Array
    """Best fit, shape (n,), named by `structure.parameters.names`."""
    at_bound: Array
    """bool, shape (n,): which free parameters end on a bound, where a Hessian says nothing."""
    covariance: Array
    """Inverse Hessian, shape (n, n); zero for fixed parameters and for those on a bound. NaN where
    the Hessian is not positive definite."""
    background_only: Array
    """Best fit at mu = 0, shape (n,)."""


def expected_significance(structure: Structure, templates: Templates) -> Array:
    """Z of the Asimov data at mu = 1; scalar, differentiable (once) in the templates.

    NaN where the fit did not converge, never hidden. Jit it with the structure static, or call it
    inside of a jitted function.
    """
    return expected(structure, templates).z


def expected(structure: Structure, templates: Templates, starts: int = 0) -> Expected:
    """As `expected_significance`, with diagnostics; `starts` as in `descents.deepest_minimum`.

    The free fit to Asimov data is known (it is what generated them), so that q0 takes the one
    fit at mu = 0. Its gradient is the partial derivative at that fit: parameters that minimise do
    not respond to first order (envelope theorem), but the Asimov data do depend on the templates.
    """
    model = prepare(structure, templates)
    data = asimov(structure, model, nominal(structure, 1.0))
    fixed_model, fixed_data = lax.stop_gradient((model, data))
    start = jnp.asarray(nominal(structure, 0.0))
    free = fixed_model.free & ~_is_poi(structure)
    best = deepest_minimum(structure, fixed_model, fixed_data, start, free, starts)
    q0 = 2 * deviance(structure, model, lax.stop_gradient(best.x), data)
    some = q0 > ROUNDED * data.main.sum()
    z = jnp.sqrt(jnp.where(some, q0, 1.0))
    z = jnp.where(best.converged, jnp.where(some, z, 0.0), jnp.nan)
    return Expected(z, best.converged, best.iterations, best.expansions, best.x)


def expected_mu_error(structure: Structure, templates: Templates) -> Array:
    """Expected error on mu at mu = 1, from the Fisher information; scalar, differentiable.

    At the Asimov data's own best fit the exact Hessian is the Fisher information, so that no fit
    is needed. Bins without expected events carry none.
    """
    model = prepare(structure, templates)
    theta = jnp.asarray(nominal(structure, 1.0))
    data = asimov(structure, model, theta)
    hessian = curvature.expand(structure, model, theta, data, convex=True).hessian
    unit = jnp.asarray(_is_poi(structure), float)
    return jnp.sqrt((solve(structure, hessian, unit, model.free) * unit).sum())


def observed_significance(
    structure: Structure, templates: Templates, counts: Array, starts: int = 0
) -> Observed:
    """Discovery significance of observed counts (B,), by a free fit and one at mu = 0.

    `starts` as in `descents.deepest_minimum`.
    """
    parameters = structure.parameters
    model = prepare(structure, templates)
    data = observed(structure, model, counts)
    is_poi = _is_poi(structure)
    inits = jnp.stack([parameters.init, nominal(structure, 0.0)])
    free = jnp.stack([model.free, model.free & ~is_poi])
    fits = lax.map(
        lambda each: deepest_minimum(structure, model, data, each[0], each[1], starts),
        (inits, free),
    )
    best, background = (Minimum(*(part[i] for part in fits)) for i in (0, 1))
    converged = best.converged & background.converged
    mu_hat = best.x[parameters.poi]
    q0 = jnp.where(mu_hat < 0, 0.0, 2 * jnp.maximum(background.value - best.value, 0.0))
    margin = ON_BOUND * (parameters.upper - parameters.lower)
    on_bound = (best.x <= parameters.lower + margin) | (best.x >= parameters.upper - margin)
    at_bound = model.free & on_bound
    covariance = _inverse(structure, model, best.x, data, model.free & ~on_bound)
    variance = covariance[parameters.poi, parameters.poi]
    span = parameters.upper[parameters.poi] - parameters.lower[parameters.poi]
    determined = ~at_bound[parameters.poi] & (variance < (UNDETERMINED * span) ** 2)
    determined &= ~_on_kink(structure, model, best.x, data, model.free & ~at_bound)
    return Observed(
        z=jnp.where(converged, jnp.sqrt(q0), jnp.nan),
        mu_hat=mu_hat,
        mu_error=jnp.where(determined, jnp.sqrt(variance), jnp.nan),
        twice_nll=2 * best.value + perfect_twice_nll(structure, model, data),
        converged=converged,
        iterations=best.iterations + background.iterations,
        expansions=best.expansions + background.expansions,
        parameters=best.x,
        at_bound=at_bound,
        covariance=covariance,
        background_only=background.x,
    )


def _on_kink(structure: Structure, model: Model, theta: Array, data: Data, moving: Array) -> Array:
    """Whether a parameter moves the rate of a bin without counts from zero: there the likelihood
    has no second derivative, and what the core has is that of its rounded kink."""

    def close(theta: Array) -> Array:
        rate = rates(structure, model, theta).sum(0)
        return jnp.where((data.main == 0) & (jnp.abs(rate) < KINK), rate, 0.0).sum()

    return jnp.any(moving & (jax.grad(close)(theta) != 0))


def _is_poi(structure: Structure) -> np.ndarray:
    return np.asarray(np.arange(len(structure.parameters.names)) == structure.parameters.poi)


def _inverse(structure: Structure, model: Model, theta: Array, data: Data, moving: Array) -> Array:
    hessian = curvature.expand(structure, model, theta, data).hessian
    column = partial(solve, structure, hessian, moving=moving)
    return jax.vmap(column)(jnp.eye(theta.size))
