"""One cut, two readings: the hard one is numpy's comparison, and the soft one tends to it."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zenith.core.selection.cuts import Cut, hard_mask, soft_weight
from zenith.errors import ConfigError

finite = st.floats(-100, 100, width=32)


@settings(deadline=None)
@given(
    values=st.lists(finite, min_size=8, max_size=8),
    threshold=finite,
    width=st.floats(0.5, 50),
    direction=st.sampled_from([">", ">=", "<", "<="]),
)
def test_soft_tends_to_hard_as_the_temperature_falls(values, threshold, width, direction):
    x = np.array(values, np.float32)
    cut = Cut("x", direction, "t", width)
    gap = np.abs(np.asarray(cut.soft(x, {"t": threshold}, 1e-7)) - cut.hard(x, {"t": threshold}))
    assert (gap[np.abs(x - np.float32(threshold)) > 1e-3] < 1e-6).all()


def test_the_soft_reading_is_the_logistic_function():
    x = np.linspace(-3, 5, 9)
    above = Cut("x", ">", 1.0, 0.5).soft(x, {}, 2.0)
    np.testing.assert_allclose(above, 1 / (1 + np.exp(-(x - 1.0) / (2.0 * 0.5))), rtol=1e-12)
    below = Cut("x", "<=", 1.0, 0.5).soft(x, {}, 2.0)
    np.testing.assert_allclose(above + below, 1.0, rtol=1e-12)


@pytest.mark.parametrize(
    ("direction", "passes"),
    [
        (">", [0, 0, 1]),
        (">=", [0, 1, 1]),
        ("<", [1, 0, 0]),
        ("<=", [1, 1, 0]),
        ("==", [0, 1, 0]),
        ("!=", [1, 0, 1]),
    ],
)
def test_hard_masks(direction, passes):
    assert Cut("n", direction, 2).hard(np.array([1, 2, 3]), {}).tolist() == [
        bool(p) for p in passes
    ]


@pytest.mark.parametrize("threshold", [0.1, np.float64(0.1), np.asarray(0.1)])
def test_a_threshold_is_read_in_the_precision_of_the_column(threshold):
    # 0.1 in float32 is above 0.1 in float64: NumPy and JAX must agree on the event on the edge
    x = np.array([0.1], np.float32)
    cut = Cut("x", ">", "t")
    assert not cut.hard(x, {"t": threshold}).any()
    assert not jax.jit(cut.hard)(x, {"t": threshold}).any()


def test_a_region_is_the_and_of_its_cuts():
    columns = {"x": np.array([0.0, 1.0, 2.0, 3.0]), "y": np.array([1.0, 0.0, 1.0, 0.0])}
    cuts = (Cut("x", ">", "low", 1.0), Cut("x", "<", 2.5, 1.0), Cut("y", "==", 1))
    thresholds = {"low": 0.5}
    assert hard_mask(cuts, columns, thresholds).tolist() == [False, False, True, False]
    product = cuts[0].soft(columns["x"], thresholds, 0.7) * cuts[1].soft(columns["x"], {}, 0.7)
    expected = product * np.array([1.0, 0.0, 1.0, 0.0])
    np.testing.assert_allclose(soft_weight(cuts, columns, thresholds, 0.7), expected)


def test_a_shared_threshold_splits_events_between_two_regions():
    x = np.linspace(0, 1, 11)
    above, below = Cut("btag_2", ">", "btag", 0.1), Cut("btag_2", "<=", "btag", 0.1)
    for t in (0.2, 0.55):
        hard = above.hard(x, {"btag": t}) ^ below.hard(x, {"btag": t})
        soft = above.soft(x, {"btag": t}, 0.3) + below.soft(x, {"btag": t}, 0.3)
        assert hard.all()
        np.testing.assert_allclose(soft, 1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("met", "=>", 50.0), "'met => 50.0': direction must be one of >, >=, <"),
        (("met", ">", 50.0, 0.0), "width must be above 0, it is 0.0"),
        (("n_muon", "==", "n"), "an equality has no soft reading"),
        (("n_muon", "!=", 1, 0.5), "an equality has no soft reading"),
    ],
)
def test_cuts_that_mean_nothing_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        Cut(*arguments)
