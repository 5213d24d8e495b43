"""Events as flat arrays, of which only what is used is evaluated.

Awkward arrays are what observables are written in; to choose, change and write events, flat arrays
with the lengths of the lists are quicker by far: an operation on lists costs awkward a tenth of a
millisecond, whatever their number.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.errors import InputError
from zenith.events.formats import fields

Index = Callable[[], NDArray[np.intp]]


class Table:
    """Arrays of one length by name, each evaluated when it is first asked for.

    Parameters
    ----------
    types
        Name → dtype.
    evaluate
        Gives the array of a name.
    """

    def __init__(
        self, types: Mapping[str, np.dtype[Any]], evaluate: Callable[[str], NDArray[Any]]
    ) -> None:
        self.types = types
        self._evaluate = evaluate
        self._known: dict[str, NDArray[Any]] = {}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> "Table":
        """A table of arrays that are there already."""
        return cls({name: array.dtype for name, array in arrays.items()}, arrays.__getitem__)

    @property
    def fields(self) -> list[str]:
        """The names, in order."""
        return list(self.types)

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._known:
            self._known[name] = self._evaluate(name)
        return self._known[name]

    def require(self, name: str, key: str, prefix: str = "") -> None:
        """Raise as `zenith.events.formats.fields.lookup` does if there is no such array."""
        if name not in self.types:
            fields.lookup(self, name, key, prefix)

    def take(self, index: Index) -> "Table":
        """The rows that `index` gives once any of them is asked for."""
        return Table(self.types, lambda name: self[name].take(index()))

    def replace(self, other: "Table") -> "Table":
        """The table with the arrays of another in place of, or besides, its own."""
        types = {**self.types, **other.types}
        return Table(types, lambda name: (other if name in other.types else self)[name])

    def rename(self, aliases: Mapping[str, str]) -> "Table":
        """The table with some arrays by a second name, alias → name."""
        types = {**self.types, **{alias: self.types[name] for alias, name in aliases.items()}}
        return Table(types, lambda name: self[aliases.get(name, name)])

    def double(self) -> "Table":
        """The table with single-precision numbers in double precision."""
        single, exact = np.dtype(np.float32), np.dtype(np.float64)
        types = {name: exact if kind == single else kind for name, kind in self.types.items()}
        return Table(types, lambda name: self[name].astype(types[name], copy=False))

    @staticmethod
    def concatenate(tables: "Sequence[Table]") -> "Table":
        """One table after the other; evaluated, and independent of where they come from."""
        names = tables[0].fields
        return Table.of({name: np.concatenate([t[name] for t in tables]) for name in names})


@dataclass(frozen=True)
class Lists:
    """A list of objects in each event: its length, shape (events,), and the objects of all."""

    counts: NDArray[np.int64]
    flat: Table

    @functools.cached_property
    def offsets(self) -> NDArray[np.int64]:
        """Where the list of each event starts, and where the last one ends."""
        return np.concatenate([[0], np.cumsum(self.counts)])

    @functools.cached_property
    def events(self) -> NDArray[np.intp]:
        """The event of each object."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def sum(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        """The sum of a number of each object over the list of each event, shape (events,)."""
        return np.asarray(np.bincount(self.events, values, len(self.counts)), np.float64)

    def choose(self, events: NDArray[np.bool_]) -> "Lists":
        """The lists of some of the events."""
        counts = self.counts[events]

        @functools.cache
        def index() -> NDArray[np.intp]:
            if 4 * len(counts) > len(events):
                return np.flatnonzero(np.repeat(events, self.counts))
            skipped = self.offsets[:-1][events] - (np.cumsum(counts) - counts)
            index = np.arange(counts.sum())
            index += np.repeat(skipped, counts)  # quicker for a few
            return index

        return Lists(counts, self.flat.take(index))


@dataclass(frozen=True)
class Events:
    """Events: branches with one number in each, and collections with a list in each.

    Branches that are a list of bare numbers are a collection with one field, "". If `optional`, NaN
    in a number of an event stands for one that the event lacks.
    """

    size: int
    numbers: Table
    lists: Mapping[str, Lists]
    optional: bool = False

    def __len__(self) -> int:
        return self.size

    def collection(self, name: str, key: str) -> Lists:
        """A collection; `InputError` that names the `key` of the configuration if it is none."""
        if name in self.lists:
            return self.lists[name]
        if any(number.startswith(f"{name}_") for number in self.numbers.fields):
            raise InputError(
                f"{key}: {name} has one entry in every event; of columns that are mapped, [column] "
                "makes a collection"
            )
        found: Lists = fields.lookup(self, name, key)  # which raises: there is none
        return found

    @property
    def fields(self) -> list[str]:
        """The names of collections and branches."""
        return [*self.lists, *self.numbers.fields]

    def choose(self, events: NDArray[np.bool_]) -> "Events":
        """Some of the events."""
        index = functools.cache(lambda: np.flatnonzero(events))
        lists = {name: found.choose(events) for name, found in self.lists.items()}
        size = int(np.count_nonzero(events))
        return Events(size, self.numbers.take(index), lists, self.optional)

    def replace(self, numbers: Table, lists: Mapping[str, Lists]) -> "Events":
        """The events with some branches and collections in place of those that they have."""
        replaced = self.numbers.replace(numbers)
        return Events(self.size, replaced, {**self.lists, **lists}, self.optional)

    @staticmethod
    def concatenate(parts: "Sequence[Events]") -> "Events":
        """Events one after the other; evaluated, and independent of where they come from."""
        lists = {
            name: Lists(
                np.concatenate([part.lists[name].counts for part in parts]),
                Table.concatenate([part.lists[name].flat for part in parts]),
            )
            for name in parts[0].lists
        }
        numbers = Table.concatenate([part.numbers for part in parts])
        return Events(sum(map(len, parts)), numbers, lists, parts[0].optional)
