"""Columns of any names as events in NanoAOD's shape, by the map that a configuration gives.

What stands for a missing value becomes NaN. An object whose `valid` is false is left out, and where
values may be missing one without a pt: padded lists, and columns for a fixed number of objects,
become lists of those that there are.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.errors import InputError
from zenith.events.formats.column import Column, mass_of
from zenith.events.formats.mapping import Map, Product
from zenith.events.formats.protocol import IDENTITY, WEIGHT, Branch, Tree

_ENTRY = re.compile(r"(.+)\[(\d+)\]")


class Columns(dict[str, Column]):
    """Columns by name, and entries of lists, `weights[0]`."""

    def __missing__(self, name: str) -> Column:
        match = _ENTRY.fullmatch(name)
        if match is None:
            raise KeyError(name)
        return self[match[1]].entry(int(match[2]))


@dataclass(frozen=True)
class _Value:
    """A product of columns, or several side by side; `key` is its place in the configuration."""

    key: str
    products: tuple[Product, ...]
    several: bool = False
    one: bool = False  # number in each event, not lists

    @classmethod
    def of(cls, key: str, text: str | Sequence[str], one: bool = False) -> "_Value":
        if isinstance(text, str):
            return cls(key, (Product.of(text),), one=one)
        return cls(key, tuple(map(Product.of, text)), several=True, one=True)

    @property
    def columns(self) -> list[str]:
        return [name for product in self.products for name in product.names]

    def evaluate(self, columns: Columns, like: Column, events: Column) -> Column:
        """`like` has the shape of a constant, `events` one number in each event."""
        shape = events if self.several else like
        try:
            found = [Column.product(product, columns, shape) for product in self.products]
        except ValueError as error:
            raise InputError(f"{self.key}: {' * '.join(self.columns)}: {error}") from None
        return Column.side_by_side(found) if self.several else found[0]


class _Object:
    """An object, or a collection of them: its fields, evaluated together."""

    def __init__(
        self, name: str, fields: Mapping[str, str | Sequence[str]], optional: bool
    ) -> None:
        self.name = name
        self._values = {f: _Value.of(f"format.objects.{name}.{f}", t) for f, t in fields.items()}
        has_mass = "mass" in fields or "energy" not in fields
        self.fields = [f for f in fields if f not in ("energy", "valid")]
        self.fields += [] if has_mass else ["mass"]
        varies = [f for f, value in self._values.items() if value.columns]
        # The field that says how many there are, and which of them are missing.
        self._first = next((f for f in ("pt", *varies) if f in varies), None)
        self._optional = optional

    @property
    def values(self) -> Iterable[_Value]:
        return self._values.values()

    def columns(self, fields: Iterable[str]) -> list[str]:
        needed = dict.fromkeys(f for field in fields for f in self._parts(field))
        return [name for field in needed for name in self._values[field].columns]

    def evaluate(
        self, fields: Iterable[str], columns: Columns, events: Column
    ) -> dict[str, Column]:
        like = events
        if self._first is not None:
            like = self._values[self._first].evaluate(columns, events, events)
        found = {field: self._field(field, columns, like, events) for field in fields}
        kept = ~np.isnan(like.values) if self._optional else np.ones(len(like.values), bool)
        if "valid" in self._values:
            kept &= self._field("valid", columns, like, events).values == 1
        if like.counts is None or kept.all():
            return found
        return {field: column.choose(kept) for field, column in found.items()}

    def _parts(self, field: str) -> list[str]:
        own = [field] if field in self._values else ["pt", "eta", "energy"]
        of_all = [field for field in (self._first, "valid") if field in self._values]
        return [*map(str, of_all), *own]

    def _field(self, field: str, columns: Columns, like: Column, events: Column) -> Column:
        if field not in self._values:
            parts = ("pt", "eta", "energy")
            return mass_of(*(self._field(f, columns, like, events) for f in parts))
        value = self._values[field]
        found = value.evaluate(columns, like, events)
        if not found.same_shape(like):
            raise InputError(
                f"{value.key}: {' and '.join(value.columns)} has other lists in its events than "
                f"{self._values[str(self._first)].columns[0]} of {self.name}, or none"
            )
        return found


class Mapped(Tree):
    """The entries of a tree or a table, by the names that a map gives to its columns.

    Parameters
    ----------
    raw
        The tree or table, by its own names.
    settings
        The map.
    simulation
        Whether the events are simulated: then they have a weight and `simulation_fields`.

    Raises
    ------
    InputError
        A column is missing, or holds neither numbers nor lists of numbers; the fields of an object
        are numbers and lists.
    """

    def __init__(self, raw: Tree, settings: Map, *, simulation: bool) -> None:
        self.path, self.entries, self.optional = raw.path, raw.entries, settings.optional
        self._raw, self._missing = raw, settings.missing
        self._singles = dict(_singles(settings, simulation))
        self._objects = {
            name: _Object(name, fields, settings.optional)
            for name, fields in settings.objects.items()
        }
        self._places = {f"{o.name}_{f}": (o, f) for o in self._objects.values() for f in o.fields}
        for value in self._singles.values():
            self._check(value)
        for one in self._objects.values():
            for value in one.values:
                self._check(value)

    @cached_property
    def branches(self) -> Mapping[str, Branch]:  # type: ignore[override]
        names = [*self._singles, *self._places]
        raw = {name: self._raw.branches[name] for name in self._columns(names)}
        none = Columns(
            {
                name: Column(
                    np.empty(0, branch.numbers),
                    None if branch.collection is None else np.empty(0, np.int64),
                )
                for name, branch in raw.items()
            }
        )
        evaluated = self._evaluate(names, none, 0, 0)
        return {name: self._branch(name, evaluated[name]) for name in names}

    def _branch(self, name: str, column: Column) -> Branch:
        kind = column.values.dtype
        if column.counts is None:
            return Branch(str(kind), kind)
        one, field = self._places.get(name, (None, ""))
        return Branch(str(kind), kind, one.name if one else name, field)

    def read(self, names: Iterable[str], start: int = 0, stop: int | None = None) -> dict[str, Any]:
        wanted = list(names)
        stop = self.entries if stop is None else stop
        raw = self._raw.read(self._columns(wanted), start, stop)
        columns = Columns({name: Column.of(array) for name, array in raw.items()})
        found = self._evaluate(wanted, columns, start, stop)
        return {name: found[name].awkward for name in wanted}

    def described(self, name: str) -> str:
        if name in self._places:
            one, field = self._places[name]
            return f"format.objects.{one.name}.{field}"
        if name not in self._singles:
            return super().described(name)
        value = self._singles[name]
        columns = f" ({' and '.join(value.columns)})" if value.columns else ""
        return f"{value.key}{columns}"

    def ends(self, names: Iterable[str]) -> NDArray[np.int64]:
        return self._raw.ends(self._columns(names))

    def _columns(self, names: Iterable[str]) -> list[str]:
        """The columns of the file that names are made of."""
        columns: list[str] = []
        for name in names:
            if name in self._places:
                one, field = self._places[name]
                columns += one.columns([field])
            else:
                columns += self._singles[name].columns
        return list(dict.fromkeys(self._entry(column)[0] for column in columns))

    def _entry(self, name: str) -> tuple[str, bool]:
        """A column of the file, and whether one entry of its lists is meant."""
        match = None if name in self._raw.branches else _ENTRY.fullmatch(name)
        return (name, False) if match is None else (match[1], True)

    def _evaluate(
        self, names: Iterable[str], columns: Columns, start: int, stop: int
    ) -> dict[str, Column]:
        like = Column(np.arange(start, stop))
        given = Columns({n: column.with_nan(self._missing) for n, column in columns.items()})
        found: dict[str, Column] = {}
        fields: dict[str, list[str]] = {}
        try:
            for name in names:
                if name in IDENTITY:
                    found[name] = self._whole(self._singles[name], columns, like)
                elif name in self._singles:
                    found[name] = self._singles[name].evaluate(given, like, like)
                else:
                    one, field = self._places[name]
                    fields.setdefault(one.name, []).append(field)
            for name, wanted in fields.items():
                evaluated = self._objects[name].evaluate(wanted, given, like)
                found |= {f"{name}_{field}": column for field, column in evaluated.items()}
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from None
        return found

    def _whole(self, value: _Value, columns: Columns, like: Column) -> Column:
        """Run, luminosity section or event, as whole numbers."""
        if not value.products:  # the place in the file
            return like
        found = value.evaluate(columns, like, like)
        if found.values.dtype.kind in "iu":
            return found
        numbers = found.values.astype(np.float64)
        wrong = np.flatnonzero(~(np.isfinite(numbers) & (np.rint(numbers) == numbers)))
        if len(wrong):
            raise InputError(
                f"{value.key}: {' * '.join(value.columns)} is {numbers[wrong[0]]:g} in entry "
                f"{like.values[wrong[0]]}, not a whole number; name another column"
            )
        return Column(numbers.astype(np.int64))

    def _check(self, value: _Value) -> None:
        for name, entry in map(self._entry, value.columns):
            branch = self._raw.branches.get(name)
            if branch is None:
                close = difflib.get_close_matches(name, self._raw.branches, n=5, cutoff=0.5)
                there_is = ", ".join(close or list(self._raw.branches)[:20]) or "nothing"
                raise InputError(
                    f"{self.path}: there is no column {name}, which {value.key} names (there is "
                    f"{there_is}); correct the map, or take another file"
                )
            if branch.numbers is None:
                raise InputError(
                    f"{self.path}: column {name}, which {value.key} names, is {branch.kind}, not "
                    "a number or a list of numbers; name another"
                )
            if entry and branch.collection is None:
                raise InputError(
                    f"{self.path}: column {name}, of which {value.key} names an entry, holds one "
                    "number in each event; name it alone"
                )
            if value.one and branch.collection is not None and not entry:
                raise InputError(
                    f"{self.path}: column {name}, which {value.key} names, holds lists, not one "
                    f"number in each event; name one entry, {name}[0], or another column"
                )


def _singles(settings: Map, simulation: bool) -> Iterator[tuple[str, _Value]]:
    """What is not a field of an object, by the name that it has for skims."""
    keys = ("run", "luminosity_block", "event")
    for name, key in zip(IDENTITY, keys, strict=True):
        text = getattr(settings, key)
        yield name, _Value.of(f"format.{key}", () if text is None else text, one=True)
    if simulation:
        yield WEIGHT, _Value.of("format.weight", settings.weight, one=True)
    for key in ("fields", "simulation_fields")[: 2 if simulation else 1]:
        for name, text in getattr(settings, key).items():
            yield name, _Value.of(f"format.{key}.{name}", text)
