"""The soft histogram is the hard one at bandwidth 0, and the Gaussian integral above it."""

import boost_histogram as bh
import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from zenith.core.selection.axis import Axis
from zenith.errors import ConfigError

EDGES = (400.0, 500.0, 650.0, 1000.0, 4000.0)


def filled(axis: Axis, values: np.ndarray, weights: np.ndarray, bandwidth: float) -> np.ndarray:
    fine = axis.fine_bin(values)
    kept = fine >= 0
    content = np.bincount(fine[kept], weights[kept], axis.fine_bins)
    return content @ np.asarray(axis.smoothing(bandwidth))


def hard(axis: Axis, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    histogram = bh.Histogram(bh.axis.Variable(axis.edges), storage=bh.storage.Double())
    histogram.fill(values, weight=weights)
    content = histogram.values(flow=True)
    below, inside, above = content[0], content[1:-1].copy(), content[-1]
    inside[0] += below * (axis.underflow == "include")
    inside[-1] += above * (axis.overflow == "include")
    return inside


@settings(deadline=None)
@given(
    values=st.lists(
        st.floats(-2e4, 2e4, width=32) | st.sampled_from([400, 500, 650, 1000, 4000]),
        min_size=1,
        max_size=40,
    ),
    underflow=st.sampled_from(["include", "drop"]),
    overflow=st.sampled_from(["include", "drop"]),
    bandwidth=st.sampled_from([0.0, 1e-9, 1e-4]),
)
def test_at_bandwidth_0_it_is_the_hard_histogram(values, underflow, overflow, bandwidth):
    axis = Axis("mtt", EDGES, underflow, overflow)
    x = np.array(values)
    weights = np.arange(1.0, len(x) + 1)
    np.testing.assert_array_equal(filled(axis, x, weights, bandwidth), hard(axis, x, weights))


def test_it_tends_to_the_hard_histogram_as_the_bandwidth_falls():
    axis = Axis("x", tuple(np.linspace(0, 1, 11)), "include", "include")
    x = np.random.default_rng(1).normal(0.5, 0.3, 20_000)
    weights = np.ones_like(x)
    expected = hard(axis, x, weights)
    gaps = [np.abs(filled(axis, x, weights, b) - expected).sum() for b in (0.5, 0.2, 0.1, 0.05)]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 0.02 * expected.sum()


@pytest.mark.parametrize("bandwidth", [0.3, 0.6])
def test_it_is_the_integral_of_gaussians(bandwidth):
    # the naive formula, events by edges; fine bins move an event by up to 1/128 of a bin
    edges = np.linspace(0, 10, 11)
    axis = Axis("x", tuple(edges), "drop", "drop", subdivisions=64)
    x = np.random.default_rng(2).uniform(0.0, 10.0, 500)
    weights = np.random.default_rng(3).normal(1.0, 0.5, 500)
    cumulative = norm.cdf((edges[None] - x[:, None]) / bandwidth)
    expected = weights @ np.diff(cumulative, axis=1)
    np.testing.assert_allclose(filled(axis, x, weights, bandwidth), expected, rtol=5e-3)


def test_no_mass_is_lost_where_the_flow_is_included():
    axis = Axis("mtt", EDGES, "include", "include")
    x = np.random.default_rng(4).exponential(900, 1000)
    weights = np.random.default_rng(5).normal(1, 1, 1000)
    for bandwidth in (0.0, 0.1, 1.0):
        total = filled(axis, x, weights, bandwidth).sum()
        np.testing.assert_allclose(total, weights.sum(), rtol=1e-12)


def test_dropped_mass_is_seen_by_its_neighbours_only():
    axis = Axis("x", (0.0, 1.0, 2.0), "drop", "drop")
    x = np.array([-0.01, 2.01])  # just outside: a wide kernel brings half of each in
    soft = filled(axis, x, np.ones(2), 0.2)
    assert (soft > 0.3).all()
    assert (soft < 0.5).all()
    assert filled(axis, x, np.ones(2), 0.0).tolist() == [0.0, 0.0]


def test_the_bandwidth_is_traced_and_has_no_nan_in_its_derivative():
    axis = Axis("x", (0.0, 1.0, 3.0), "include", "drop")
    slope = jax.jit(jax.jacobian(axis.smoothing))
    assert np.isfinite(slope(0.3)).all()
    assert np.isfinite(slope(0.0)).all()


@pytest.mark.parametrize("edges", [(1.0,), (0.0, 0.0, 1.0), (0.0, 2.0, 1.0), (0.0, float("inf"))])
def test_edges_must_increase(edges):
    with pytest.raises(ConfigError, match="axis of mtt: edges must be finite and increase"):
        Axis("mtt", edges)


def test_the_flow_is_included_or_dropped():
    with pytest.raises(ConfigError, match="overflow must be one of include, drop: keep"):
        Axis("mtt", (0.0, 1.0), "drop", "keep")
