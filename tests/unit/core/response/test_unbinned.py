"""The unbinned fit of a signal on a slope, against SciPy's minimiser."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from zenith.core.response.unbinned import fit, of_processes
from zenith.errors import FitError

SIGNAL, BACKGROUND = 100.0, 900.0


def log_ratio(x: jnp.ndarray, at: jnp.ndarray) -> jnp.ndarray:
    """A peak times μ on a density of 0 to 1 that ν tilts, over μ = 1 and ν = 0."""
    peak = jnp.exp(-0.5 * ((x - 0.5) / 0.05) ** 2) / (0.05 * np.sqrt(2 * np.pi))
    tilted = BACKGROUND * jnp.exp(0.1 * at[1] + at[1] * (x - 0.5))
    return jnp.log(at[0] * SIGNAL * peak + tilted) - jnp.log(SIGNAL * peak + BACKGROUND)


@pytest.fixture(scope="module")
def events() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    data = np.concatenate([rng.normal(0.5, 0.05, 130), rng.uniform(size=950)])
    simulated = np.concatenate([rng.normal(0.5, 0.05, 2000), rng.uniform(size=6000)])
    return data, simulated, np.repeat([SIGNAL / 2000, BACKGROUND / 6000], [2000, 6000])


def test_another_minimiser_finds_the_same(events: tuple[np.ndarray, ...]) -> None:
    data, simulated, weight = events
    prior = np.array([0.0, 4.0])
    best = fit(log_ratio, *events, [1.0, 0.0], prior)

    def loss(at: np.ndarray) -> float:
        expected = weight @ np.exp(np.asarray(log_ratio(simulated, at)))
        known = 0.5 * prior @ (at - [1.0, 0.0]) ** 2
        return float(expected - np.asarray(log_ratio(data, at)).sum() + known)

    found = minimize(loss, [1.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9})
    np.testing.assert_allclose(best.parameters, found.x, atol=1e-4)
    assert best.value == pytest.approx(found.fun, abs=1e-6)
    h = 1e-3
    for k, error in enumerate(np.sqrt(1 / np.diag(np.linalg.inv(best.covariance)))):
        step = h * np.eye(2)[k]
        curvature = loss(best.parameters + step) + loss(best.parameters - step) - 2 * best.value
        assert curvature / h**2 == pytest.approx(error**-2, rel=1e-3)


def test_what_nothing_depends_on_has_no_error(events: tuple[np.ndarray, ...]) -> None:
    with pytest.raises(FitError, match="two of them do the same"):
        fit(lambda x, at: log_ratio(x, at[:2]), *events, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0])


def test_ratios_that_are_none(events: tuple[np.ndarray, ...]) -> None:
    with pytest.raises(FitError, match="does not converge"):
        fit(lambda x, at: jnp.nan * at[0] * x, *events, [1.0], [0.0])


def test_ratios_of_processes_by_hand() -> None:
    """Of a signal and a background, with two shapes (a, b, a², a b, b²) and one rate."""
    shares = np.array([[0.2, 0.8], [0.7, 0.3]])  # of two events
    terms = np.random.default_rng(2).normal(0.0, 0.1, (2, 2, 5))
    events = np.concatenate([np.log(shares)[..., None], terms], axis=-1)
    log_ratio = of_processes([1.0, 0.0], [[0.0], [np.log(1.02)]])
    mu, a, b, rate = at = [1.7, 0.5, -1.5, 2.0]
    polynomial = terms @ np.array([a, b, a * a, a * b, b * b])
    factor = np.exp(polynomial) * np.array([mu, 1.02**rate])
    np.testing.assert_allclose(log_ratio(events, jnp.array(at)), np.log((shares * factor).sum(1)))
    np.testing.assert_allclose(log_ratio(events, jnp.array([1.0, 0, 0, 0])), 0.0, atol=1e-12)
    without_rates = of_processes([1.0, 0.0], np.zeros((2, 0)))
    factor = np.exp(polynomial) * np.array([mu, 1.0])
    expected = np.log((shares * factor).sum(axis=1))
    np.testing.assert_allclose(without_rates(events, jnp.array(at[:3])), expected)
