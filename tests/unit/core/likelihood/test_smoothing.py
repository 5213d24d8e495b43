"""Smoothing by local straight lines: what it keeps, what it takes away, and its derivative."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zenith.core.likelihood.smoothing import smoothed_ratio


@pytest.mark.parametrize("bins", [2, 3, 12, 40])
def test_it_is_the_weighted_least_squares_line_of_every_bin(bins: int) -> None:
    rng = np.random.default_rng(bins)
    nominal = rng.exponential(10.0, (3, bins))
    varied = nominal * rng.normal(1.0, 0.1, (2, 3, bins))
    found = smoothed_ratio(jnp.asarray(nominal), jnp.asarray(varied))
    assert found.shape == varied.shape
    x = np.arange(bins)
    for side, process in np.ndindex(2, 3):
        for b in range(bins):
            weight = nominal[process] * np.exp(-0.5 * (x - b) ** 2)
            ratio = varied[side, process] / nominal[process]
            # polyfit multiplies residuals, not their squares
            line = np.polyfit(x - b, ratio, 1, w=np.sqrt(weight))
            assert found[side, process, b] == pytest.approx(line[1], abs=2e-5)


def test_a_line_takes_the_bins_of_its_channel_only() -> None:
    rng = np.random.default_rng(5)
    nominal = rng.exponential(10.0, (2, 11))
    varied = nominal * rng.normal(1.0, 0.1, (3, 2, 11))
    found = smoothed_ratio(
        jnp.asarray(nominal), jnp.asarray(varied), np.repeat([0, 1, 2], [4, 1, 6])
    )
    for part in np.split(np.arange(11), [4, 5]):
        alone = smoothed_ratio(jnp.asarray(nominal[:, part]), jnp.asarray(varied[..., part]))
        np.testing.assert_allclose(found[..., part], alone, rtol=1e-12)


def test_a_straight_line_stays_also_beside_empty_bins() -> None:
    nominal = jnp.array([0.0, 3.0, 1.0, 0.0, 0.0, 7.0, 50.0, 2.0])
    line = 0.8 + 0.05 * jnp.arange(8)
    found = smoothed_ratio(nominal, nominal * line)
    np.testing.assert_allclose(found[nominal > 0], line[nominal > 0], atol=1e-5)


@pytest.mark.parametrize("filled", [[4], [0, 99]])
def test_bins_without_neighbours_keep_their_ratio(filled: list[int]) -> None:
    nominal = np.zeros(100)
    nominal[filled] = [2.0, 5.0][: len(filled)]
    found = smoothed_ratio(jnp.asarray(nominal), jnp.asarray(1.3 * nominal))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[np.array(filled)], 1.3, rtol=1e-9)


def test_it_is_nearer_to_the_truth_than_no_smoothing() -> None:
    """A falling spectrum, of which a variation moves a tenth of the events: 200 samples of it."""
    rng = np.random.default_rng(3)
    x = np.arange(25)
    expected = 400.0 * np.exp(-x / 6.0) + 2.0
    truth = 1.0 + 0.1 * np.tanh((x - 12) / 6.0)
    nominal = rng.poisson(expected, (200, 25)).clip(1).astype(float)
    varied = nominal * truth + rng.normal(0.0, np.sqrt(0.1 * nominal))
    rough = varied / nominal

    def error(ratio: np.ndarray) -> float:
        """Of the ratio, in units of what the Poisson fluctuation of a bin is, of all bins."""
        return float(np.sqrt(np.mean(expected * (ratio - truth) ** 2)))

    lines = np.asarray(smoothed_ratio(jnp.asarray(nominal), jnp.asarray(varied)))
    assert error(lines) < 0.75 * error(rough)


@pytest.mark.parametrize("argument", [0, 1])
def test_its_derivative_is_that_of_finite_differences(argument: int) -> None:
    rng = np.random.default_rng(7)
    nominal = rng.exponential(10.0, 9)
    arguments = [nominal, nominal * rng.normal(1.0, 0.1, 9)]
    jacobian = jax.jacobian(smoothed_ratio, argnums=argument)(*map(jnp.asarray, arguments))
    for b, step in enumerate(1e-5 * np.eye(9)):
        there, back = list(arguments), list(arguments)
        there[argument], back[argument] = arguments[argument] + step, arguments[argument] - step
        slope = (smoothed_ratio(*there) - smoothed_ratio(*back)) / 2e-5
        np.testing.assert_allclose(jacobian[:, b], slope, atol=1e-8)
