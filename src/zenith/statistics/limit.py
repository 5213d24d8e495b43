"""Upper limits on the signal strength, by CLs with the test statistic q̃.

Asymptotic formulae of arXiv:1007.1727: q̃ is equation 16, its Asimov value gives the median and the
bands (section 4.3, q̃'s distribution equation 64); CLs is doi:10.1088/0954-3899/28/10/313.
pyhf's own calculator repeats the fits that do not depend on the tested value at every value; here
each is made once.
"""

import math
from bisect import insort
from collections.abc import Callable
from functools import partial

from scipy.optimize import brentq
from scipy.special import erfcx
from scipy.stats import norm

from zenith.errors import FitError
from zenith.statistics.likelihood import Likelihood
from zenith.statistics.minimiser import Minimum, minimum
from zenith.statistics.reasons import Reasons

BANDS = (-2, -1, 0, 1, 2)
DOUBLINGS = 20
PRECISION = 2.5e-4  # of a limit, relative


class TestStatistic:
    """q̃ of one data set as a function of the signal strength; one fit for each new value."""

    __test__ = False  # not a test of pytest's

    def __init__(
        self, likelihood: Likelihood, free: Minimum, fit: Callable[..., Minimum] = minimum
    ):
        self.likelihood, self.fit = likelihood, fit
        self.best = float(free.x[likelihood.poi])
        self.known: list[tuple[float, Minimum]] = [(self.best, free)]
        self.least = free.twice_nll if self.best >= 0.0 else self.held(0.0).twice_nll

    def held(self, mu: float) -> Minimum:
        """The best fit with the signal strength held; it starts from the nearest one known."""
        nearest, known = min(self.known, key=lambda point: abs(point[0] - mu))
        if nearest == mu:
            return known
        found = self.fit(self.likelihood, {self.likelihood.poi: mu}, known.x)
        insort(self.known, (mu, found), key=lambda point: point[0])
        return found

    def __call__(self, mu: float) -> float:
        """q̃(mu); 0 for a strength below the best fit."""
        if mu <= self.best:
            return 0.0
        return max(self.held(mu).twice_nll - self.least, 0.0)


def cls_observed(q: float, q_asimov: float) -> float:
    """CLs of observed data: q̃ of the data, and of the Asimov data without signal.

    Where q is above q_asimov, CLs is a ratio of two tails that underflow far out, while the ratio
    does not: a tail is exp(-x²/2) erfcx(x/√2) / 2, and the squares of the two x differ by q.
    """
    root, root_asimov = math.sqrt(q), math.sqrt(q_asimov)
    if root <= root_asimov:
        return float(norm.sf(root) / norm.sf(root - root_asimov))
    distance = (q - q_asimov) / (2.0 * root_asimov) if root_asimov else math.inf
    if math.isinf(distance):
        return math.exp(-q / 2.0)
    tails = erfcx((distance + root_asimov) / math.sqrt(2.0)) / erfcx(distance / math.sqrt(2.0))
    return float(math.exp(-q / 2.0) * tails)


def root_at_limit(band: int, level: float) -> float:
    """√q̃ of the Asimov data where the expected CLs is 1 - level, `band` standard deviations up.

    CLs = Φ(band - √q̃) / Φ(band), solved for √q̃.
    """
    return float(band - norm.ppf((1.0 - level) * norm.cdf(band)))


def upper_limit(
    observed: TestStatistic | None,
    asimov: TestStatistic,
    scale: float,
    level: float = 0.95,
    reasons: Reasons | None = None,
) -> tuple[float | None, list[float | None]]:
    """The observed limit, and the expected ones at -2, -1, 0, 1, 2 standard deviations.

    `asimov` is of data without signal; without `observed` there is no observed limit. `scale` is a
    guess of the limit: where the search begins. A limit is found to a thousandth; one that is above
    `scale` · 2^20, or needs a fit that does not converge, is None, and `reasons` say why.
    """
    reasons = Reasons() if reasons is None else reasons
    expected = [
        reasons.attempt(
            f"upper_limit.expected[{i}]",
            partial(_crossing, _below(asimov, root_at_limit(band, level)), scale),
        )
        for i, band in enumerate(BANDS)
    ]
    if observed is None:
        return None, expected

    def excess(mu: float) -> float:
        return 1.0 - level - cls_observed(observed(mu), asimov(mu))

    return reasons.attempt("upper_limit.observed", partial(_crossing, excess, scale)), expected


def _below(asimov: TestStatistic, target: float) -> Callable[[float], float]:
    return lambda mu: math.sqrt(asimov(mu)) - target


def _crossing(function: Callable[[float], float], scale: float) -> float:
    """Where an increasing function, negative at 0, becomes positive; FitError if nowhere."""
    low, high = 0.0, scale
    for _ in range(DOUBLINGS):
        if function(high) > 0.0:
            break
        low, high = high, 2.0 * high
    else:
        raise FitError(
            f"no upper limit below a signal strength of {low:g}: the signal is too small"
        )
    while low == 0.0 and high > scale / 2.0**DOUBLINGS:  # the scale was above the limit
        if function(high / 2.0) > 0.0:
            high /= 2.0
        else:
            low = high / 2.0
    return float(brentq(function, low, high, xtol=PRECISION * high, rtol=PRECISION))
