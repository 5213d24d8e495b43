"""Whether responses are right: events that are shifted against nominal ones that are reweighted.

Events shifted to a point fill a histogram, and so do the nominal ones with the learned ratio as a
weight. Both are the same events: with v_i the reweighted and w_i the shifted weight of event i in
a bin, 0 where it is in another, Σ (v_i − w_i) has the variance Σ (v_i − w_i)².
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
TOLERANCE = 1e-3  # relative yields that differ by less are equal


class Closure(NamedTuple):
    """Histograms at T points in B bins."""

    nominal: Array
    """(B,)"""
    shifted: Array
    """(T, B)"""
    predicted: Array
    """(T, B), of the nominal events with the ratio as a weight."""
    variance: Array
    """(T, B), of the difference of both."""

    @property
    def pulls(self) -> Array:
        """Difference over its error, (T, B), to which `TOLERANCE` is added; 0 of empty bins."""
        error = np.sqrt(self.variance + (TOLERANCE * self.nominal) ** 2)
        difference = np.where(self.filled, self.predicted - self.shifted, 0.0)
        return np.asarray(difference / np.where(error > 0.0, error, 1.0))

    @property
    def filled(self) -> NDArray[np.bool_]:
        """Which bins have nominal events, (B,)."""
        return np.asarray(self.nominal > 0.0)

    @property
    def chi2(self) -> float:
        """Sum of the squared pulls."""
        return float((self.pulls**2).sum())

    @property
    def number(self) -> int:
        """Of the pulls."""
        return len(self.shifted) * int(self.filled.sum())


def compare(place: NDArray[np.integer], weight: Array, ratio: Array, bins: int) -> Closure:
    """Fill the histograms.

    Parameters
    ----------
    place, weight
        Bins and weights of N events at the nominal point, the first, and at T others, (1 + T, N).
    ratio
        What the nominal weights are multiplied by at each point, (T, N).
    """

    def filled(at: NDArray[np.integer], values: Array) -> Array:
        return np.bincount(at, values, bins)[:bins].astype(float)

    predicted, shifted, variance = [], [], []
    for at, own, r in zip(place[1:], weight[1:], ratio, strict=True):
        given, same = weight[0] * r, place[0] == at
        predicted.append(filled(place[0], given))
        shifted.append(filled(at, own))
        both = filled(at[same], (given * own)[same])
        variance.append(filled(place[0], given**2) + filled(at, own**2) - 2.0 * both)
    nominal = filled(place[0], weight[0])
    return Closure(nominal, np.array(shifted), np.array(predicted), np.array(variance).clip(0.0))


def joined(parts: Sequence[Closure]) -> Closure:
    """The sum of closures of different events, in the same bins and at the same points."""
    return Closure(*(np.sum(arrays, axis=0) for arrays in zip(*parts, strict=True)))


def quantile_bins(values: Array, weight: Array, bins: int) -> Array:
    """Edges between at most so many bins with equal sums of weights, of values (N,)."""
    order = np.argsort(values, kind="stable")
    share = np.cumsum(np.abs(weight[order]))
    wanted = np.searchsorted(share, share[-1] * np.arange(1, bins) / bins)
    return np.unique(values[order][wanted])


def agreement(exact: Array, learned: Array, weight: Array) -> tuple[float, float]:
    """Correlation, and the slope of exact numbers on learned ones through 0, of events (N,)."""
    x, y, w = exact, learned, weight
    a, b = x - np.average(x, weights=w), y - np.average(y, weights=w)
    size = np.sqrt((w * a**2).sum() * (w * b**2).sum())
    squares = float((w * y**2).sum())
    correlation = float((w * a * b).sum() / size) if size > 0.0 else 0.0
    return correlation, float((w * x * y).sum() / squares) if squares > 0.0 else 0.0
