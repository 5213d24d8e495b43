"""Training sets: events and their leading objects as compound arrays, in HDF5.

The dataset `events` (N,) has a field for each number of an event; that of a collection, (N, M), has
one for each number of an object, and `valid`: what is not valid is padding. `shapes/VARIATION/` has
both once more, of the same events in the same order. What atlas-ftag-tools and salt read.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from zenith import __version__
from zenith.artefacts.codec import Codec, Lines
from zenith.artefacts.writing import atomic, hdf5
from zenith.errors import InputError
from zenith.tables import pairs, table

EVENTS, VALID, SHAPES, SCORES = "events", "valid", "shapes", "scores"
CHUNK = 2**20  # bytes
DEFAULT_BLOCK = 4096  # rows, of a dataset without chunks

Rows = Mapping[str, NDArray[Any]]
"""Compound arrays by the name of their dataset, (n,) or (n, M), of the same n events."""


@dataclass(frozen=True)
class Layout:
    """One dataset: its fields, how many objects it has of each event, and what they mean."""

    dtype: np.dtype[Any]
    objects: int | None = None  # M; of events none
    units: Mapping[str, str] = field(default_factory=dict)
    descriptions: Mapping[str, str] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one row."""
        return () if self.objects is None else (self.objects,)

    @property
    def size(self) -> int:
        """Of one row in bytes."""
        return self.dtype.itemsize * (self.objects or 1)


