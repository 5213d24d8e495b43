"""The score of the HiggsML uncertainty challenge: short intervals that cover (arXiv:2410.02867)."""

import math

from zenith.errors import InputError

LEVEL = 0.6827
# Added to the mean width: an interval without any does not win
LEAST_WIDTH = 1e-3


def penalty(coverage: float, experiments: int) -> float:
    """f of the share of pseudo-experiments whose interval contains the truth.

    1 within two standard deviations σ of 0.6827, σ² = 0.6827 (1 - 0.6827) / experiments. At a
    distance d beyond, 1 + (d / σ)⁴ for too few and 1 + (d / σ)³ for too many.
    """
    if experiments < 1 or not 0.0 <= coverage <= 1.0:
        raise InputError(f"a coverage of {coverage:g} of {experiments} pseudo-experiments is none")
    sigma = math.sqrt(LEVEL * (1.0 - LEVEL) / experiments)
    pull = (coverage - LEVEL) / sigma
    beyond = max(abs(pull) - 2.0, 0.0)
    return 1.0 + beyond ** (4 if pull < 0.0 else 3)


def score(width: float, coverage: float, experiments: int) -> float:
    """-ln[(w + 0.001) f(c)] of the mean width w of 68 % intervals and their coverage c."""
    if not 0.0 <= width < math.inf:
        raise InputError(f"a mean width of {width:g} is that of no interval")
    return -math.log((width + LEAST_WIDTH) * penalty(coverage, experiments))
