"""Upper limits on the signal strength, by CLs with the test statistic q̃.

Asymptotic formulae of arXiv:1007.1727: q̃ is equation 16, its Asimov value gives the median and the
bands (section 4.3, q̃'s distribution equation 64); CLs is doi:10.1088/0954-3899/28/10/313.
pyhf's own calculator repeats the fits that do not depend on the tested value at every value; here
each is made once.
"""

import logging
from bisect import insort
from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from zenith.statistics.likelihood import Likelihood, Minimum

log = logging.getLogger(__name__)

BANDS = (-2, -1, 0, 1, 2)
DOUBLINGS = 20


class TestStatistic:
    """q̃ of one data set as a function of the signal strength; one fit for each new value."""

    __test__ = False  # not a test of pytest's

    def __init__(self, likelihood: Likelihood, free: Minimum):
        self.likelihood = likelihood
        self.best = float(free.x[likelihood.poi])
        self.known: list[tuple[float, Minimum]] = [(self.best, free)]
        self.least = free.twice_nll if self.best >= 0.0 else self.held(0.0).twice_nll

    def held(self, mu: float) -> Minimum:
        """The best fit with the signal strength held; it starts from the nearest one known."""
        nearest, minimum = min(self.known, key=lambda point: abs(point[0] - mu))
        if nearest == mu:
            return minimum
        minimum = self.likelihood.minimum({self.likelihood.poi: mu}, minimum.x)
        insort(self.known, (mu, minimum), key=lambda point: point[0])
        return minimum

    def __call__(self, mu: float) -> float:
        """q̃(mu); 0 for a strength below the best fit."""
        if mu <= self.best:
            return 0.0
        return max(self.held(mu).twice_nll - self.least, 0.0)


def cls_observed(q: float, q_asimov: float) -> float:
    """CLs of observed data: q̃ of the data, and of the Asimov data without signal."""
    root, root_asimov = np.sqrt(q), np.sqrt(q_asimov)
    linear = root <= root_asimov
    distance = root - root_asimov if linear else (q - q_asimov) / (2.0 * root_asimov)
    return float(norm.sf(distance + root_asimov) / norm.sf(distance))


def root_at_limit(band: int, level: float) -> float:
    """√q̃ of the Asimov data where the expected CLs is 1 - level, `band` standard deviations up.

    CLs = Φ(band - √q̃) / Φ(band), solved for √q̃.
    """
    return float(band - norm.ppf((1.0 - level) * norm.cdf(band)))


def upper_limit(
    observed: TestStatistic | None, asimov: TestStatistic, scale: float, level: float = 0.95
) -> tuple[float | None, list[float | None]]:
    """The observed limit, and the expected ones at -2, -1, 0, 1, 2 standard deviations.

    `asimov` is of data without signal; without `observed` there is no observed limit. `scale` is a
    guess of the error on the signal strength, which sets the first bracket and, by a thousandth of
    it, the precision. A limit that is not found below `scale` · 2^20 is None, with a warning.
    """
    targets = [root_at_limit(band, level) for band in BANDS]
    expected = [_crossing(_below(asimov, target), scale) for target in targets]
    if observed is None:
        return None, expected

    def excess(mu: float) -> float:
        return 1.0 - level - cls_observed(observed(mu), asimov(mu))

    return _crossing(excess, scale), expected


def _below(asimov: TestStatistic, target: float) -> Callable[[float], float]:
    return lambda mu: float(np.sqrt(asimov(mu))) - target


def _crossing(function: Callable[[float], float], scale: float) -> float | None:
    """Where an increasing function, negative near 0, becomes positive."""
    low, high = 1e-3 * scale, 2.0 * scale
    for _ in range(DOUBLINGS):
        if function(high) > 0.0:
            return float(brentq(function, low, high, xtol=1e-3 * scale, rtol=1e-4))
        low, high = high, 2.0 * high
    log.warning("no upper limit below a signal strength of %g: the signal is too small", high)
    return None