@contextmanager
def training_set_writer(
    path: str | Path, layouts: Mapping[str, Layout], attributes: Mapping[str, Any]
) -> Iterator[Callable[[Rows], None]]:
    """Write a training set piece by piece: what is yielded adds rows to every dataset.

    All datasets have chunks of as many rows, of the largest about 1 MiB.
    """
    rows = max(1, CHUNK // max(layout.size for layout in layouts.values()))
    with atomic(path) as temporary, hdf5(temporary) as file:
        file.attrs.update({**attributes, "zenith": __version__})
        datasets = {}
        for name, layout in layouts.items():
            datasets[name] = file.create_dataset(
                name,
                (0, *layout.shape),
                layout.dtype,
                maxshape=(None, *layout.shape),
                chunks=(rows, *layout.shape),
                compression="lzf",
                rdcc_nbytes=4 * CHUNK,  # a chunk that is written in two pieces is compressed once
            )
            datasets[name].attrs["units"] = json.dumps(layout.units)
            datasets[name].attrs["descriptions"] = json.dumps(layout.descriptions)

        def add(found: Rows) -> None:
            for name, dataset in datasets.items():
                start = len(dataset)
                dataset.resize(start + len(found[name]), axis=0)
                dataset[start:] = found[name]

        yield add


class TrainingSet:
    """A training set that is open for reading.

    Attributes
    ----------
    path
        Of its file.
    size
        Number of events.
    layouts
        Of the datasets at the top, by name: `events` and the collections.
    attributes
        Of the file.
    """

    def __init__(self, path: str | Path, file: h5py.File, events: str = EVENTS) -> None:
        """Raises `InputError` without a compound array of events, and for other arrays beside."""
        self.path, self._file = str(path), file
        self.attributes: dict[str, Any] = dict(file.attrs)
        compound = {
            name: item
            for name, item in file.items()
            if isinstance(item, h5py.Dataset) and item.dtype.names and item.ndim <= 2
        }
        if events not in compound:
            raise InputError(
                f"{path}: there is no compound dataset {events!r} of one row an event, only "
                f"{', '.join(compound or file) or 'nothing'}; make the file with `zenith "
                "training_set`, or name the dataset (inputs.training_set.events)"
            )
        self.size = len(compound[events])
        self.layouts = {name: _layout(item) for name, item in compound.items()}
        for name, item in compound.items():
            if len(item) != self.size:
                raise InputError(
                    f"{path}: {name} has {len(item)} rows and {events} {self.size}: one is needed "
                    "for each event; make the file again"
                )

    def names(self, attribute: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """An attribute that is a list of names, also as one text with commas."""
        given = self.attributes.get(attribute)
        if given is None:
            return default
        listed = [n.decode() if isinstance(n, bytes) else str(n) for n in np.atleast_1d(given)]
        return tuple(name.strip() for text in listed for name in text.split(","))

    @property
    def variations(self) -> tuple[str, ...]:
        """The shape variations, whose datasets are `shapes/VARIATION/NAME`."""
        group = self._file.get(SHAPES)
        return tuple(group) if isinstance(group, h5py.Group) else ()

    def has(self, name: str) -> bool:
        """Whether there is a dataset of this name, also below the top."""
        return isinstance(self._file.get(name), h5py.Dataset)

    def copy(self, file: h5py.File, without: Collection[str]) -> None:
        """Copy all datasets and groups at the top but some."""
        for name in self._file:
            if name not in without:
                self._file.copy(name, file)

    def block(self, names: tuple[str, ...]) -> int:
        """The rows of a block that no chunk of these datasets is read twice for."""
        chunks = [self._file[name].chunks for name in names]
        return max([chunk[0] for chunk in chunks if chunk is not None], default=DEFAULT_BLOCK)

    def read(self, names: tuple[str, ...], start: int, stop: int) -> dict[str, NDArray[Any]]:
        """These datasets of the events from `start` to before `stop`; `InputError` if damaged."""
        try:
            return {name: self._file[name][start:stop] for name in names}
        except OSError as error:
            raise InputError(
                f"{self.path}: cannot be read ({error}); copy or make the file again"
            ) from None

    def blocks(self, names: tuple[str, ...], rows: int = 1) -> Iterator[dict[str, NDArray[Any]]]:
        """All events of these datasets, as many whole blocks at a time as have so many rows."""
        block = self.block(names)
        step = block * -(-rows // block)
        for start in range(0, self.size, step):
            yield self.read(names, start, min(start + step, self.size))


@contextmanager
def open_training_set(path: str | Path, events: str = EVENTS) -> Iterator[TrainingSet]:
    """Open a training set; `InputError` if it is missing or is something else."""
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise InputError(f"{path}: cannot be read as HDF5 ({error})") from None
    with file:
        yield TrainingSet(path, file, events)


@contextmanager
def with_scores(
    path: str | Path, source: TrainingSet, arrays: Mapping[str, NDArray[Any]], **attributes: Any
) -> Iterator[Callable[[str, NDArray[Any], tuple[str, ...]], None]]:
    """Write a copy of a training set with more datasets.

    `arrays` by name, and what is yielded writes one by name, with the names of its columns. They
    replace datasets of the same name.
    """
    with atomic(path) as temporary, hdf5(temporary) as file:
        file.attrs.update({**source.attributes, **attributes, "zenith": __version__})
        source.copy(file, arrays)
        for name, array in arrays.items():
            file.create_dataset(name, data=array)

        def add(place: str, array: NDArray[Any], names: tuple[str, ...]) -> None:
            if place in file:
                del file[place]
            dataset = file.create_dataset(place, data=array, compression="lzf")
            dataset.attrs["names"] = list(names)

        yield add


def _layout(dataset: h5py.Dataset) -> Layout:
    texts = [dataset.attrs.get(name, "{}") for name in ("units", "descriptions")]
    units, descriptions = (_mapping(text) for text in texts)
    objects = dataset.shape[1] if dataset.ndim == 2 else None
    return Layout(dataset.dtype, objects, units, descriptions)


def _mapping(text: Any) -> dict[str, str]:
    try:
        return dict(json.loads(text))
    except (TypeError, ValueError):  # of a file from elsewhere
        return {}


def _read(path: str | Path) -> str:
    with open_training_set(path):
        return str(path)


def _describe(path: str) -> Lines:
    """The attributes, and of every field its range over all events."""
    with open_training_set(path) as found:
        given = {k: v for k, v in found.attributes.items() if k != "configuration"}
        yield pairs(given | {"events": found.size})
        for name, layout in found.layouts.items():
            rows = [
                [part, layout.units.get(part, ""), layout.descriptions.get(part, ""), *ends]
                for part, ends in _ranges(found, name).items()
            ]
            objects = "" if layout.objects is None else f"; {layout.objects} objects of each event"
            yield f"{name}{objects}"
            yield table(["field", "unit", "description", "min", "mean", "max"], rows, left=3)


def _ranges(found: TrainingSet, name: str) -> dict[str, list[float | None]]:
    """Smallest, mean and largest value of each field, of objects that are valid."""
    fields = found.layouts[name].dtype.names or ()
    sums = {part: (np.inf, 0.0, -np.inf, 0) for part in fields}
    for rows in found.blocks((name,)):
        block = rows[name]
        real = block[block[VALID].astype(bool)] if VALID in fields else block
        for part in fields:
            values = (block if part == VALID else real)[part].astype(float)
            values = values[np.isfinite(values)]
            if values.size:
                low, total, high, count = sums[part]
                ends = min(low, values.min()), max(high, values.max())
                sums[part] = (ends[0], total + values.sum(), ends[1], count + values.size)
    return {
        part: [float(low), float(total / count), float(high)] if count else [None] * 3
        for part, (low, total, high, count) in sums.items()
    }


TRAINING_SET = Codec("training set", ".h5", lambda top: EVENTS in top, _read, _describe)
