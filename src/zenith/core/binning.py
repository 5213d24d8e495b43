"""The best binning of one score, by dynamic programming over sums below each distinct score.

The score is only ever sorted: cuts are ranks, so that a monotone transform of the score changes no
category, and a bin's yields are differences of two prefix sums. The squared significance of all
bins is a sum over bins, for which the best K bins that end at a place are the best K − 1 bins that
end anywhere below it and one more (Bellman). The places are a grid of ranks; around each cut that
is found a finer grid is laid until neighbouring places are neighbouring scores.
"""

from typing import NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from zenith.core.counting import Requirements, discovery
from zenith.errors import InputError

GRID = 2048  # places of one pass; up to as many distinct scores, the answer is exact
_discovery = jax.jit(discovery)

Cuts = NDArray[np.int64]
"""Ranks (K − 1,), ascending: a cut c parts the c lowest of the distinct scores from the others."""


class Spectrum(NamedTuple):
    """Expected events below each distinct score, and below infinity."""

    scores: NDArray[np.float64]  # (n,), distinct, ascending
    signals: NDArray[np.float64]  # (signals, n + 1)
    background: NDArray[np.float64]  # (n + 1,)
    variance: NDArray[np.float64]  # (n + 1,), Σ w² of the background

    @classmethod
    def of(
        cls,
        score: NDArray[np.floating],
        weight: NDArray[np.floating],
        signal: NDArray[np.integer],
    ) -> "Spectrum":
        """Sort and sum events: score and weight (N,); signal (N,) is its number, −1: background."""
        score, weight = np.asarray(score, np.float64), np.asarray(weight, np.float64)
        # ties in a set order, or the rounding of sums would depend on that of the events
        order = np.lexsort((weight, signal, score))
        score, weight, signal = score[order], weight[order], np.asarray(signal)[order]
        ends = np.append(np.flatnonzero(np.diff(score)) + 1, len(score))

        def below(values: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.concatenate([[0.0], np.cumsum(values)[ends - 1]])

        background = np.where(signal < 0, weight, 0.0)
        numbers = range(int(signal.max()) + 1)
        return cls(
            score[ends - 1],
            np.stack([below(np.where(signal == a, weight, 0.0)) for a in numbers]),
            below(background),
            below(background**2),
        )

    def edges(self, cuts: Cuts) -> NDArray[np.float64]:
        """The score at and above which the upper bin begins, of every cut."""
        return self.scores[cuts]

    def cuts(self, edges: NDArray[np.floating]) -> Cuts:
        """The ranks of edges."""
        return np.searchsorted(self.scores, edges, side="left").astype(np.int64)

    def yields(
        self, cuts: Cuts
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Signals (signals, K), background (K,) and its variance (K,) of the bins."""
        ends = np.concatenate([[0], cuts, [len(self.scores)]])
        signals, background, variance = (np.diff(total[..., ends]) for total in self[1:])
        return signals, background, variance


def best(
    spectrum: Spectrum,
    categories: int,
    requirements: Requirements,
    uncertainty: float = 0.0,
    grid: int = GRID,
) -> Cuts:
    """The cuts of the largest significance in at most so many bins that all meet requirements.

    There are fewer bins only where more would not raise the significance or cannot be had. Raises
    `InputError` if there is more than one signal, and if all events together do not meet the
    requirements.
    """
    if len(spectrum.signals) != 1:
        raise InputError(
            f"the exact method takes one signal, there are {len(spectrum.signals)}: use the "
            "gradient method"
        )
    places = _grid(spectrum, grid)
    while True:
        cuts = _best_of(spectrum, places, categories, requirements, uncertainty)
        at = np.searchsorted(places, cuts)
        low, high = places[at - 1], places[at + 1]
        if (high - low <= 2).all():
            return cuts
        each = max(grid // len(cuts), 8)
        windows = [
            np.linspace(*ends, each).astype(np.int64) for ends in zip(low, high, strict=True)
        ]
        places = np.unique(np.concatenate([[0, len(spectrum.scores)], cuts, *windows]))


def _grid(spectrum: Spectrum, size: int) -> Cuts:
    """Places at equal shares of signal, background and scores, and ever closer to the ends."""
    last = len(spectrum.scores)
    if last < size:
        return np.arange(last + 1)
    ramp = np.arange(last + 1.0)
    places = [2 ** np.arange(int(np.log2(last))), last - 2 ** np.arange(int(np.log2(last)))]
    for total in (spectrum.signals[0], spectrum.background, ramp):
        rising = np.maximum.accumulate(total)
        shares = np.linspace(0.0, rising[-1], size // 3)
        places.append(np.minimum(np.searchsorted(rising, shares), last))
    return np.unique(np.concatenate([[0, last], *places]))


def _best_of(
    spectrum: Spectrum,
    places: Cuts,
    categories: int,
    requirements: Requirements,
    uncertainty: float,
) -> Cuts:
    # element [j, i] is the bin from place i to place j
    signal, background, variance = (
        total[places][:, None] - total[places][None, :]
        for total in (spectrum.signals[0], spectrum.background, spectrum.variance)
    )
    allowed = requirements.met(background, variance) & (places[:, None] > places[None, :])
    gain = np.where(allowed, _discovery(signal, background, uncertainty), -np.inf)
    reached = np.where(places == 0, 0.0, -np.inf)
    before: list[NDArray[np.int64]] = []
    totals: list[float] = []
    for _ in range(min(categories, len(places) - 1)):
        sums = reached[None, :] + gain
        before.append(sums.argmax(axis=1))
        reached = np.take_along_axis(sums, before[-1][:, None], axis=1)[:, 0]
        totals.append(reached[-1])
    if np.isneginf(totals).all():
        raise InputError(
            f"all events together have a background of {spectrum.background[-1]:.4g} ± "
            f"{np.sqrt(spectrum.variance[-1]):.2g}, which does not meet the requirements "
            f"(background of {requirements.background:g}, relative uncertainty of "
            f"{requirements.uncertainty:g}): loosen them"
        )
    bins = int(np.argmax(totals))
    at = len(places) - 1
    chosen: list[int] = []
    for step in reversed(before[1 : bins + 1]):
        at = int(step[at])
        chosen.append(int(places[at]))
    return np.array(chosen[::-1], np.int64)
