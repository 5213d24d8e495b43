"""Fits that end on bounds, on kinks and beside saddles, against closed forms and scans."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import poisson

from zenith.errors import FitError
from zenith.statistics.significance import significances


def workspace(
    channels: dict[str, tuple[list[dict[str, Any]], list[float]]],
    parameters: tuple[dict[str, Any], ...] = (),
) -> dict[str, Any]:
    """Channels with their samples and counts."""
    return {
        "version": "1.0.0",
        "channels": [{"name": name, "samples": samples} for name, (samples, _) in channels.items()],
        "observations": [{"name": name, "data": data} for name, (_, data) in channels.items()],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": list(parameters)}}],
    }


def sample(name: str, data: list[float], *modifiers: tuple[str, str, Any]) -> dict[str, Any]:
    listed = [{"type": type_, "name": of, "data": values} for type_, of, values in modifiers]
    return {"name": name, "data": data, "modifiers": listed}


MU = ("normfactor", "mu", None)


def twice_nll(counts: list[float], rates: list[float]) -> float:
    return -2 * float(poisson.logpmf(counts, rates).sum())


def two_bins(
    counts: list[float], lowest: float, background: tuple[float, float] = (0.35, 5.0)
) -> dict[str, Any]:
    samples = [sample("s", [1.0, 1.0], MU), sample("b", list(background))]
    settings = {"name": "mu", "bounds": [[lowest, 10.0]]}
    return significances(workspace({"sr": (samples, counts)}, (settings,)))


def test_without_counts_the_strength_goes_to_its_bound():
    result = two_bins([0.0, 0.0], 0.0)
    assert result["mu_hat"] == 0.0
    assert result["twice_nll"] == pytest.approx(2 * 5.35, rel=1e-8)
    assert result["observed"] == 0.0
    assert result["at_bound"] == ["mu"]
    assert result["mu_error"] is None


def test_a_rate_stops_at_zero_and_not_below():
    """The empty bin wants less signal, the other one more: the minimum is where the empty bin's
    rate reaches zero, and has no derivative there."""
    result = two_bins([0.0, 6.0], -8.0)
    assert result["mu_hat"] == pytest.approx(-0.35, abs=1e-6)
    assert result["twice_nll"] == pytest.approx(twice_nll([6.0], [4.65]), rel=1e-7)
    assert result["observed"] == 0.0
    assert result["at_bound"] == []
    assert result["mu_error"] is None


def test_rates_below_zero_are_worth_no_more_than_zero():
    """Without counts nothing is gained below zero: pyhf's clipped likelihood has 2 NLL = 0."""
    result = two_bins([0.0, 0.0], -8.0)
    assert result["twice_nll"] == pytest.approx(0.0, abs=1e-6)
    assert result["mu_error"] is None


def test_an_empty_control_region_takes_its_normalisation_to_zero():
    control = sample("b", [4.0], ("normfactor", "k", None))
    signal = [
        sample("s", [6.0], MU),
        sample("b", [2.0], ("normfactor", "k", None)),
        sample("o", [3.0]),
    ]
    spec = workspace({"cr": ([control], [0.0]), "sr": (signal, [6.0])})
    result = significances(spec)
    assert result["mu_hat"] == pytest.approx(0.5, rel=1e-6)
    assert result["at_bound"] == ["k"]
    assert result["mu_error"] == pytest.approx(np.sqrt(6) / 6, rel=1e-6)  # k has no say
    # without signal: 4 k - 6 log(2 k + 3) + 2 k is least at k = 0
    expected = np.sqrt(twice_nll([6.0], [3.0]) - twice_nll([6.0], [6.0]))
    assert result["observed"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("type_", ["histosys", "normsys"])
def test_equal_variations_start_on_a_saddle(type_: str):
    """Up and down alike: without signal the minimum is at one of ±alpha; against a scan."""
    varied = (
        {"hi_data": [55.0], "lo_data": [55.0]} if type_ == "histosys" else {"hi": 1.1, "lo": 1.1}
    )
    samples = [sample("s", [10.0], MU), sample("b", [50.0], (type_, "both", varied))]
    result = significances(workspace({"sr": (samples, [61.0])}))
    alpha = np.linspace(0.0, 3.0, 300_001)
    if type_ == "histosys":
        inside = (15 * alpha**2 - 10 * alpha**4 + 3 * alpha**6) / 8
        rate = 50 + 5 * np.where(alpha < 1, inside, alpha)
    else:
        # code 4: value, slope and curvature of 1.1^|alpha| at one, by an even polynomial inside
        log = np.log(1.1)
        system = [[1, 1, 1], [2, 4, 6], [2, 12, 30]]
        a2, a4, a6 = np.linalg.solve(system, [0.1, 1.1 * log, 1.1 * log**2])
        inside = 1 + a2 * alpha**2 + a4 * alpha**4 + a6 * alpha**6
        rate = 50 * np.where(alpha < 1, inside, 1.1**alpha)
    for key, count in (("expected", 60.0), ("observed", 61.0)):
        q0 = 2 * (rate - count - count * np.log(rate / count)) + alpha**2
        assert result[key] == pytest.approx(np.sqrt(q0.min()), rel=1e-6)


def test_a_parameter_of_interest_may_act_on_one_bin():
    samples = [sample("s", [6.0], ("shapefactor", "mu", None)), sample("b", [5.0])]
    result = significances(workspace({"sr": (samples, [12.0])}))
    assert result["mu_hat"] == pytest.approx(7 / 6, rel=1e-8)
    assert result["mu_error"] == pytest.approx(np.sqrt(12) / 6, rel=1e-8)
    for key, count in (("expected", 11.0), ("observed", 12.0)):
        z = np.sqrt(2 * (count * np.log(count / 5) - (count - 5)))
        assert result[key] == pytest.approx(z, rel=1e-8)


def test_what_cannot_be_is_an_error_and_no_number():
    with pytest.raises(FitError, match=r"channel 'sr' bin 1: 1 events, 0 expected without signal"):
        two_bins([3.0, 6.0], 0.0, background=(5.0, 0.0))
