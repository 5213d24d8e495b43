"""Closure of responses: events that move between bins, counted by hand and by many of them."""

import numpy as np
import pytest

from zenith.core.response.closure import compare, joined, quantile_bins


def test_a_few_events_by_hand() -> None:
    place = np.array([[0, 0, 1], [0, 1, 1]])  # the second one moves
    weight = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.5]])
    found = compare(place, weight, np.array([[1.0, 0.5, 1.5]]), 3)
    assert found.nominal.tolist() == [3.0, 3.0, 0.0]
    assert found.shifted.tolist() == [[1.0, 5.5, 0.0]]
    assert found.predicted.tolist() == [[2.0, 4.5, 0.0]]
    assert found.variance.tolist() == [[1.0**2, 2.0**2 + 1.0**2, 0.0]]
    assert found.number == 2
    assert found.chi2 == pytest.approx(1.0 + 1.0 / 5.0, rel=1e-4)
    twice = joined([found, found])
    assert twice.predicted.tolist() == [[4.0, 9.0, 0.0]]
    assert twice.chi2 == pytest.approx(2 * found.chi2, rel=1e-4)


def test_the_right_ratio_closes_and_none_does_not() -> None:
    """A Gaussian whose mean moves: exp(δ x - δ²/2), in 20 bins with equal events."""
    random = np.random.default_rng(1)
    x, weight = random.normal(size=40_000), np.ones((2, 40_000))
    moved = np.stack([x, x + 0.1])
    edges = quantile_bins(x, weight[0], 20)
    place = np.searchsorted(edges, moved, side="right")
    right = compare(place, weight, np.exp(0.1 * moved[:1] - 0.005), 20)
    np.testing.assert_allclose(right.nominal, 2000.0, atol=1.0)
    assert 0.3 < right.chi2 / right.number < 2.0
    none = compare(place, weight, np.ones((1, 40_000)), 20)
    assert none.chi2 / none.number > 10.0


def test_values_that_many_events_share_are_in_one_bin() -> None:
    values = np.r_[np.full(60, -25.0), np.arange(40.0)]
    edges = quantile_bins(values, np.ones(100), 10)
    assert edges.tolist() == [-25.0, 9.0, 19.0, 29.0]
