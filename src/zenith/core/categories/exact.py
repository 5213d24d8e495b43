"""The best binning of one score, by dynamic programming over sums below each distinct score.

The score is only ever sorted: cuts are ranks, so that a monotone transform of the score changes no
category, and a bin's yields are differences of two prefix sums. The squared significance of all
bins is a sum over bins, so that the best bins are the best runs of places (`runs`). The places are
a grid of ranks; around each cut that is found a finer grid is laid until neighbouring places are
neighbouring scores.
"""

from dataclasses import dataclass
from functools import cached_property, partial

import jax
import numpy as np
from numpy.typing import NDArray

from zenith.core.categories.counting import discovery
from zenith.core.categories.runs import best_runs
from zenith.core.categories.task import Task
from zenith.core.categories.yields import Tallied, Tally, Yields
from zenith.errors import InputError

GRID = 2048  # places of one pass; up to as many distinct scores, the answer is exact
ROWS = 256  # bins of so many ends are evaluated at once: what memory holds
_discovery = jax.jit(discovery)

Cuts = NDArray[np.int64]
"""Ranks (K − 1,), ascending: a cut c parts the c lowest of the distinct scores from the others."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Sums of the events below each distinct score, and below infinity."""

    scores: NDArray[np.float64]  # (n,), distinct, ascending
    totals: NDArray[np.float64]  # (rows of the tally, n + 1)
    tally: Tally

    @classmethod
    def of(cls, score: NDArray[np.floating], events: Tallied) -> "Spectrum":
        """Sort and sum events with these scores (N,)."""
        score, events = np.asarray(score, np.float64)[events.used], events.take(events.used)
        # ties in a set order, or the rounding of sums would depend on that of the events
        order = np.lexsort((events.columns[0], events.sample, score))
        score = score[order]
        starts = np.append(True, np.diff(score) > 0)
        sums = events.take(order).sums(np.cumsum(starts) - 1, int(starts.sum()))
        totals = np.cumsum(np.pad(sums, ((0, 0), (1, 0))), axis=1)
        return cls(score[starts], totals, events.tally)

    @cached_property
    def signals(self) -> NDArray[np.float64]:
        """Each signal below each distinct score, (A, n + 1)."""
        return self.tally.leading(self.totals)[0]

    @cached_property
    def background(self) -> NDArray[np.float64]:
        """Background below each distinct score, (n + 1,); in its sideband where there is one."""
        return self.tally.leading(self.totals)[1]

    def counted(self) -> "Spectrum":
        """The same with one background and no variations: what a counting experiment sees."""
        tally = self.tally
        if tally.sideband is not None:
            return self
        weights = self.totals[: 2 * tally.samples].reshape(2, tally.samples, -1)
        signals, background = np.split(weights, [tally.signals], axis=1)
        rows = np.concatenate([signals, background.sum(axis=1, keepdims=True)], axis=1)
        totals = rows.reshape(-1, rows.shape[-1])
        return Spectrum(self.scores, totals, Tally(tally.signals))

    def between(self, low: Cuts, high: Cuts) -> Yields:
        """Yields of bins from one rank to another; ranks may be of any shapes that broadcast."""
        sums = self.totals[:, high] - self.totals[:, low]
        if self.tally.sideband is None:
            return self.tally.read(sums)  # views: no copies
        found: Yields = jax.tree.map(np.asarray, _read(self.tally, sums))
        return found

    @cached_property
    def rising(self) -> NDArray[np.float64]:
        """Background below each distinct score (n + 1,), had weights below 0 not lowered it."""
        return np.maximum.accumulate(self.background)

    @cached_property
    def beyond_background(self) -> Cuts:
        """Cuts right above a background event: next to any other cut there is a better one."""
        return np.flatnonzero(np.diff(self.rising) > 0) + 1

    @cached_property
    def corners(self) -> Cuts:
        """Cuts on the convex hull of signal against background below them: the hull of the ROC.

        The significance is convex in the yields of each bin. Where a cut is best between its
        neighbours, the tangents of the two bins beside it tell that no other has more of some
        positive combination of background below and signal above.
        """
        signal, background = self.signals.sum(axis=0), self.rising
        places = np.append(0, self.beyond_background)
        hull: list[tuple[float, float, int]] = []
        for b, s, place in zip(
            background[places].tolist(), signal[places].tolist(), places.tolist(), strict=True
        ):
            while len(hull) > 1:
                (b0, s0, _), (b1, s1, _) = hull[-2:]
                if (s1 - s0) * (b - b0) < (s - s0) * (b1 - b0):
                    break
                hull.pop()
            hull.append((b, s, place))
        return np.array([place for _, _, place in hull], np.int64)

    def edges(self, cuts: Cuts) -> NDArray[np.float64]:
        """The score at and above which the upper bin begins, of every cut."""
        return self.scores[cuts]

    def cuts(self, edges: NDArray[np.floating]) -> Cuts:
        """The ranks of edges."""
        return np.searchsorted(self.scores, edges, side="left").astype(np.int64)

    def yields(self, cuts: Cuts) -> Yields:
        """Of the K bins between the cuts."""
        ends = np.concatenate([[0], cuts, [len(self.scores)]])
        return self.between(ends[:-1], ends[1:])


