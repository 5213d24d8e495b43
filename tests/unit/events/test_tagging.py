"""Weights by working points: exact sums, a toy with known efficiencies, the file of the default."""

from typing import Any

import awkward as ak
import correctionlib
import numpy as np
import pytest
from scipy.special import expit, logit, ndtr

from zenith.config.detector_response import DetectorResponse
from zenith.events.tagging import weights_between
from zenith.simulation import jet_response

FILE = "config/corrections/simulated.json"
B_POINTS = np.array([0.0614, 0.3093, 0.7221])  # DeepJet of 2016, loose, medium and tight
TOP_POINTS = np.array([0.5, 0.8, 0.95])


def test_one_working_point_is_method_1a() -> None:
    efficiency, factor = 0.7, 1.1
    failed, passed = weights_between([efficiency], [factor])
    assert passed == pytest.approx(factor)
    assert failed == pytest.approx((1 - factor * efficiency) / (1 - efficiency))


def test_yields_stay_and_efficiencies_are_scaled() -> None:
    efficiency = np.array([[0.84, 0.68, 0.50], [0.11, 0.011, 0.001]])
    factor = np.array([[0.97, 1.02, 1.05], [1.1, 0.9, 0.7]])
    weights = weights_between(efficiency, factor)
    share = -np.diff(np.concatenate([np.ones((2, 1)), efficiency, np.zeros((2, 1))], axis=1))
    np.testing.assert_allclose((weights * share).sum(axis=1), 1.0, rtol=1e-14)
    for k in range(3):
        above = (weights * share)[:, k + 1 :].sum(axis=1)
        np.testing.assert_allclose(above, (factor * efficiency)[:, k], rtol=1e-14)


def test_factors_of_one_change_nothing() -> None:
    np.testing.assert_array_equal(weights_between([0.9, 0.4], [1.0, 1.0]), 1.0)


