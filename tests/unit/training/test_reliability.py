"""The reliability of scores, counted event by event."""

import numpy as np
import pytest

from zenith.config.networks.perceptron import PerceptronSettings
from zenith.training.examples import Examples
from zenith.training.reliability import (
    calibration_errors,
    expected_calibration_error,
    learnt_weight,
    reliability,
)


def toy(events: int = 5000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores that are probabilities, with weights of either sign."""
    random = np.random.default_rng(1)
    score = random.beta(0.7, 1.5, events) * 0.85
    weight = random.normal(1.0, 0.7, events)
    return score, random.random(events) < score, weight


def test_shares_are_counted_in_bins_of_the_score() -> None:
    score, is_class, weight = toy(300)
    score[:2] = [1.0, 0.0]  # the last bin has its upper edge
    found = reliability(score, is_class, weight, bins=5)
    expected = []
    for k in range(5):
        inside = (score >= k / 5) & ((score < (k + 1) / 5) | (k == 4))
        w, s, y = weight[inside], score[inside], is_class[inside]
        error = np.sqrt(((w * (y - s)) ** 2).sum()) / w.sum()
        expected.append(((w * s).sum() / w.sum(), w[y].sum() / w.sum(), error))
    np.testing.assert_allclose(np.transpose(found), expected, rtol=1e-12)


def test_errors_are_those_of_the_shares() -> None:
    """Probabilities differ by as much as errors say; bins without events are left out."""
    found = reliability(*toy(200_000), bins=20)
    assert len(found.score) == 17
    pulls = (found.share - found.score) / found.error
    assert 0.4 < np.mean(pulls**2) < 2.0


def test_the_expected_calibration_error_by_hand() -> None:
    """Two bins: |1 (1 - 0.2) + 3 (0 - 0.4)| = 0.4 and |2 (1 - 0.8) + 2 (1 - 0.9)| = 0.6, of 8."""
    events = [0.2, 0.4, 0.8, 0.9], [1, 0, 1, 1], [1.0, 3.0, 2.0, 2.0]
    assert expected_calibration_error(*events, bins=2) == pytest.approx(0.125)
    assert expected_calibration_error([0.0, 1.0], [0, 1], [1.0, 2.0]) == 0.0
    # a negative weight takes an event away
    assert expected_calibration_error([0.3, 0.3, 0.3], [1, 1, 0], [1, -1, 2], 1) == pytest.approx(
        0.3
    )
    score, is_class, weight = toy(200_000)
    assert expected_calibration_error(score, is_class, weight) < 0.003
    assert expected_calibration_error(score / 2, is_class, weight) == pytest.approx(
        np.average(score, weights=weight) / 2, abs=0.003
    )
    events_of = Examples(np.zeros((1, 200_000), np.float32), is_class.astype(np.int32), weight)
    mva = PerceptronSettings.model_validate(
        {"classes": {"a": ["a"], "b": ["b"]}, "features": ["x"], "balance": "none"}
    )
    found = calibration_errors(mva, events_of, {"b": score})
    assert found == {"b": expected_calibration_error(score, is_class, weight)}


@pytest.mark.parametrize("balance", ["none", "class_weights", "undersample"])
def test_weights_are_those_that_were_learnt_with(balance: str) -> None:
    mva = PerceptronSettings.model_validate(
        {"classes": {"a": ["a"], "b": ["b"]}, "features": ["x"], "balance": balance}
    )
    label = np.array([0, 0, 1, 1, 1])
    events = Examples(np.zeros((1, 5), np.float32), label, np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    sums = np.bincount(label, learnt_weight(mva, events))
    np.testing.assert_allclose(sums, [3.0, 12.0] if balance == "none" else [1.0, 1.0])