@partial(jax.jit, static_argnums=0)
def _read(tally: Tally, sums: NDArray[np.float64]) -> Yields:
    return tally.read(sums)


def best(
    spectrum: Spectrum,
    categories: int,
    task: Task,
    grid: int = GRID,
) -> Cuts:
    """The cuts of the largest significance in at most so many bins that all meet requirements.

    What is maximised is the counting experiment of the task. There are fewer bins only where more
    would not raise the significance or cannot be had. Raises `InputError` if there is more than one
    signal, and if all events together do not meet the requirements.
    """
    if spectrum.tally.signals != 1:
        raise InputError(
            f"the exact method takes one signal, there are {spectrum.tally.signals}: use the "
            "gradient method"
        )
    places = _grid(spectrum, grid, task)
    while True:
        cuts = _best_of(spectrum, places, categories, task)
        at = np.searchsorted(places, cuts)
        low, high = places[at - 1], places[at + 1]
        if (high - low <= 2).all():
            return cuts
        each = max(grid // len(cuts), 8)
        windows = [
            np.linspace(*ends, each).astype(np.int64) for ends in zip(low, high, strict=True)
        ]
        places = np.unique(np.concatenate([[0, len(spectrum.scores)], cuts, *windows]))


def _grid(spectrum: Spectrum, size: int, task: Task) -> Cuts:
    """Places at equal shares of signal, background and scores, and where cuts can be best.

    That is at corners of the spectrum, or where no more background is above than must be.
    """
    last = len(spectrum.scores)
    if last < size:
        return np.arange(last + 1)
    ramp = np.arange(last + 1.0)
    above = spectrum.rising[-1] - spectrum.rising
    least = task.requirements.background * np.arange(1, 30)
    places = [spectrum.corners, (last - np.searchsorted(above[::-1], least)).clip(0)]
    for total in (spectrum.signals[0], spectrum.background, ramp):
        rising = np.maximum.accumulate(total)
        shares = np.linspace(0.0, rising[-1], size // 3)
        places.append(np.minimum(np.searchsorted(rising, shares), last))
    return np.unique(np.concatenate([[0, last], *places]))


def _best_of(
    spectrum: Spectrum,
    places: Cuts,
    categories: int,
    task: Task,
) -> Cuts:
    # element [j, i] is the bin from place i to place j
    gain = np.full((len(places), len(places)), -np.inf)
    for first in range(0, len(places), ROWS):
        # the last rows again rather than fewer: one size is compiled once
        some = np.arange(first, first + ROWS).clip(max=len(places) - 1)
        found = spectrum.between(places[None], places[some][:, None])
        allowed = task.met(found) & (places[some][:, None] > places)
        value = _discovery(found.signals[0], found.background, task.counting.uncertainty)
        gain[some] = np.where(allowed, value, -np.inf)
    runs = best_runs(gain, categories)
    if runs is None:
        everything = spectrum.yields(np.array([], np.int64))
        raise InputError(
            f"all events together have a background of {everything.background[0]:.4g} ± "
            f"{np.sqrt(everything.variance[0]):.2g}, which does not meet the requirements "
            f"({task.requirements}): loosen them"
        )
    return places[runs]
