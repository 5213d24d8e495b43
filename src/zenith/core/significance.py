"""Expected and observed discovery significance of a HistFactory model.

The test statistic is q0 of arXiv:1007.1727, equation 12, and Z = sqrt(q0).
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from zenith.core import curvature
from zenith.core.histfactory import (
    Data,
    Model,
    Structure,
    Templates,
    asimov,
    deviance,
    nominal,
    prepare,
)
from zenith.core.newton import Minimum, minimise


class Expected(NamedTuple):
    """Expected significance with the fit's diagnostics."""

    z: Array
    """Scalar; NaN where the fit did not converge."""
    converged: Array
    """bool, scalar."""
    iterations: Array
    """Newton steps of the background-only fit, int, scalar."""
    parameters: Array
    """Background-only best fit, shape (n,), named by `structure.parameters.names`."""


def expected_significance(structure: Structure, templates: Templates) -> Array:
    """Z of the Asimov data at mu = 1; scalar, differentiable (once) in the templates.

    NaN where the fit did not converge, never hidden. Jit it with the structure static, or call it
    inside of a jitted function.
    """
    return expected(structure, templates).z


def expected(structure: Structure, templates: Templates) -> Expected:
    """As `expected_significance`, with diagnostics.

    The free fit to Asimov data is known (it is what generated them), so that q0 takes the one
    fit at mu = 0. Its gradient is the partial derivative at that fit: parameters that minimise do
    not respond to first order (envelope theorem), but the Asimov data do depend on the templates.
    """
    model = prepare(structure, templates)
    data = asimov(structure, model, jnp.asarray(nominal(structure, 1.0)))
    fixed_model, fixed_data = lax.stop_gradient((model, data))
    best = fit(structure, fixed_model, fixed_data, mu=0.0)
    q0 = 2 * deviance(structure, model, lax.stop_gradient(best.x), data)
    z = jnp.sqrt(jnp.where(q0 > 0, q0, 1.0))
    z = jnp.where(best.converged, jnp.where(q0 > 0, z, 0.0), jnp.nan)
    return Expected(z, best.converged, best.iterations, best.x)


def expected_mu_error(structure: Structure, templates: Templates) -> Array:
    """Expected error on mu at mu = 1, from the Fisher information; scalar, differentiable.

    At the Asimov data's own best fit the exact Hessian is the Fisher information, so that no fit
    is needed.
    """
    model = prepare(structure, templates)
    theta = jnp.asarray(nominal(structure, 1.0))
    data = asimov(structure, model, theta)
    return jnp.sqrt(_mu_variance(structure, model, theta, data))


def fit(structure: Structure, model: Model, data: Data, mu: float | None = None) -> Minimum:
    """Best fit to the data within the bounds, from the initial parameters; mu fixed if given."""
    parameters = structure.parameters
    start = parameters.init if mu is None else nominal(structure, mu)
    is_poi = np.arange(len(start)) == parameters.poi
    return minimise(
        lambda theta: deviance(structure, model, theta, data),
        curvature.newton(structure, model, data),
        start=jnp.asarray(start),
        lower=jnp.asarray(parameters.lower),
        upper=jnp.asarray(parameters.upper),
        free=model.free if mu is None else model.free & ~is_poi,
    )


def _mu_variance(structure: Structure, model: Model, theta: Array, data: Data) -> Array:
    unit = jnp.asarray(np.arange(theta.size) == structure.parameters.poi, float)
    at = curvature.expand(structure, model, theta, data)
    return (curvature.solve(structure, at.hessian, unit, model.free) * unit).sum()
