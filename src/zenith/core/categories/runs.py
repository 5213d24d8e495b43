"""The best division of an ordered row of places into runs of neighbours, exactly.

Where the worth of a division is a sum over its runs, the best K runs that end at a place are the
best K − 1 runs that end anywhere before it, and one more: dynamic programming (R. Bellman, Comm.
ACM 4 (1961) 284), which takes of the order of K n² operations for n places.
"""

import numpy as np
from numpy.typing import NDArray


def best_runs(gain: NDArray[np.float64], most: int) -> NDArray[np.int64] | None:
    """Where to divide n places, the first and the last included, to gain the most in all.

    Parameters
    ----------
    gain
        (n, n); element [j, i] is what the run from place i to place j is worth, -inf where there
        must be none.
    most
        The largest number of runs. There are fewer only where more would not gain.

    Returns
    -------
    places
        (K - 1,) between the K runs, ascending; None if no division is allowed.
    """
    last = len(gain) - 1
    reached = np.where(np.arange(last + 1) == 0, 0.0, -np.inf)
    before: list[NDArray[np.int64]] = []
    totals: list[float] = []
    for _ in range(min(most, last)):
        sums = reached[None, :] + gain
        before.append(sums.argmax(axis=1))
        reached = np.take_along_axis(sums, before[-1][:, None], axis=1)[:, 0]
        totals.append(reached[-1])
    if np.isneginf(totals).all():
        return None
    at, chosen = last, list[int]()
    for step in reversed(before[1 : int(np.argmax(totals)) + 1]):
        at = int(step[at])
        chosen.append(at)
    return np.array(chosen[::-1], np.int64)
