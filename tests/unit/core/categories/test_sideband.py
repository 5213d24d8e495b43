"""The background under a peak: closed forms against integrals, and toys against their truth."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize_scalar

from zenith.core.categories.sideband import STEEPEST, Sideband
from zenith.errors import ConfigError

DIPHOTON = Sideband((122.0, 128.0), (100.0, 180.0))
ABOVE_ALONE = Sideband((100.0, 110.0), (100.0, 150.0))


def estimate(band, mass, weight, shares=None):
    """The estimate from single events; with `shares`, (K, N), one for each category."""
    weight = weight * band.in_sideband(mass)
    t, shares = band.position(mass), np.ones((1, len(mass))) if shares is None else shares

    def total(values):
        return jnp.asarray(shares) @ values

    squares = tuple(total(weight**2 * t**power) for power in range(3))
    return band.background(total(weight), total(weight * t), squares)


def falling(random, number, band, slope=3.0):
    """Masses of density e^(−λt), by inverting its cumulative distribution."""
    t = -np.log1p(-random.random(number) * -np.expm1(-slope)) / slope
    return band.range[0] + t * (band.range[1] - band.range[0])


@pytest.mark.parametrize("band", [DIPHOTON, ABOVE_ALONE])
@pytest.mark.parametrize("slope", [-50.0, -2.0, -1e-3, 0.0, 1e-7, 0.3, 4.0, 59.0])
def test_moments_are_integrals(band, slope):
    edges = band.position(np.array([band.range[0], *band.window, band.range[1]]))
    at = float(edges[0] if slope > 0 else edges[-1])  # where the density is the largest

    def integral(power):
        return sum(
            quad(lambda t: t**power * np.exp(-slope * (t - at)), low, high, epsabs=0)[0]
            for low, high in ((edges[0], edges[1]), (edges[2], edges[3]))
            if low < high
        )

    norm, first, second = (integral(power) for power in range(3))
    log_norm, mean, variance = band.moments(jnp.asarray(slope))
    assert float(log_norm) == pytest.approx(np.log(norm) - slope * at, abs=1e-9)
    assert float(mean) == pytest.approx(first / norm, rel=1e-9)
    assert float(variance) == pytest.approx(second / norm - (first / norm) ** 2, rel=1e-6)
    assert float(band.slope(mean)) == pytest.approx(slope, abs=1e-8)


def test_the_slope_is_that_of_the_largest_likelihood():
    random = np.random.default_rng(1)
    mass = falling(random, 300, DIPHOTON)
    mass = mass[DIPHOTON.in_sideband(mass)]
    weight, t = random.uniform(0.5, 2.0, len(mass)), DIPHOTON.position(mass)

    def minus_log_likelihood(slope):
        return (weight * (slope * t + float(DIPHOTON.moments(jnp.asarray(slope))[0]))).sum()

    best = minimize_scalar(minus_log_likelihood, bounds=(0, 10), options={"xatol": 1e-9})
    found = float(DIPHOTON.slope((weight * t).sum() / weight.sum()))
    assert found == pytest.approx(best.x, abs=1e-5)


def test_any_mean_has_a_slope():
    means = np.concatenate([np.linspace(-0.1, 1.1, 241), [1e-12, 1 - 1e-12]])
    for band in (DIPHOTON, ABOVE_ALONE, Sideband((1.0, 99.0), (0.0, 100.0))):
        slopes = np.asarray(band.slope(means))
        assert (np.abs(slopes) <= STEEPEST).all()
        inside = np.abs(slopes) < STEEPEST
        found = np.asarray(band.moments(jnp.asarray(slopes))[1])
        np.testing.assert_allclose(found[inside], means[inside], atol=1e-12)
        assert inside.sum() > 150


@pytest.mark.parametrize("weighted", [False, True], ids=["unit", "weighted"])
@pytest.mark.parametrize("band", [DIPHOTON, ABOVE_ALONE])
def test_pulls_have_mean_zero_and_width_one(band, weighted):
    random, toys, expected, slope = np.random.default_rng(5), 2000, 1600.0, 3.0
    low, high = band.position(np.array(band.window))
    truth = expected * (np.exp(-slope * low) - np.exp(-slope * high)) / -np.expm1(-slope)
    number = random.poisson(expected, toys)
    mass = falling(random, number.sum(), band)
    weight = np.ones(len(mass))
    if weighted:  # of mean 1; some are negative
        weight = np.where(random.random(len(mass)) < 0.9, 1.25, -1.25)
    toy = np.repeat(np.arange(toys), number)
    weight = weight * band.in_sideband(mass)
    t = band.position(mass)
    rows = [weight, weight * t, weight**2, weight**2 * t, weight**2 * t**2]
    total, first, *squares = (np.bincount(toy, row, toys) for row in rows)
    found, variance = (np.asarray(a) for a in band.background(total, first, tuple(squares)))
    pulls = (found - truth) / np.sqrt(variance)
    # errors of 2000 toys: 0.022 on the mean, 0.016 on the width; the estimate of a slope is biased
    # by 1/N: with a quarter of the events, 1.5 % of the background where only one side is left
    assert abs(pulls.mean()) < 0.12
    assert pulls.std() == pytest.approx(1.0, abs=0.07)
    assert found.mean() == pytest.approx(truth, rel=0.01)


def test_the_variance_is_that_of_poisson_numbers_of_each_event():
    random = np.random.default_rng(2)
    mass, weight = falling(random, 500, DIPHOTON), random.uniform(0.5, 1.5, 500)

    def central(scale):
        return estimate(DIPHOTON, mass, weight * scale)[0][0]

    each = np.asarray(jax.grad(central)(np.ones(500)))  # w dB/dw
    assert float(estimate(DIPHOTON, mass, weight)[1][0]) == pytest.approx((each**2).sum(), rel=1e-9)


def test_gradient_to_soft_shares_equals_central_differences():
    random = np.random.default_rng(3)
    mass, weight = falling(random, 200, DIPHOTON), random.uniform(0.5, 1.5, 200)
    score = random.random(200)

    @jax.jit
    def value(edges):
        above = jax.nn.sigmoid((score - edges[:, None]) / 0.1)
        shares = jnp.concatenate([1 - above[:1], above[:1] - above[1:], above[1:]])
        estimated, variance = estimate(DIPHOTON, mass, weight, shares)
        return (jnp.arange(1.0, 4.0) * (estimated + 3 * jnp.sqrt(variance))).sum()

    edges = np.array([0.3, 0.6])
    expected = [(value(edges + h) - value(edges - h)) / 2e-5 for h in 1e-5 * np.eye(2)]
    np.testing.assert_allclose(jax.grad(value)(edges), expected, rtol=1e-6)


def test_without_events_there_is_no_estimate_and_no_nan():
    zero = jnp.zeros(2)
    estimated, variance = DIPHOTON.background(zero, zero, (zero, zero, zero))
    assert estimated.tolist() == [0.0, 0.0]
    assert variance.tolist() == [0.0, 0.0]
    slope = jax.grad(lambda w: DIPHOTON.background(w, w / 2, (w, w, w))[0])(0.0)
    assert np.isfinite(slope)


@pytest.mark.parametrize(
    ("window", "range_"),
    [
        ((90.0, 120.0), (100.0, 180.0)),
        ((120.0, 190.0), (100.0, 180.0)),
        ((100.0, 180.0), (100.0, 180.0)),
        ((125.0, 120.0), (100.0, 180.0)),
        ((np.nan, 120.0), (100.0, 180.0)),
    ],
)
def test_a_window_must_be_inside(window, range_):
    with pytest.raises(ConfigError, match="window"):
        Sideband(window, range_)
