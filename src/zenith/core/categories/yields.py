"""What is summed over the events of a category, and the yields that follow from the sums.

All that an objective knows of events are sums, so that events can be gathered in cells or behind
each other in sorted order, and every reading of categories, soft or hard, costs one product.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from zenith.core.categories.sideband import Sideband


class Yields(NamedTuple):
    """Expected events of categories: A signals, S samples (the signals first), V variations."""

    signals: Array  # (A, K)
    background: Array  # (K,)
    variance: Array  # (K,) of the background: Σ w², or that of its estimate
    samples: Array  # (S, K)
    variances: Array  # (S, K)
    varied: Array  # (V, 2, S, K) yields of the up and the down variation


@dataclass(frozen=True)
class Tally:
    """The layout of sums: one row for each column of the events and each sample.

    Columns are the weight, its square, and the weight of each variation, up and down. With a
    sideband there is one background, which is estimated from its events there, and the columns are
    w, w², w t, w² t and w² t².
    """

    signals: int
    backgrounds: int = 1
    variations: int = 0
    sideband: Sideband | None = None

    @property
    def samples(self) -> int:
        """S: signals and backgrounds."""
        return self.signals + self.backgrounds

    def leading(self, sums: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Sums of weights (rows, …) of each signal (A, …) and of the background (…), where it is
        simulated or in its sideband: a guide to where events are."""
        return sums[: self.signals], sums[self.signals : self.samples].sum(axis=0)

    def read(self, sums: Array | NDArray[np.float64]) -> Yields:
        """Yields of sums (rows, K); K may be any shape. Arrays of NumPy remain such, unless a
        background is estimated."""
        number = self.signals
        columns: Any = sums.reshape(-1, self.samples, *sums.shape[1:])
        weights, squares = columns[0], columns[1]
        if self.sideband is None:
            varied = columns[2:].reshape(self.variations, 2, *weights.shape)
            background, variance = weights[number:].sum(axis=0), squares[number:].sum(axis=0)
            return Yields(weights[:number], background, variance, weights, squares, varied)
        w, q, first, q_first, q_second = columns[:, number]
        background, variance = self.sideband.background(w, first, (q, q_first, q_second))
        samples = jnp.concatenate([weights[:number], background[None]])
        variances = jnp.concatenate([squares[:number], variance[None]])
        none = jnp.zeros((0, 2, *samples.shape))
        return Yields(weights[:number], background, variance, samples, variances, none)


class Tallied(NamedTuple):
    """Events to be summed: N of them, in the columns of a tally."""

    tally: Tally
    columns: NDArray[np.float64]  # (C, N)
    sample: NDArray[np.int64]  # (N,), the signals first; −1: not summed

    @classmethod
    def of(cls, weight: NDArray[np.floating], signal: NDArray[np.integer]) -> "Tallied":
        """Weights (N,) and the number of each event's signal (N,), −1 for background."""
        weight, number = np.asarray(weight, np.float64), int(signal.max()) + 1
        sample = np.where(signal < 0, number, signal).astype(np.int64)
        return cls(Tally(number), np.stack([weight, weight**2]), sample)

    @property
    def used(self) -> NDArray[np.bool_]:
        """Which events (N,) are summed."""
        return self.sample >= 0

    def take(self, which: NDArray[np.generic]) -> "Tallied":
        """Some of the events, or all in another order."""
        return self._replace(columns=self.columns[:, which], sample=self.sample[which])

    def sums(self, index: NDArray[np.integer], size: int) -> NDArray[np.float64]:
        """Sums (rows, size) of the events of each index (N,) → [0, size)."""
        used, samples = self.used, self.tally.samples
        cell = self.sample[used] * size + index[used]
        rows = [np.bincount(cell, column[used], samples * size) for column in self.columns]
        return np.concatenate(rows).reshape(-1, size).astype(np.float64)
