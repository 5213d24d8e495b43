"""The best edges of a score whose categories are histograms of another observable, exactly.

The squared significance of all bins of all categories is a sum over categories, so that the best
edges on a grid follow from what every run of the grid is worth (`runs.py`). A bin's worth is the
Asimov formula (arXiv:1007.1727, equation 97) with the relative uncertainty of its background: that
which is given, and that of the number of its simulated events.
"""

from typing import NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from zenith.core.categories.counting import discovery
from zenith.core.categories.runs import best_runs
from zenith.errors import InputError

GRID = 257  # places of the grid, at equal shares of signal, of background, and of events
ROWS = 32  # runs of so many ends are evaluated at once: what memory holds
Array = NDArray[np.float64]
_discovery = jax.jit(discovery)


class Scored(NamedTuple):
    """N simulated events of one region, each array (N,)."""

    score: NDArray[np.floating]
    bin: NDArray[np.integer]
    """On the axis of the region, from 0; −1: not histogrammed."""
    weight: NDArray[np.floating]
    signal: NDArray[np.bool_]
    """Whether it is signal, else background."""


def best_edges(
    events: Scored,
    categories: int,
    *,
    uncertainty: float = 0.0,
    effective: float = 0.0,
    grid: int = GRID,
) -> Array:
    """The inner edges (K − 1,) of at most so many categories that give the largest significance.

    An edge lies midway between two neighbouring scores; up to `grid` distinct scores, there are no
    better ones. Every category has at least `effective` background events, (Σw)² / Σw², and
    background yields above 0. There are fewer categories only where more cannot be had, or would
    not raise the significance. `uncertainty` is the relative one of the background in every bin.

    Raises `InputError` if all events together have not so much background.
    """
    used = events.bin >= 0
    events = Scored(*(np.asarray(array)[used] for array in events))
    edges = _places(events, grid)
    place = np.searchsorted(edges, events.score, side="right")  # 0 is below the first edge
    bins, size = int(events.bin.max(initial=0)) + 1, len(edges) + 1
    cell = events.bin.astype(np.int64) * size + place

    def below(weight: Array) -> Array:
        """Sums below each place in each bin, (bins, n)."""
        sums = np.zeros((bins, size + 1))
        sums[:, 1:] = np.bincount(cell, weight, bins * size).reshape(bins, size)
        return sums.cumsum(axis=1)

    weight = events.weight.astype(np.float64)
    signal = below(weight * events.signal)
    background = below(weight * ~events.signal)
    variance = below(weight**2 * ~events.signal)
    gain = _gains(signal, background, variance, uncertainty, effective)
    runs = best_runs(gain, categories)
    if runs is None:
        total, squares = background[:, -1].sum(), variance[:, -1].sum()
        found = total**2 / squares if squares > 0 else 0.0
        raise InputError(
            f"all events together have a background of {total:.4g}, with the precision of "
            f"{found:.4g} events, where a category needs {effective:g}"
        )
    best: Array = edges[runs - 1]
    return best


def _places(events: Scored, grid: int) -> Array:
    """Edges between neighbouring scores, (n,): all, or at equal shares."""
    distinct = np.unique(events.score.astype(np.float64))
    between = (distinct[1:] + distinct[:-1]) / 2
    if len(between) < grid:
        return between
    order = np.argsort(events.score, kind="stable")
    score, weight = events.score[order], np.maximum(events.weight[order], 0.0)
    chosen = []
    for share in (weight * events.signal[order], weight * ~events.signal[order], 1.0 + 0 * weight):
        total = share.cumsum()
        levels = np.linspace(0.0, total[-1], grid // 3 + 2)[1:-1]
        at = np.minimum(np.searchsorted(total, levels), len(score) - 1)
        chosen.append(np.searchsorted(between, score[at]))
    places: Array = between[np.unique(np.concatenate(chosen)).clip(max=len(between) - 1)]
    return places


def _gains(
    signal: Array, background: Array, variance: Array, uncertainty: float, effective: float
) -> Array:
    """Squared significance of every run, (n, n); −inf where it lacks background."""
    size = signal.shape[1]
    # bins without background count as one with the weight of a simulated event
    least = variance[:, -1].sum() / max(background[:, -1].sum(), np.finfo(float).tiny)
    gain = np.full((size, size), -np.inf)
    for first in range(0, size, ROWS):
        ends = np.arange(first, first + ROWS).clip(max=size - 1)
        s, b, v = (
            sums[:, ends, None] - sums[:, None, :] for sums in (signal, background, variance)
        )
        filled = np.maximum(b, least)
        relative = np.sqrt(uncertainty**2 + np.maximum(v, least**2) / filled**2)
        worth = np.asarray(_discovery(s, filled, relative)).sum(axis=0)
        total, squares = b.sum(axis=0), v.sum(axis=0)
        enough = (total > 0) & (total**2 >= effective * squares) & (squares > 0)
        gain[ends] = np.where(enough & (ends[:, None] > np.arange(size)), worth, -np.inf)
    return gain
