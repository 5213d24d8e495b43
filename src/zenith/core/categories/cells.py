"""Events summed in small cells of the scores, so that a step costs by cells, not by events.

Cells hold about equally many events each: scores are halved at the median of the dimension in which
a cell is longest, again and again. A cell stands at the mean of its events. Where there are no more
events than cells, each event is its own.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from numpy.typing import NDArray

from zenith.core.categories.exact import Spectrum
from zenith.core.categories.yields import Tallied, Tally, Yields
from zenith.core.selection.memberships import Categories


class Cells(eqx.Module):
    """Scores and sums of the events of cells; features first."""

    x: jax.Array  # (D, cells) float32
    sums: jax.Array  # (rows of the tally, cells) float32
    tally: Tally = eqx.field(static=True)

    @classmethod
    def of(cls, x: NDArray[np.floating], events: Tallied, cells: int) -> "Cells":
        """Of events with scores (D, N)."""
        x, events = x[:, events.used], events.take(events.used)
        cell = np.arange(x.shape[1])
        if x.shape[1] > cells:
            cell = halve(x, int(np.log2(cells)))
            count = np.bincount(cell)
            x = np.stack([np.bincount(cell, row) / count for row in x])
        sums = events.sums(cell, x.shape[1])
        return cls(jnp.asarray(x, jnp.float32), jnp.asarray(sums, jnp.float32), events.tally)

    @classmethod
    def along(cls, spectrum: Spectrum, position: NDArray[np.floating], cells: int) -> "Cells":
        """Of one sorted score that stands at `position` (n,), ascending with the score."""
        ends = np.unique(np.linspace(0, len(position), cells + 1).astype(np.int64))
        x = np.add.reduceat(position, ends[:-1]) / np.diff(ends)
        sums, tally = np.diff(spectrum.totals[:, ends]), spectrum.tally
        return cls(jnp.asarray(x[None], jnp.float32), jnp.asarray(sums, jnp.float32), tally)

    def grouped(self, size: int) -> NDArray[np.int64]:
        """The group (cells,) of each cell: a power of two of them, at most `size` and the cells."""
        return halve(np.asarray(self.x), int(np.log2(min(size, self.x.shape[1]))))

    @property
    def signals(self) -> NDArray[np.float64]:
        """Expected events (A, cells) of each signal."""
        return self.tally.leading(np.asarray(self.sums, np.float64))[0]

    @property
    def background(self) -> NDArray[np.float64]:
        """Expected background events (cells,), those of the sideband where there is one."""
        return self.tally.leading(np.asarray(self.sums, np.float64))[1]

    def soft(self, categories: Categories, temperature: ArrayLike) -> Yields:
        """Yields of the soft reading; differentiable in the categories."""
        return self._read(categories.soft(self.x, temperature))

    def hard(self, categories: Categories) -> Yields:
        """Yields of the hard reading."""
        numbers = jnp.arange(categories.categories)[:, None]
        return self._read((categories.hard(self.x) == numbers).astype(self.x.dtype))

    def _read(self, shares: jax.Array) -> Yields:
        return self.tally.read((self.sums @ shares.T).astype(float))


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