@pytest.mark.parametrize(
    ("efficiency", "factor", "message"),
    [
        ([0.5, 0.6], [1.0, 1.0], "efficiencies must fall"),
        ([1.0], [1.0], "efficiencies must fall"),
        ([0.5, 0.0], [1.0, 1.0], "efficiencies must fall"),
        ([0.9], [1.2], "less than nothing"),
        ([0.5, 0.45], [1.0, 1.2], "less than nothing"),
    ],
)
def test_what_cannot_be_is_refused(efficiency: Any, factor: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        weights_between(efficiency, factor)


def test_the_yield_of_a_toy_stays_and_any_threshold_moves_as_its_neighbours() -> None:
    """Four jets an event, each with its own efficiencies; the number of events is what stays."""
    rng = np.random.default_rng(4)
    events, points = 200_000, np.array([0.3, 0.6])
    power = np.array([0.3, 0.5, 1.0, 2.0])  # P(score > s) = 1 - s^power
    score = rng.random((events, 4)) ** (1 / power)
    efficiency = 1 - points ** power[:, None]
    factor = np.array([[1.08, 1.10], [0.9, 0.95], [1.05, 1.02], [0.97, 0.9]])
    table = weights_between(efficiency, factor)
    weight = np.prod(table[np.arange(4), np.digitize(score, points)], axis=1)
    error = weight.std() / np.sqrt(events)
    assert error < 1e-3
    assert weight.mean() == pytest.approx(1.0, abs=4 * error)
    passed = score.max(axis=1) > points[1]  # the highest, as btag_1
    expected = 1 - np.prod(1 - factor[:, 1] * efficiency[:, 1])
    assert np.mean(weight * passed) == pytest.approx(expected, abs=4e-3)
    for between in (0.4, 0.5):  # the second jet alone: linear in its efficiency
        own = table[1, np.digitize(score[:, 1], points)]
        at = 1 - between ** power[1]
        low, high = factor[1] * efficiency[1]
        share = (at - efficiency[1, 1]) / (efficiency[1, 0] - efficiency[1, 1])
        assert np.mean(own * (score[:, 1] > between)) == pytest.approx(
            high + share * (low - high), abs=4e-3
        )


@pytest.fixture(scope="module")
def corrections() -> correctionlib.CorrectionSet:
    return correctionlib.CorrectionSet.from_file(FILE)


@pytest.mark.parametrize(("flavour", "pt"), [(5, 80.0), (5, 900.0), (4, 250.0), (0, 60.0)])
def test_b_tag_weights_of_the_default_scale_its_efficiencies(
    corrections: correctionlib.CorrectionSet, flavour: int, pt: float
) -> None:
    """In the middle of a bin of pT exactly; the nominal weight is 1."""
    size = 20_000
    direction = {"eta": 0.5, "phi": 0.1, "mass": 10.0, "constituents": 9, "index": 0}
    jet = {"pt": pt, "hadronFlavour": flavour, **direction}
    fields = ak.zip({name: np.full(size, value) for name, value in jet.items()})
    made = ak.unflatten(fields, np.ones(size, int))
    response = DetectorResponse()
    score = ak.to_numpy(
        ak.flatten(jet_response.jets(made, response, np.random.default_rng(1)).btagDeepFlavB)
    )
    tag = {5: response.btag.b, 4: response.btag.c, 0: response.btag.light}[flavour]
    loss = response.btag.slope * max(pt - 200.0, 0.0) if flavour == 5 else 0.0
    raw = (logit(B_POINTS) + 1.385) / 1.08  # of DeepCSV, which the response is of
    efficiency = ndtr((tag.mean - loss - raw) / tag.spread)
    factor = corrections["btag"]
    assert np.all(factor.evaluate("nominal", flavour, pt, score) == 1.0)
    for side, sign in (("up", 1), ("down", -1)):
        weight = factor.evaluate(side, flavour, np.full(size, pt), score)
        assert weight.mean() == pytest.approx(1.0, abs=4 * weight.std() / np.sqrt(size))
        middles = expit((logit([1e-6, *B_POINTS]) + logit([*B_POINTS, 1 - 1e-6])) / 2)
        table = factor.evaluate(side, flavour, pt, middles)
        share = -np.diff([1.0, *efficiency, 0.0])
        assert table @ share == pytest.approx(1.0, abs=1e-5)
        for k, error in enumerate(_b_errors(flavour, pt)):
            above = (table * share)[k + 1 :].sum() / efficiency[k]
            assert above == pytest.approx(1.0 + sign * error, abs=2e-4)


def _b_errors(flavour: int, pt: float) -> Any:
    growth = {80.0: 1.0, 250.0: 1.5, 900.0: 3.5, 60.0: 1.0}[pt]
    base = np.array({5: [1.0, 1.5, 2.0], 4: [2.5, 3.75, 5.0], 0: [5.0, 10.0, 15.0]}[flavour])
    return growth * base / 100


@pytest.mark.parametrize(("quarks", "error"), [(3, 0.05), (2, 0.10), (1, 0.15), (0, 0.15)])
def test_top_tag_weights_of_the_default_scale_its_efficiencies(
    corrections: correctionlib.CorrectionSet, quarks: int, error: float
) -> None:
    tag = DetectorResponse().top_tag
    score = {3: tag.merged, 2: tag.partial}.get(quarks, tag.other)
    efficiency = ndtr((score.mean - logit(TOP_POINTS)) / score.spread)
    share = -np.diff([1.0, *efficiency, 0.0])
    middles = np.array([0.1, 0.6, 0.9, 0.99])
    for side, sign in (("up", 1), ("down", -1)):
        table = corrections["toptag"].evaluate(side, quarks, 500.0, middles)
        assert table @ share == pytest.approx(1.0, abs=1e-5)
        passed = table[2:] @ share[2:] / efficiency[1]
        assert passed == pytest.approx(1.0 + sign * error, abs=2e-4)
