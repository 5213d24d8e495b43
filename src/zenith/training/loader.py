"""Mini-batches from training sets of any size: blocks shuffled, then the events within them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.training.examples import Examples
from zenith.training.sets import NO_CLASS, Rows, Source

MEMORY = 2**30  # bytes of sets that are kept in memory
POOL = 2**26  # bytes of the blocks whose events are shuffled together, else

Pool = list[Rows]
"""Rows of each source."""


class Loader:
    """The events of training sets in mini-batches, in another order in each epoch.

    HDF5 reads whole chunks: to pick events one by one takes 80 times as long. Blocks are read in
    random order, those of each file spread evenly over the epoch; some at a time are a pool, whose
    events are shuffled. Sets that fit into memory are read once, and are one pool.

    Parameters
    ----------
    sources
        The open sets, as the network reads them.
    batch
        Events in a mini-batch; fewer are left over at the end of an epoch.
    seed
        Of the order: the same seed gives the same mini-batches.
    chosen
        Which events of a block are used, (n,) bool, of those that have a class and pass the cuts.
    memory, pool
        In bytes.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        batch: int,
        seed: int,
        chosen: Callable[[Source, NDArray[Any]], NDArray[np.bool_]] | None = None,
        memory: int = MEMORY,
        pool: int = POOL,
    ) -> None:
        self._sources, self._batch, self._seed, self._chosen = sources, batch, seed, chosen
        self._sizes = [sum(s.file.layouts[name].size for name in s.names) for s in sources]
        rows = [source.file.size for source in sources]
        self._fits = sum(n * size for n, size in zip(rows, self._sizes, strict=True)) <= memory
        self._pool = pool
        self._kept: Pool | None = None

    def epoch(self, number: int) -> Iterator[Examples]:
        """The mini-batches of an epoch. Raises `InputError` as `Source` does."""
        random = np.random.default_rng([self._seed, number])
        left: Pool | None = None
        for pool in self._pools(random):
            found = pool if left is None else _together([left, pool])
            ends = np.cumsum([len(_events(source, rows)) for source, rows in self._pairs(found)])
            order = random.permutation(ends[-1])
            whole = len(order) - len(order) % self._batch
            for start in range(0, whole, self._batch):
                yield self._examples(_taken(found, ends, order[start : start + self._batch]))
            left = _taken(found, ends, order[whole:])

    def _pairs(self, pool: Pool) -> Iterator[tuple[Source, Rows]]:
        return zip(self._sources, pool, strict=True)

    def _pools(self, random: np.random.Generator) -> Iterator[Pool]:
        if not self._fits:
            yield from self._read(random, self._pool)
            return
        if self._kept is None:
            self._kept = _together(list(self._read(random, self._pool)))
        yield self._kept

    def _read(self, random: np.random.Generator, size: int) -> Iterator[Pool]:
        """All blocks in random order, as many at a time as are of this size in bytes."""
        blocks: list[tuple[float, int, int, int]] = []  # of an epoch from 0 to 1: when; and which
        for number, source in enumerate(self._sources):
            step = source.file.block(source.names)
            starts = random.permutation(np.arange(0, source.file.size, step))
            times = (np.arange(len(starts)) + random.random(len(starts))) / max(len(starts), 1)
            stops = np.minimum(starts + step, source.file.size)
            blocks += zip(times, [number] * len(starts), starts, stops, strict=True)
        pool, read = self._empty(), 0
        for _, number, start, stop in sorted(blocks):
            pool[number].append(self._block(self._sources[number], int(start), int(stop)))
            read += (stop - start) * self._sizes[number]
            if read >= size:
                yield self._joined(pool)
                pool, read = self._empty(), 0
        if read or not blocks:
            yield self._joined(pool)

    def _empty(self) -> list[list[Rows]]:
        return [[] for _ in self._sources]

    def _joined(self, pool: list[list[Rows]]) -> Pool:
        pairs = zip(self._sources, pool, strict=True)
        return [_rows(parts or [self._block(source, 0, 0)]) for source, parts in pairs]

    def _block(self, source: Source, start: int, stop: int) -> Rows:
        """The rows of a block that are used."""
        rows = source.file.read(source.names, start, stop)
        events = _events(source, rows)
        used = (source.labels(events) != NO_CLASS) & source.passed(events)
        if self._chosen is not None:
            used &= self._chosen(source, events)
        return rows if used.all() else {name: array[used] for name, array in rows.items()}

    def _examples(self, pool: Pool) -> Examples:
        found = []
        for source, rows in self._pairs(pool):
            events = _events(source, rows)
            if len(events):
                x, objects = source.inputs(rows)
                label, weight = source.labels(events), source.weights(events)
                beside = source.observables(events, label)
                found.append(Examples(x, label, weight, objects, beside))
        return Examples.joined(found) if len(found) > 1 else found[0]


def _events(source: Source, rows: Rows) -> NDArray[Any]:
    return rows[source.fields.events]


def _rows(parts: list[Rows]) -> Rows:
    if len(parts) == 1:
        return parts[0]
    found = {}
    for name, first in parts[0].items():
        whole = np.concatenate([_as_bytes(part[name]) for part in parts])
        found[name] = whole.view(first.dtype).reshape(len(whole), *first.shape[1:])
    return found


def _together(pools: list[Pool]) -> Pool:
    return [_rows(list(of_source)) for of_source in zip(*pools, strict=True)]


def _taken(pool: Pool, ends: NDArray[np.intp], chosen: NDArray[np.intp]) -> Pool:
    """Some of the rows of a pool, by their place in all; the order in a mini-batch is no matter."""
    chosen = np.sort(chosen)
    found, first = [], 0
    for rows, end in zip(pool, ends, strict=True):
        own = chosen[np.searchsorted(chosen, first) : np.searchsorted(chosen, end)] - first
        found.append({name: _picked(array, own) for name, array in rows.items()})
        first = end
    return found


def _picked(rows: NDArray[Any], chosen: NDArray[np.intp]) -> NDArray[Any]:
    return _as_bytes(rows)[chosen].view(rows.dtype).reshape(len(chosen), *rows.shape[1:])


def _as_bytes(rows: NDArray[Any]) -> NDArray[np.uint8]:
    """Whole rows, (n, bytes): numpy copies compound ones field by field, ten times as slowly."""
    size = rows.dtype.itemsize * int(np.prod(rows.shape[1:]))
    return np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), size)
