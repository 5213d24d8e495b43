"""The template sanitiser: which bins are repaired, how, and what it says."""

import logging

import jax.numpy as jnp
import numpy as np
import pytest

from zenith.core.likelihood.template_rules import consistent, floored
from zenith.statistics.repair import sanitise, summary
from zenith.statistics.templates import RegionTemplates

FLOOR = 1e-3
#          wjets, ttbar, signal: bins are fine, empty, negative, signal-only, too small
NOMINAL = np.array(
    [[5.0, 0.0, -0.5, 0.0, 2e-4], [9.0, 0.0, 3.0, 0.0, 1e-4], [1.0, 0.0, 0.2, 0.7, 0.1]]
)


def _templates(nominal=NOMINAL, up=None):
    up = nominal * 1.1 if up is None else up
    return RegionTemplates(
        "signal",
        "mtt",
        tuple(range(400, 400 + 100 * (nominal.shape[1] + 1), 100)),
        ("wjets", "ttbar", "signal"),
        (True, True, False),
        nominal,
        np.full(nominal.shape, 0.04),
        {"jes": (up, 2 * nominal - up)},
        {"jes": ("wjets", "ttbar", "signal")},
        np.array([[20.0, 80.0, 10.0], [4.0, 32.0, 1.0]]),
        None,
    )


def test_the_rules():
    repaired, _ = sanitise(_templates(), FLOOR)
    # ttbar has most events, so it gets what is lacking; signal is left alone
    expected = [[5.0, 0.0, 0.0, 0.0, 2e-4], [9.0, 1e-3, 3.0, 1e-3, 8e-4], NOMINAL[2]]
    np.testing.assert_allclose(repaired.nominal, expected, rtol=1e-12)
    # the variance of the negative bin is kept, what is filled has 100 % uncertainty
    assert repaired.variance[0, 2] == 0.04
    assert repaired.variance[1, 1] == pytest.approx(0.04 + FLOOR**2)


def test_less_than_one_simulated_event_is_filled_up_to_one():
    """By hand: ttbar has 12.0001 events and Σw² = 0.2 in the region, 0.0166665 for an event.

    Backgrounds have (Σw)²/Σw² events: 14²/0.08 and 3²/0.08 are many, 0 and (3e-4)²/0.08 none.
    """
    repaired, changes = sanitise(_templates(), None)
    event = 0.2 / 12.0001
    lacking = np.array([0.0, event, 0.0, event, event * (1 - 9e-8 / 0.08)])
    np.testing.assert_allclose(repaired.nominal[1], NOMINAL[1] + lacking, rtol=1e-12)
    np.testing.assert_allclose(repaired.variance[1], 0.04 + lacking**2, rtol=1e-12)
    np.testing.assert_allclose(repaired.nominal[[0, 2]], NOMINAL[[0, 2]].clip(0), rtol=1e-12)
    said = {c.bin: c.reason for c in changes if (c.variation, c.sample) == ("nominal", "ttbar")}
    assert said[4] == "fewer than one simulated event of background"
    # variances of a fit with four times as many events; what was filled is as uncertain as before
    given = _templates()
    rules = (given.nominal, given.variance, given.background, None, given.sums)
    _, quarter = floored(*rules, share=0.25)
    np.testing.assert_allclose(quarter[1], 0.01 + lacking**2, rtol=1e-12)


@pytest.mark.parametrize(("seen", "filled"), [(1, 0.0), (0, 0.3), (3, 0.0)])
def test_one_simulated_event_is_enough_whatever_it_weighs(seen, filled):
    """Bins of n events of weight 0.3 beside a bin of 50 events; two samples of unequal weight."""
    nominal = np.array([[15.0, 0.3 * seen], [4.0, 0.0]])
    variance = np.array([[4.5, 0.09 * seen], [160.0, 0.0]])
    after, _ = floored(nominal, variance, (True, True), None, np.ones((2, 2)))
    np.testing.assert_allclose(after[:, 1], [0.3 * seen + filled, 0.0], atol=1e-12)


def test_an_empty_region_knows_the_weight_of_all_events():
    nothing = np.zeros((3, 2))
    after, variance = floored(nothing, nothing, (True, True, False), None, _templates().sums)
    np.testing.assert_allclose(after, [[0, 0], [0.4, 0.4], [0, 0]])  # ttbar: 32 / 80
    np.testing.assert_allclose(variance, after**2)
    never, _ = floored(nothing, nothing, (True, True, False), None, np.zeros((2, 3)))
    np.testing.assert_array_equal(never.sum(axis=0), [1.0, 1.0])


def test_every_change_is_named(caplog):
    with caplog.at_level(logging.WARNING):
        _, changes = sanitise(_templates(), FLOOR)
    said = {(c.sample, c.bin): c.reason for c in changes if c.variation == "nominal"}
    assert said == {
        ("ttbar", 1): "empty",
        ("wjets", 2): "negative",
        ("ttbar", 3): "signal-only",
        ("ttbar", 4): "background below statistics.minimum_yield",
    }
    first = summary(changes)[0]
    assert (first["channel"], first["before"], first["after"]) == ("signal", -0.5, 0.0)
    assert "channel signal, sample ttbar, bin 3 (mtt 700 to 800): signal-only" in caplog.text


def test_templates_that_are_fine_stay_as_they_are():
    good = _templates(np.array([[5.0, 4.0], [9.0, 8.0], [1.0, 0.0]]))
    repaired, changes = sanitise(good, FLOOR)
    assert changes == []
    np.testing.assert_array_equal(repaired.nominal, good.nominal)
    np.testing.assert_allclose(repaired.variations["jes"][0], good.variations["jes"][0], rtol=1e-14)


def test_variations_keep_their_ratio_and_stay_within_reason():
    up = NOMINAL * 1.1
    up[0, 0], up[1, 0] = 500.0, -3.0  # 100 times the nominal, and negative
    repaired, changes = sanitise(_templates(up=up), FLOOR)
    varied, nominal = repaired.variations["jes"][0], repaired.nominal
    assert varied[0, 0] == 10 * nominal[0, 0]
    assert varied[1, 0] == 0.1 * nominal[1, 0]
    assert varied[1, 4] == pytest.approx(1.1 * nominal[1, 4])  # the floored bin moves along
    assert varied[1, 1] == nominal[1, 1]  # nothing is known of an empty bin
    limited = {(c.sample, c.bin) for c in changes if c.variation == "jes_up"}
    assert limited == {("wjets", 0), ("ttbar", 0)}


def test_a_region_without_any_event_gets_the_floor():
    repaired, _ = sanitise(_templates(np.zeros((3, 2))), FLOOR)
    np.testing.assert_array_equal(repaired.nominal, [[FLOOR] * 2, [0, 0], [0, 0]])


def test_the_rules_are_the_same_for_jax():
    background = (True, True, False)
    given = NOMINAL, 0.04 + 0 * NOMINAL
    for minimum in (FLOOR, None):
        ours = floored(*given, background, minimum, _templates().sums)
        arrays = (*map(jnp.asarray, given), background, minimum, jnp.asarray(_templates().sums))
        theirs = floored(*arrays)
        np.testing.assert_allclose(theirs[0], ours[0], rtol=1e-6)
        np.testing.assert_allclose(theirs[1], ours[1], rtol=1e-6)
    varied = consistent(jnp.asarray(3 * NOMINAL), jnp.asarray(NOMINAL), theirs[0])
    np.testing.assert_allclose(varied, consistent(3 * NOMINAL, NOMINAL, ours[0]), rtol=1e-6)
