"""Responses to nuisance parameters: where the derivative of ln λ is known."""

import jax.numpy as jnp
import numpy as np
import pytest

from zenith.config.efficient_score import Responses
from zenith.training.response import Events, Response, learn, together

FOLDS = {"learning": [0, 1, 2], "validation": 3}
SHIFT = 0.1  # of the mean of a unit Gaussian at one standard deviation


def gaussian(events: int, seed: int) -> Events:
    """A feature x ~ N(0, 1), and one that says nothing."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(2, events)).astype(np.float32)
    ones = np.ones(events)
    label = np.zeros(events, np.int32)
    return Events(x, ones, label, label, np.arange(events) % 4)


def shifted(nominal: Events, by: float) -> Events:
    return nominal._replace(x=nominal.x + np.array([[by], [0.0]], np.float32))


def agreement(found: Response, per_unit: float) -> tuple[float, float]:
    """Of ∂ ln N(x | ν δ, 1) / ∂ν = δ x with what was learned: slope on it, and correlation.

    What was learned has noise; the slope of the truth on it is 1 where it is calibrated.
    """
    x = gaussian(20_000, 99).x
    learned = np.tanh(np.asarray(found.network.logits(jnp.asarray(x)), float)[0] / 2)
    learned, true = found.scale * learned, per_unit * x[0].astype(float)
    return float(learned @ true / (learned @ learned)), float(np.corrcoef(learned, true)[0, 1])


def test_a_shift_of_both_sides_is_learned() -> None:
    nominal = gaussian(60_000, 1)
    sides = {"up": shifted(nominal, SHIFT), "down": shifted(nominal, -SHIFT)}
    found = learn(("x", "y"), nominal, sides, paired=True, **FOLDS, settings=Responses(), seed=1)
    slope, correlation = agreement(found, SHIFT)
    assert slope == pytest.approx(1.0, abs=0.1)
    assert correlation > 0.95
    assert found.significance > 10.0


@pytest.mark.parametrize("side", ["up", "down"])
def test_one_side_alone_tells_as_much(side: str) -> None:
    nominal = gaussian(60_000, 2)
    sides = {side: shifted(nominal, SHIFT if side == "up" else -SHIFT)}
    found = learn(("x", "y"), nominal, sides, paired=True, **FOLDS, settings=Responses(), seed=1)
    slope, correlation = agreement(found, SHIFT)
    assert slope == pytest.approx(1.0, abs=0.1)
    assert correlation > 0.85


def test_other_weights_of_the_same_events_have_no_noise() -> None:
    nominal = gaussian(20_000, 3)
    tilt = 0.02 * nominal.x[0].astype(float)
    sides = {
        "up": nominal._replace(weight=nominal.weight * (1.0 + tilt)),
        "down": nominal._replace(weight=nominal.weight * (1.0 - tilt)),
    }
    found = learn(("x", "y"), nominal, sides, paired=True, **FOLDS, settings=Responses(), seed=1)
    slope, correlation = agreement(found, 0.02)
    assert slope == pytest.approx(1.0, abs=0.02)
    assert correlation > 0.99
    assert found.significance > 30.0


def test_a_response_that_is_not_there_is_not_seen() -> None:
    nominal, other = gaussian(20_000, 4), gaussian(20_000, 5)
    found = learn(
        ("x", "y"), nominal, {"up": other}, paired=False, **FOLDS, settings=Responses(), seed=1
    )
    assert abs(found.significance) < 3.0
    assert found.scale == pytest.approx(0.0, abs=1.0)


def test_all_of_them_are_one_network() -> None:
    nominal = gaussian(5_000, 6)
    made = {}
    for seed, name in enumerate(("jes", "jer")):
        sides = {"up": shifted(nominal, 0.1 * (seed + 1))}
        made[name] = learn(
            ("x", "y"), nominal, sides, paired=True, **FOLDS, settings=Responses(), seed=seed
        )
    network = together(("x", "y"), made)
    assert network is not None
    assert network.classes == ("jes", "jer")
    x = jnp.asarray(nominal.x)
    single = np.concatenate([np.asarray(one.network.logits(x)) for one in made.values()])
    assert np.asarray(network.logits(x)) == pytest.approx(single, abs=1e-6)
    assert together(("x", "y"), {}) is None
