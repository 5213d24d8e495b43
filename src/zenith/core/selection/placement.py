"""Where each event stands in the arrays that a step of the climb goes through."""

from collections.abc import Sequence

import numpy as np


class Placement:
    """Where each event goes: blocks of one cell each, chunks of many blocks.

    The events are those of the first `parts`, arrays of cells; there is room for any of them.
    """

    def __init__(self, parts: Sequence[np.ndarray], chunk: int) -> None:
        cells = parts[0]
        occupied, counts = np.unique(cells, return_counts=True)
        # long blocks make few sums but much padding: the cost is that of the padded events, and of
        # as many sums into cells as there are blocks
        lengths = 2 ** np.arange(2, 8)
        numbers = [counts, *(np.bincount(of) for of in parts[1:])]
        padded = np.max([-(-n[:, None] // lengths).sum(axis=0) for n in numbers], axis=0) * lengths
        block = int(lengths[np.argmin(padded * (1 + 1 / lengths))])
        blocks = -(-counts // block)
        total = max(int(padded[lengths == block][0]), block)
        self.chunks = -(-total // max(chunk, block))
        self.chunk = -(-total // (self.chunks * block)) * block
        cell = np.full(self.chunks * self.chunk // block, occupied[-1] if len(occupied) else 0)
        cell[: blocks.sum()] = np.repeat(occupied, blocks)  # sorted, the padding at the end too
        self.cells = cell.astype(np.int32).reshape(self.chunks, -1)
        self._order = np.argsort(cells, kind="stable")
        gap = np.cumsum(blocks * block) - blocks * block - (np.cumsum(counts) - counts)
        self._position = np.arange(len(cells)) + np.repeat(gap, counts)

    def place(self, values: np.ndarray) -> np.ndarray:
        """(N,) → (chunks, n), with 0 between."""
        out = np.zeros(self.chunks * self.chunk, values.dtype)
        out[self._position] = values[self._order]
        return out.reshape(self.chunks, self.chunk)
