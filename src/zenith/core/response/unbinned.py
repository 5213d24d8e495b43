"""The unbinned extended likelihood of events, from ratios of intensities, profiled.

With w_i the events that each of the observed ones stands for (1 of data), r the ratio of the
intensity to that at a reference point, and simulated events of weights v_k at that point,

    −ln L(θ) = Σ_k v_k r(x_k | θ) − Σ_i w_i ln r(x_i | θ) + ½ Σ_a P_a (θ_a − θ̄_a)².

The extended term is the sum over simulated events of the same ratios, so that an error of their
normalisation cancels to first order. P are the inverse variances of what is known beforehand.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from numpy.typing import NDArray

from zenith.core.likelihood.quadratics import monomials
from zenith.errors import FitError

Array = NDArray[np.float64]
Ratios = Callable[[jax.Array, jax.Array], jax.Array]  # events (N, …), θ (A,) → ln r (N,)
STEPS, HALVINGS, TOLERANCE = 100, 30, 1e-9


def of_processes(signal: ArrayLike, rates: ArrayLike) -> Ratios:
    """The ratios of events whose processes have learned shares and responses.

    An event is (P, 1 + F): of each process ln of its share in the intensity at the reference point,
    where all nuisance parameters are 0 and μ is 1, and the F terms of its response to A of them, as
    `zenith.core.response.learned.LearnedResponse.terms` has them. At θ = (μ, A of these, R rates)

        r = Σ_p share_p μ^signal_p exp(terms_p · m(ν) + rates_p · ν').

    Parameters
    ----------
    signal
        1 for processes that μ multiplies, else 0, (P,).
    rates
        ln of the yield ratio at one standard deviation of R further parameters, (P, R).
    """
    of_signal, of_rates = jnp.asarray(signal), jnp.asarray(rates)

    def log_ratio(events: jax.Array, at: jax.Array) -> jax.Array:
        shapes, others = jnp.split(at[1:], [len(at) - 1 - of_rates.shape[1]])
        change = of_signal * jnp.log(at[0]) + of_rates @ others
        responses = events[..., 1:] @ monomials(shapes)
        return jax.nn.logsumexp(events[..., 0] + responses + change, axis=-1)

    return log_ratio


class BestFit(NamedTuple):
    """Where the likelihood is largest."""

    parameters: Array  # (A,)
    covariance: Array  # (A, A), the inverse of the second derivatives
    value: float  # −ln L, up to what depends on no parameter


def fit(
    log_ratio: Ratios,
    observed: ArrayLike,
    simulated: ArrayLike,
    weight: ArrayLike,
    start: ArrayLike,
    prior: ArrayLike,
    observed_weight: ArrayLike = 1.0,
) -> BestFit:
    """Newton's method from a start (A,), which is also where the priors (A,) have their centre.

    Parameters
    ----------
    log_ratio
        ln r of events at a point, differentiable; `-inf` or NaN is where a point is not allowed.
    observed, simulated
        Events, (N, …) and (K, …).
    weight
        Of the simulated ones at the reference point of the ratios, (K,).
    prior
        Inverse variances, (A,); 0 of what is free.
    observed_weight
        Events that each observed one stands for, (N,) or one number.

    Raises
    ------
    FitError
        It does not converge, or the second derivatives do not make an error: a parameter that
        nothing depends on, or two that do the same.
    """
    centre, inverse = jnp.asarray(start), jnp.asarray(prior)
    events, points = jnp.asarray(observed), jnp.asarray(simulated)
    of_events, of_points = jnp.broadcast_to(observed_weight, len(events)), jnp.asarray(weight)

    def loss(at: jax.Array) -> jax.Array:
        expected = of_points @ jnp.exp(log_ratio(points, at))
        seen = of_events @ log_ratio(events, at)
        return expected - seen + 0.5 * inverse @ (at - centre) ** 2

    here, value = centre, float(loss(centre))
    derivatives = jax.jit(lambda at: (jax.grad(loss)(at), jax.hessian(loss)(at)))
    evaluate = jax.jit(loss)
    for _ in range(STEPS):
        gradient, hessian = map(np.asarray, derivatives(here))
        size, directions = np.linalg.eigh(hessian)
        if not np.isfinite(hessian).all() or size[-1] <= 0.0:
            break
        # downhill also where the curvature is negative
        damped = np.maximum(np.abs(size), 1e-8 * size[-1])
        step = -directions @ ((directions.T @ gradient) / damped)
        if float(-gradient @ step) < TOLERANCE:
            return BestFit(np.asarray(here), _covariance(hessian), value)
        for halving in range(HALVINGS):
            there = here + step * 0.5**halving
            found = float(evaluate(there))
            if found <= value + 1e-12 * abs(value):
                here, value = there, found
                break
        else:
            break
    raise FitError("the unbinned fit does not converge: start nearer, or check the ratios")


def _covariance(hessian: Array) -> Array:
    size = np.linalg.eigvalsh(hessian)
    if size[0] <= 1e-10 * size[-1]:
        raise FitError(
            "the unbinned fit has no error: nothing depends on a parameter that has no prior, or "
            "two of them do the same"
        )
    return np.asarray(np.linalg.inv(hessian))
