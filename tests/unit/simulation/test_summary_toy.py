"""The toy with known densities: against integrals, finite differences and an unbinned fit."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from zenith.core.response.projection import project
from zenith.core.response.unbinned import fit
from zenith.simulation import summary_toy as toy

POINT = np.array([0.8, -1.1, 0.6, 0.5, -0.7, 1.5])
LOW, HIGH, STEP = (-4.5, -3.5, -3.5, -4.5), (7.0, 5.0, 5.0, 6.5), 0.5


@pytest.fixture(scope="module")
def grid() -> np.ndarray:
    """Points of a rule of equal steps, whose error is exponentially small for Gaussians."""
    axes = [np.arange(low, high, STEP) for low, high in zip(LOW, HIGH, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, toy.FEATURES)


def moved(process: str, part: int, nu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of one Gaussian, as the definition writes them."""
    t, j, s = nu[:3]
    _, m, d = toy.PROCESSES[process].parts[part]
    mean = [
        m[0] + 0.07 * t,
        m[1] * (1 + 0.05 * j),
        m[2] + 0.03 * t + 0.02 * j + 0.01 * t * j,
        m[3] - 0.05 * t - 0.06 * j * m[1],
    ]
    last = np.sqrt(d[3] ** 2 + 0.09 * np.exp(1.2 * s))
    return np.array(mean), np.array([d[0] * (1 + 0.01 * t), d[1] * (1 + 0.05 * j), d[2], last])


def intensity(x: np.ndarray, mu: float, nu: np.ndarray) -> np.ndarray:
    """λ by SciPy's normal densities."""
    total = np.zeros(len(x))
    rate = {"h": mu, "Z": 1.0, "tt": 1.02 ** nu[3], "VV": 1.25 ** nu[4]}
    for name, process in toy.PROCESSES.items():
        changes = np.dot(process.linear, nu[:3]) + np.dot(process.quadratic, nu[:3] ** 2)
        factor = process.expected * rate[name] * np.exp(changes)
        factor *= 1.0 if name == "h" else 1.001 ** nu[5]
        for part, gaussian in enumerate(process.parts):
            mean, deviation = moved(name, part, nu)
            total += factor * gaussian.share * stats.norm(mean, deviation).pdf(x).prod(axis=1)
    return total


def test_the_intensity() -> None:
    x = toy.sample("tt", 50, POINT, seed=3)
    found = np.exp(toy.log_intensity(x, [1.7, *POINT]))
    np.testing.assert_allclose(found, intensity(x, 1.7, POINT), rtol=1e-10)
    ratio = (
        np.exp(toy.log_ratios(x, POINT)).T
        * np.exp(toy.log_densities(x, np.zeros(6)).T)
        @ toy.EXPECTED
    )
    np.testing.assert_allclose(ratio, intensity(x, 1.0, POINT), rtol=1e-10)


def test_densities_integrate_to_one(grid: np.ndarray) -> None:
    for nu in (np.zeros(6), POINT):
        norm = np.exp(np.asarray(toy.log_densities(grid, nu))).sum(axis=1) * STEP**4
        np.testing.assert_allclose(norm, 1.0, atol=1e-3)


def test_scores() -> None:
    x, h = toy.sample("Z", 40, np.zeros(6), seed=4), 1e-5
    found = toy.scores(x)
    for k, direction in enumerate(np.eye(7)):
        up, down = (toy.NOMINAL + sign * h * direction for sign in (1, -1))
        slope = np.log(intensity(x, up[0], up[1:])) - np.log(intensity(x, down[0], down[1:]))
        np.testing.assert_allclose(found[k], slope / (2 * h), atol=1e-7)


@pytest.mark.parametrize("process", toy.PROCESSES)
def test_samples_follow_the_densities(process: str) -> None:
    x = toy.sample(process, 4000, POINT, seed=5)
    parts = toy.PROCESSES[process].parts
    for k in range(toy.FEATURES):

        def below(values: np.ndarray, k: int = k) -> np.ndarray:
            found = np.zeros(len(values))
            for part, gaussian in enumerate(parts):
                mean, deviation = moved(process, part, POINT)
                found += gaussian.share * stats.norm(mean[k], deviation[k]).cdf(values)
            return found

        assert stats.kstest(x[:, k], below).pvalue > 1e-3
    again = toy.sample(process, 4000, np.zeros(6), seed=5)
    assert np.corrcoef(x[:, 0], again[:, 0])[0, 1] > 0.999


def test_the_bound(grid: np.ndarray) -> None:
    """By an integral and by events: 0.2371; 0.2067 without nuisance parameters; t known 0.2232."""
    s = toy.scores(grid)
    exact = (s * np.exp(np.asarray(toy.log_intensity(grid, toy.NOMINAL)))) @ s.T * STEP**4
    by_events = toy.information(50_000, seed=6)
    scale = np.sqrt(np.diag(exact))
    np.testing.assert_allclose(
        by_events / np.outer(scale, scale), exact / np.outer(scale, scale), atol=0.03
    )
    for found, tolerance in ((exact, 1e-4), (by_events, 4e-3)):
        assert toy.bound(found) == pytest.approx(0.2371, abs=tolerance)
        assert found[0, 0] ** -0.5 == pytest.approx(0.2067, abs=tolerance)
        without_t = np.delete(np.delete(found, 1, axis=0), 1, axis=1)
        assert toy.bound(without_t) == pytest.approx(0.2232, abs=tolerance)
    # The covariance of all parameters, and the Schur complement of the nuisance parameters
    covariance = np.linalg.inv(exact + np.diag([0.0, *np.ones(6)]))
    assert toy.bound(exact) == pytest.approx(covariance[0, 0] ** 0.5, rel=1e-8)
    inner = np.linalg.solve(exact[1:, 1:] + np.eye(6), exact[1:, 0])
    schur = exact[0, 0] - exact[0, 1:] @ inner
    assert project(exact, np.ones(6)).information == pytest.approx(schur, rel=1e-10)


def test_the_unbinned_fit_reaches_the_bound() -> None:
    """Of simulated events with their weights as data: its error is that of their information."""
    number = 1000
    x = np.concatenate([toy.sample(p, number, np.zeros(6), seed=7) for p in toy.PROCESSES])
    weight = np.repeat(toy.EXPECTED / number, number)
    nominal = toy.log_intensity(x, toy.NOMINAL)

    def log_ratio(events: jnp.ndarray, at: jnp.ndarray) -> jnp.ndarray:
        return toy.log_intensity(events, at) - nominal

    best = fit(log_ratio, x, x, weight, toy.NOMINAL, np.array([0.0, *np.ones(6)]), weight)
    np.testing.assert_allclose(best.parameters, toy.NOMINAL, atol=1e-4)
    of_events = toy.information(number, seed=7) + np.diag([0.0, *np.ones(6)])
    np.testing.assert_allclose(np.linalg.inv(best.covariance), of_events, rtol=1e-3, atol=1e-2)
