"""Mini-batches from training sets of any size: blocks shuffled, then the events within them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.training.examples import Examples
from zenith.training.sets import NO_CLASS, Rows, Source

POOL = 2**26  # bytes of the blocks whose events are shuffled together

Pool = list[Rows]
"""Rows of each source."""


class Loader:
    """The events of training sets in mini-batches, in another order in each epoch.

    HDF5 reads whole chunks: to pick events one by one takes 80 times as long. Blocks are read in
    random order, those of each file spread evenly over the epoch; some at a time are a pool, whose
    events are shuffled.

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
    pool
        Its size in bytes.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        batch: int,
        seed: int,
        chosen: Callable[[Source, NDArray[Any]], NDArray[np.bool_]] | None = None,
        pool: int = POOL,
    ) -> None:
        self._sources, self._batch, self._seed, self._chosen = sources, batch, seed, chosen
        self._sizes = [sum(s.file.layouts[name].size for name in s.names) for s in sources]
        self._pool = pool

    def epoch(self, number: int) -> Iterator[Examples]:
        """The mini-batches of an epoch. Raises `InputError` as `Source` does."""
        random = np.random.default_rng([self._seed, number])
        left: Pool | None = None
        for pool in self._pools(random, self._pool):
            found = pool if left is None else _together([left, pool])
            ends = np.cumsum([len(_events(source, rows)) for source, rows in self._pairs(found)])
            order = random.permutation(ends[-1])
            whole = len(order) - len(order) % self._batch
            for start in range(0, whole, self._batch):
                yield self._examples(_taken(found, ends, order[start : start + self._batch]))
            left = _taken(found, ends, order[whole:])

    def _pairs(self, pool: Pool) -> Iterator[tuple[Source, Rows]]:
        return zip(self._sources, pool, strict=True)

    def _pools(self, random: np.random.Generator, size: int) -> Iterator[Pool]:
        """All blocks in random order, as many at a time as are of this size in bytes."""
        steps = [source.file.block(source.names) for source in self._sources]
        starts, times = [], []  # of the blocks of each source; when, in an epoch from 0 to 1
        for source, step in zip(self._sources, steps, strict=True):
            starts.append(random.permutation(np.arange(0, source.file.size, step)))
            number = len(starts[-1])
            times.append((np.arange(number) + random.random(number)) / max(number, 1))
        of_source = np.repeat(np.arange(len(starts)), [len(own) for own in starts])
        places = np.concatenate(starts)
        blocks = np.argsort(np.concatenate(times), kind="stable")
        pool, read = self._empty(), 0
        for block in blocks:
            number, start = int(of_source[block]), int(places[block])
            source = self._sources[number]
            stop = min(start + steps[number], source.file.size)
            pool[number].append(self._block(source, start, stop))
            read += (stop - start) * self._sizes[number]
            if read >= size:
                yield self._joined(pool)
                pool, read = self._empty(), 0
        if read or not len(blocks):
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
