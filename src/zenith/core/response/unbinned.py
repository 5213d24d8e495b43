"""The unbinned extended likelihood of events, from ratios of intensities, profiled.

With w_i the events that each of the observed ones stands for (1 of data), r the ratio of the
intensity to that at a reference point, and simulated events of weights v_k at that point,

    −ln L(θ) = Σ_k v_k r(x_k | θ) − Σ_i w_i ln r(x_i | θ) + ½ Σ_a P_a (θ_a − θ̄_a)².

The extended term is the sum over simulated events of the same ratios, so that an error of their
normalisation cancels to first order. P are the inverse variances of what is known beforehand.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from numpy.typing import NDArray

from zenith.core.likelihood.quadratics import monomials
from zenith.errors import FitError

Array = NDArray[np.float64]
Ratios = Callable[[jax.Array, jax.Array], jax.Array]  # events (N, …), θ (A,) → ln r (N,)
Loss = Callable[[jax.Array, Any], jax.Array]  # θ (A,), and what it is of → −ln L
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
    events = _Events(
        jnp.asarray(observed),
        jnp.broadcast_to(observed_weight, len(np.asarray(observed))),
        jnp.asarray(simulated),
        jnp.asarray(weight),
    )
    known = jnp.asarray(start), jnp.asarray(prior)
    return minimum(_Extended(log_ratio), start, (events, *known))


class _Events(NamedTuple):
    observed: jax.Array
    of_observed: jax.Array
    simulated: jax.Array
    of_simulated: jax.Array


@dataclass(frozen=True)
class _Extended:
    """−ln L of ratios. Equal ones are compiled once."""

    log_ratio: Ratios

    def __call__(self, at: jax.Array, of: tuple[_Events, jax.Array, jax.Array]) -> jax.Array:
        events, centre, inverse = of
        expected = events.of_simulated @ jnp.exp(self.log_ratio(events.simulated, at))
        seen = events.of_observed @ self.log_ratio(events.observed, at)
        return expected - seen + 0.5 * inverse @ (at - centre) ** 2


def minimum(loss: Loss, start: ArrayLike, of: Any) -> BestFit:
    """The minimum of any −ln L of parameters (A,) and of arrays, by Newton's method.

    It is compiled once for each loss and the shapes of its arrays. Raises FitError as `fit`.
    """
    here = jnp.asarray(start)
    value = float(_value(loss, here, of))
    for _ in range(STEPS):
        gradient, hessian = map(np.asarray, _derivatives(loss, here, of))
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
            found = float(_value(loss, there, of))
            if found <= value + 1e-12 * abs(value):
                here, value = there, found
                break
        else:
            break
    raise FitError("the unbinned fit does not converge: start nearer, or check the ratios")


@partial(jax.jit, static_argnums=0)
def _value(loss: Loss, at: jax.Array, of: Any) -> jax.Array:
    return loss(at, of)


@partial(jax.jit, static_argnums=0)
def _derivatives(loss: Loss, at: jax.Array, of: Any) -> tuple[jax.Array, jax.Array]:
    return jax.grad(loss)(at, of), jax.hessian(loss)(at, of)


def _covariance(hessian: Array) -> Array:
    size = np.linalg.eigvalsh(hessian)
    if size[0] <= 1e-10 * size[-1]:
        raise FitError(
            "the unbinned fit has no error: nothing depends on a parameter that has no prior, or "
            "two of them do the same"
        )
    return np.asarray(np.linalg.inv(hessian))
