"""Events summed in small cells of the scores, so that a step costs by cells, not by events.

Cells hold about equally many events each: scores are halved at the median of the dimension in which
a cell is longest, again and again. A cell stands at the mean of its events. Where there are no more
events than cells, each event is its own.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from numpy.typing import NDArray

from zenith.core.binning import Spectrum
from zenith.core.categories import Categories


class Yields(NamedTuple):
    """Expected events of categories."""

    signals: jax.Array  # (signals, K)
    background: jax.Array  # (K,)
    variance: jax.Array  # (K,), Σ w² of the background


class Cells(NamedTuple):
    """Scores and expected events of cells; features first."""

    x: jax.Array  # (D, cells) float32
    content: jax.Array  # (signals + 2, cells) float32: each signal, background, its Σ w²

    @classmethod
    def of(
        cls,
        x: NDArray[np.floating],
        weight: NDArray[np.floating],
        signal: NDArray[np.integer],
        cells: int,
    ) -> "Cells":
        """Scores (D, N), weights (N,), number of the signal (N,), −1 for background."""
        numbers = np.arange(int(signal.max()) + 1)[:, None]
        background = np.where(signal < 0, weight, 0.0)
        content = np.concatenate(
            [np.where(signal == numbers, weight, 0.0), background[None], background[None] ** 2]
        )
        if x.shape[1] > cells:
            cell = halve(x, int(np.log2(cells)))
            count = np.bincount(cell)
            x = np.stack([np.bincount(cell, row) / count for row in x])
            content = np.stack([np.bincount(cell, row) for row in content])
        return cls(jnp.asarray(x, jnp.float32), jnp.asarray(content, jnp.float32))

    @classmethod
    def along(cls, spectrum: Spectrum, position: NDArray[np.floating], cells: int) -> "Cells":
        """Of one sorted score that stands at `position` (n,), ascending with the score."""
        ends = np.unique(np.linspace(0, len(position), cells + 1).astype(np.int64))
        content = np.concatenate(
            [spectrum.signals, spectrum.background[None], spectrum.variance[None]]
        )
        x = np.add.reduceat(position, ends[:-1]) / np.diff(ends)
        content = np.diff(content[:, ends])
        return cls(jnp.asarray(x[None], jnp.float32), jnp.asarray(content, jnp.float32))

    def soft(self, categories: Categories, temperature: ArrayLike) -> Yields:
        """Yields of the soft reading; differentiable in the categories."""
        return self._sum(categories.soft(self.x, temperature))

    def hard(self, categories: Categories) -> Yields:
        """Yields of the hard reading."""
        numbers = jnp.arange(categories.categories)[:, None]
        return self._sum((categories.hard(self.x) == numbers).astype(self.x.dtype))

    def _sum(self, shares: jax.Array) -> Yields:
        sums = (self.content @ shares.T).astype(float)
        return Yields(sums[:-2], sums[-2], sums[-1])


def halve(x: NDArray[np.floating], times: int) -> NDArray[np.int64]:
    """The cell (N,), of 2^times, of events with scores (D, N); no cell is empty.

    Raises ValueError for fewer events than cells.
    """
    if x.shape[1] < 2**times:
        raise ValueError(f"{x.shape[1]} events cannot fill {2**times} cells")
    groups = [np.arange(x.shape[1])]
    for _ in range(times):
        halves = []
        for group in groups:
            inside = x[:, group]
            longest = np.ptp(inside, axis=1).argmax()
            middle = len(group) // 2
            parted = group[np.argpartition(inside[longest], middle)]
            halves += [parted[:middle], parted[middle:]]
        groups = halves
    cell = np.empty(x.shape[1], np.int64)
    for number, group in enumerate(groups):
        cell[group] = number
    return cell
