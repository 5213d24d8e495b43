"""The Asimov formula against its published form in many digits, and its limits."""

import itertools
from decimal import Decimal, getcontext

import jax
import numpy as np
import pytest

from zenith.core.categories.counting import Counting, Requirements, combined, discovery
from zenith.errors import ConfigError


def published(s: float, b: float, r: float) -> float:
    """Equation 97 of arXiv:1007.1727 or equation 20 of the note, in 80 digits."""
    getcontext().prec = 80
    s_, b_, v = Decimal(s), Decimal(b), (Decimal(r) * Decimal(b)) ** 2
    if r == 0:
        return float(2 * ((s_ + b_) * (1 + s_ / b_).ln() - s_))
    first = (s_ + b_) * ((s_ + b_) * (b_ + v) / (b_**2 + (s_ + b_) * v)).ln()
    return float(2 * (first - b_**2 / v * (1 + v * s_ / (b_ * (b_ + v))).ln()))


def test_the_published_formula():
    x = [1e-12, 1e-7, 0.99e-4, 1.01e-4, 0.03, 1.0, 50.0]
    cases = np.array(list(itertools.product(x, [1e-3, 1.0, 40.0, 2.6e4], [0.0, 1e-3, 0.1, 0.5])))
    s, b, r = cases[:, 0] * cases[:, 1], cases[:, 1], cases[:, 2]
    expected = [published(*case) for case in zip(s, b, r, strict=True)]
    # the closed form loses digits as eps / x², the series as x³: worst at x = 1e-4
    np.testing.assert_allclose(discovery(s, b, r), expected, rtol=1e-7)


def test_small_signals_tend_to_s_over_root_b():
    assert float(combined(discovery([1e-3], [100.0]))) == pytest.approx(1e-4, rel=1e-5)
    assert float(combined(discovery([1e-3], [100.0], 0.2))) == pytest.approx(
        1e-3 / np.sqrt(100.0 + 20.0**2), rel=1e-5
    )


@pytest.mark.parametrize("uncertainty", [0.0, 0.1])
def test_nothing_is_infinite_at_the_ends(uncertainty):
    def z(s, b):
        return combined(discovery(s, b, uncertainty))

    for s, b in (([0.0], [0.0]), ([1.0], [0.0]), ([0.0], [5.0]), ([-1.0], [5.0]), ([1.0], [-2.0])):
        value, gradient = jax.value_and_grad(z, (0, 1))(np.array(s), np.array(b))
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()
    assert z(np.array([-1.0]), np.array([5.0])) == 0.0


@pytest.mark.parametrize("uncertainty", [0.0, 0.15])
def test_gradients_are_finite_differences(uncertainty):
    z = jax.jit(lambda point: combined(discovery(point[:3], point[3:], uncertainty)))
    point = np.array([0.02, 0.3, 5.0, 20.0, 7.0, 2.0])
    steps = 1e-4 * np.diag(point)
    expected = [float(z(point + step) - z(point - step)) / 2 / step.sum() for step in steps]
    np.testing.assert_allclose(jax.grad(z)(point), expected, rtol=1e-5)


def test_the_derivative_to_the_signal_is_a_logarithm():
    b, x = 40.0, np.array([1e-9, 1e-5, 0.99e-4, 1.01e-4, 0.1, 30.0])
    slope = jax.jit(jax.vmap(jax.grad(discovery)))(b * x, np.full(len(x), b))
    np.testing.assert_allclose(slope, 2 * np.log1p(x), rtol=1e-7)


def test_each_signal_is_sought_against_the_others():
    signals, background = np.array([[3.0, 1.0], [0.5, 2.0]]), np.array([10.0, 4.0])
    first = combined(discovery(signals[0], background + signals[1]))
    second = combined(discovery(signals[1], background + signals[0]))
    assert float(Counting()(signals, background)) == pytest.approx(float(np.sqrt(first * second)))
    weighted = Counting(combination="weighted", weights=(3.0, 1.0))
    assert float(weighted(signals, background)) == pytest.approx(0.75 * first + 0.25 * second)
    assert float(Counting()(signals[:1], background)) == pytest.approx(
        float(combined(discovery(signals[0], background)))
    )


def test_a_signal_that_is_nowhere_has_a_mean_of_zero_and_no_nan():
    value, gradient = jax.value_and_grad(Counting())(
        np.array([[3.0, 1.0], [0.0, 0.0]]), np.array([10.0, 4.0])
    )
    assert value == 0.0
    assert np.isfinite(gradient).all()


def test_requirements():
    need = Requirements(background=2.0, uncertainty=0.5)
    background = np.array([1.9, 2.0, 2.0, 0.0, -1.0])
    variance = np.array([0.1, 1.0, 1.01, 0.0, 0.0])
    assert need.met(background, variance).tolist() == [False, True, False, False, False]
    short = np.asarray(need.shortfall(background, variance))
    assert (short == 0).tolist() == [False, True, False, False, False]
    assert not Requirements().met(np.array([0.0, -3.0]), np.zeros(2)).any()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Counting(combination="product"), "product"),
        (lambda: Counting(uncertainty=-0.1), "-0.1"),
        (lambda: Counting(combination="weighted", weights=(-1.0, 1.0)), "below 0"),
        (
            lambda: Counting(combination="weighted", weights=(1.0,))(np.ones((2, 3)), np.ones(3)),
            "2 signals",
        ),
        (lambda: Requirements(background=-1.0), "-1"),
        (lambda: Requirements(uncertainty=0.0), "uncertainty"),
    ],
)
def test_mistakes_are_named(wrong, message):
    with pytest.raises(ConfigError, match=message):
        wrong()
