"""Fake factors that networks learn."""

import jax
import numpy as np
import pytest
from makers.fakes import FEATURES, leptons, pulls, region, smooth

from zenith.errors import FitError, InputError
from zenith.statistics.fake_factors import NOMINAL, Counted, versions
from zenith.training.fake_factors import Ratio, Training, learned, ratio

QUICK = Training(hidden=(4,), steps=80)


def found(events: Counted, multipliers: np.ndarray, seed: int) -> Ratio:
    return learned(events, multipliers, FEATURES, QUICK, seed, "R")


def test_pulls_of_the_predicted_yield_are_centred_and_one_wide() -> None:
    of_toys = pulls(found, smooth, range(100), measured=1800.0, replicas=10)
    assert of_toys.mean() == pytest.approx(0.0, abs=0.25)
    assert of_toys.std(ddof=1) == pytest.approx(1.0, abs=0.1)


def test_the_factor_is_learned_and_its_total_is_that_of_the_measurement() -> None:
    rng = np.random.default_rng(4)
    events = region(rng, 12_000, 18.0, smooth)
    multipliers = versions(events, 0.1, 2, rng)
    factor = found(events, multipliers, 3)
    x = leptons(rng, 10_000, 18.0).astype(np.float32)
    assert np.abs(factor(x)[NOMINAL] / smooth(*x) - 1.0).mean() < 0.06
    signed, loose = multipliers * events.weight, ~events.tight
    predicted = (signed[:, loose] * factor(events.x[:, loose])).sum(axis=1)
    assert predicted == pytest.approx(signed[:, events.tight].sum(axis=1), rel=1e-6)
    assert (found(events, multipliers, 3)(x) == factor(x)).all()


def test_the_ratio_of_two_densities_is_that_of_a_closed_form() -> None:
    """Two Gaussians of unit width at 0 and at 1, twice as many at 1: 2 exp(x - 1/2)."""
    rng = np.random.default_rng(1)
    above = np.arange(30_000) < 20_000
    x = (rng.normal(size=30_000) + above)[None].astype(np.float32)
    key, weights = jax.random.key(1), np.ones((2, 30_000))
    of_training = Training(hidden=(8,), steps=300)
    r = ratio(key, x, above, weights, ("x",), of_training, "R")
    at = np.linspace(-1.0, 2.0, 7, dtype=np.float32)
    for row in r(at[None]):
        assert row == pytest.approx(2.0 * np.exp(at - 0.5), rel=0.1)


def test_too_much_prompt_simulation_is_an_error() -> None:
    rng = np.random.default_rng(1)
    events = region(rng, 300, 18.0, smooth)
    wrong = np.where(events.tight & ~events.data, -20.0, events.weight)
    events = events._replace(weight=wrong)
    with pytest.raises(InputError, match=r"R: tight data minus prompt simulation are -\d+ events"):
        found(events, versions(events, 0.1, 2, rng), 1)


def test_a_training_that_diverges_is_an_error() -> None:
    rng = np.random.default_rng(1)
    events = region(rng, 300, 18.0, smooth)
    how = Training(hidden=(6,), steps=60, learning_rate=1e38)
    with pytest.raises(FitError, match=r"R: the training diverged: lower learn.learning_rate"):
        learned(events, versions(events, 0.1, 2, rng), FEATURES, how, 1, "R")


def test_a_feature_that_never_varies_is_an_error() -> None:
    rng = np.random.default_rng(1)
    events = region(rng, 300, 18.0, smooth)
    events.x[1] = 0.5
    with pytest.raises(InputError, match=r"R: the feature 'abs_eta' is 0.5 in all of \d+ events"):
        found(events, versions(events, 0.1, 2, rng), 1)


def test_many_events_are_evaluated_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    events = region(rng, 300, 18.0, smooth)
    factor = found(events, versions(events, 0.1, 2, rng), 1)
    whole = factor(events.x)
    monkeypatch.setattr("zenith.training.fake_factors._AT_ONCE", 100)
    assert factor(events.x) == pytest.approx(whole, rel=1e-6)
