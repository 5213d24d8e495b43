"""Minima of -2 log L where the rate of a bin without counts reaches zero.

Rates below zero count as zero, here as in the core: a bin without counts contributes 2 max(rate, 0)
to -2 log L, which has a kink where the rate is zero, and no derivatives. Minuit does not end there.
"""

from collections.abc import Callable, Sequence

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

Vector = NDArray[np.float64]

# In place of zero, so that the likelihood of a count stays finite.
SMALLEST_RATE = 1e-9

# What a rate below zero costs in -2 log L an event: it decides between minima that are the same.
BELOW = 1e-4

# The status of SciPy's SLSQP where a step changes the function by less than its last digits.
ROUNDING = 8


def minimum_on_kinks(
    twice_nll: Callable[[Vector], float],
    rates: Callable[[Vector], Vector],
    counts: Vector,
    start: Vector,
    moving: NDArray[np.intp],
    bounds: Sequence[tuple[float, float]],
) -> Vector | None:
    """The parameters at the minimum, from `start`, of which the `moving` (indices) change.

    A variable t for each empty bin, with t ≥ 0 and t ≥ rate, takes the place of max(rate, 0): what
    is minimised is smooth, and so are its constraints; bins with counts keep a rate above zero. Of
    minima that differ in rates below zero, which count for nothing, it is the one where these are
    closest to zero. None without empty bins, or if the search does not end.
    """
    seen = counts > SMALLEST_RATE
    empty = np.flatnonzero(~seen)
    if not len(empty) or not len(moving):
        return None
    size = len(moving)

    def place(z: Vector) -> Vector:
        x = start.copy()
        x[moving] = z[:size]
        return x

    def smooth(z: Vector) -> float:
        rate, t = rates(place(z))[empty], z[size:]
        floored = np.maximum(rate, SMALLEST_RATE)
        return twice_nll(place(z)) + float((2.0 * (t - floored) + BELOW * (t - rate)).sum())

    def slack(z: Vector) -> Vector:
        rate = rates(place(z))
        return np.append(z[size:] - rate[empty], rate[seen] - SMALLEST_RATE)

    result = scipy.optimize.minimize(
        smooth,
        np.append(start[moving], np.maximum(rates(start)[empty], 0.0)),
        method="SLSQP",
        bounds=[bounds[i] for i in moving] + [(0.0, None)] * len(empty),
        constraints={"type": "ineq", "fun": slack},
        options={"ftol": 1e-11, "maxiter": 1000},
    )
    done = result.success or result.status == ROUNDING
    return place(result.x) if done and np.isfinite(result.fun) else None
