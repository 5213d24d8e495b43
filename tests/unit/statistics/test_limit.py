"""CLs and the search for limits: closed forms, tails far out, and what cannot be found."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from zenith.errors import FitError
from zenith.statistics.limit import TestStatistic, cls_observed, root_at_limit, upper_limit
from zenith.statistics.minimiser import Minimum
from zenith.statistics.reasons import Reasons


class Gaussian:
    """-2 log L of a signal strength that was measured as `best` ± `sigma`; fits may fail."""

    poi = 0

    def __init__(self, best, sigma, fails=lambda mu: False):
        self.best, self.sigma, self.fails = best, sigma, fails
        self.asked = []

    def minimum(self, held, start):
        mu = held[0]
        self.asked.append(mu)
        if self.fails(mu):
            raise FitError(f"a fit with mu = {mu:g} held did not converge")
        return Minimum(np.array([mu]), ((mu - self.best) / self.sigma) ** 2)

    def statistic(self):
        return TestStatistic(self, Minimum(np.array([self.best]), 0.0), Gaussian.minimum)


def tail_of(x):
    """log of the upper tail of a standard normal, by its asymptotic series."""
    series = 1 - 1 / x**2 + 3 / x**4 - 15 / x**6 + 105 / x**8
    return -(x**2) / 2 - math.log(x * math.sqrt(2 * math.pi)) + math.log(series)


@pytest.mark.parametrize(("q", "q_asimov"), [(0.0, 0.0), (0.7, 2.5), (3.0, 9.0), (4.0, 4.0)])
def test_cls_is_the_ratio_of_tails_in_the_bulk(q, q_asimov):
    root, root_asimov = math.sqrt(q), math.sqrt(q_asimov)
    cls = norm.sf(root) / norm.sf(root - root_asimov)
    assert cls_observed(q, q_asimov) == pytest.approx(cls, rel=1e-12)


@pytest.mark.parametrize(
    ("q", "q_asimov"), [(9.0, 4.0), (6.0, 1e-2), (4.0, 1e-3), (6.0, 1e-6), (400.0, 1.0)]
)
def test_cls_far_out_is_the_difference_of_log_tails(q, q_asimov):
    """Also where both tails are 0 in double precision."""
    root = math.sqrt(q_asimov)
    distance = (q - q_asimov) / (2 * root)
    logs = norm.logsf(distance + root) - norm.logsf(distance)
    assert cls_observed(q, q_asimov) == pytest.approx(math.exp(logs), rel=1e-6)
    if distance > 20:
        series = tail_of(distance + root) - tail_of(distance)
        assert cls_observed(q, q_asimov) == pytest.approx(math.exp(series), rel=1e-5)


def test_cls_without_any_power_is_that_of_chi_square():
    """Φc(d + r) / Φc(d) with d = q / 2r tends to exp(-q / 2) for r → 0, and 1 for q = 0."""
    assert norm.sf(6.0 / (2 * 1e-3)) == 0.0
    for q_asimov in (0.0, 1e-300, 1e-20, 1e-10):
        assert cls_observed(6.0, q_asimov) == pytest.approx(math.exp(-3.0), rel=1e-4)
    assert cls_observed(0.0, 0.0) == 1.0


def test_cls_falls_with_q_across_the_tail():
    values = [cls_observed(q, 0.04) for q in np.geomspace(1e-3, 1400.0, 60)]
    assert np.isfinite(values).all()
    assert (np.diff(values) < 0).all()
    assert values[-1] < 1e-300


@pytest.mark.parametrize("scale", [1e-2, 0.3, 1.0, 5e3])
@pytest.mark.parametrize("sigma", [0.2, 700.0])
def test_limits_of_a_gaussian_measurement(sigma, scale):
    """arXiv:1007.1727, section 4.3, whatever the first guess."""
    observed, expected = upper_limit(
        Gaussian(0.5 * sigma, sigma).statistic(), Gaussian(0.0, sigma).statistic(), scale
    )
    bands = [sigma * root_at_limit(band, 0.95) for band in (-2, -1, 0, 1, 2)]
    assert expected == pytest.approx(bands, rel=1e-3)
    assert expected[2] == pytest.approx(1.95996 * sigma, rel=1e-3)
    q, q_asimov = (observed / sigma - 0.5) ** 2, (observed / sigma) ** 2
    assert cls_observed(q, q_asimov) == pytest.approx(0.05, abs=1e-4)


def test_a_large_deficit_has_a_limit():
    """Far below the expectation q̃ exceeds its Asimov value by so much that the tails underflow."""
    observed, _ = upper_limit(Gaussian(-60.0, 1.0).statistic(), Gaussian(0.0, 1.0).statistic(), 1.0)
    q, q_asimov = observed * (observed + 120.0), observed**2
    assert norm.sf((q - q_asimov) / (2 * observed)) == 0.0
    assert cls_observed(q, q_asimov) == pytest.approx(0.05, rel=2e-3)


def test_what_cannot_be_found_is_none_with_a_reason_and_the_rest_stays():
    reasons = Reasons()
    asimov = Gaussian(0.0, 1.0, fails=lambda mu: mu > 2.5).statistic()
    observed, expected = upper_limit(Gaussian(0.5, 1.0).statistic(), asimov, 0.5, reasons=reasons)
    assert expected[:3] == pytest.approx([root_at_limit(b, 0.95) for b in (-2, -1, 0)], rel=1e-3)
    assert expected[3:] == [None, None]
    assert observed is None
    assert set(reasons) == {"upper_limit.expected[3]", "upper_limit.expected[4]"} | {
        "upper_limit.observed"
    }
    assert all("did not converge" in reason for reason in reasons.values())


def test_a_signal_that_changes_nothing_has_no_limit():
    reasons = Reasons()
    nothing = Gaussian(0.0, 1e9).statistic()
    observed, expected = upper_limit(nothing, nothing, 1.0, reasons=reasons)
    assert (observed, expected) == (None, [None] * 5)
    assert "the signal is too small" in reasons["upper_limit.observed"]
