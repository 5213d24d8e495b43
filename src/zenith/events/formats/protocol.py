"""What an input format is: it opens a file as events by branches, and tells what was generated.

Whatever is on disk, a skim sees NanoAOD's shape: branches by name, each of one number in every
event (`run`, `MET_pt`) or of a list of numbers, field of a collection (`pt` of `Muon`, called
`Muon_pt`). It writes what it keeps in this shape, so that later steps know one format only.

An input format is a subclass of `Format`, named in `zenith.config.formats.FORMATS` or by an entry
point of the group `zenith.formats` of another package.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from zenith.config import Analysis
from zenith.config.formats import FileFormat
from zenith.errors import ConfigError, InputError
from zenith.events.formats.arrays import Events
from zenith.events.formats.views import from_branches, split_name

IDENTITY = ("run", "luminosityBlock", "event")
WEIGHT = "genWeight"


class Format(FileFormat):
    """An input format: its keys in the configuration, and how a file of it is opened.

    Keys of its own have a `Field` with a description, and the mark `READ`.
    """

    @abstractmethod
    def open(
        self, path: str, *, simulation: bool, patient: bool = True
    ) -> AbstractContextManager["EventFile"]:
        """The events of one file, while the context lasts.

        Parameters
        ----------
        path
            A local path, or an http(s):// or root:// address.
        simulation
            Whether the events are simulated, and then have the weight `genWeight`.
        patient
            Whether a server that fails for a while is waited for.

        Raises `InputError` that names file, branch and remedy where the file is not as it should
        be, `ReadError` where it cannot be read.
        """


def format_of(analysis: Analysis, sample: str) -> Format:
    """The format of the files of a sample."""
    found = analysis.format_of(sample)
    if not isinstance(found, Format):
        raise ConfigError(f"format.type: {found.type!r} is no {Format.__module__}.Format")
    return found


@dataclass(frozen=True)
class EventFile:
    """An open file.

    Attributes
    ----------
    events
        The events. They have the integers of `IDENTITY`, from which parts of the events and
        random numbers are made, and `WEIGHT` where they are simulated.
    runs
        Gives sums over all events that were generated, in one entry or in one of each run: `run`,
        `genEventCount`, `genEventSumw` and `genEventSumw2`, as NanoAOD has them, NaN where one
        is not known; None where the file knows nothing of events that it does not hold.
    uuid
        What tells this file from others; "" if nothing does.
    """

    events: "Tree"
    runs: "Callable[[], Tree | None]" = lambda: None
    uuid: str = ""


@dataclass(frozen=True)
class Branch:
    """What a branch holds.

    Attributes
    ----------
    kind
        Its type, as the file calls it.
    numbers
        The type of its numbers; None if it holds neither a number nor a list of numbers.
    collection, field
        Whose list it is, and the name of its numbers there, "" if they are all there is. The
        collection is None for one number in each event.
    """

    kind: str
    numbers: np.dtype[Any] | None
    collection: str | None = None
    field: str = ""


class Tree(ABC):
    """The entries of a TTree, an RNTuple or a table.

    Attributes
    ----------
    path
        The file, for messages.
    entries
        How many there are.
    branches
        By name, in the order of the file, without the counters of lists.
    optional
        Whether NaN in a number of an event stands for one that the event lacks.
    """

    path: str
    entries: int
    branches: Mapping[str, Branch]
    optional: bool = False

    @abstractmethod
    def read(self, names: Iterable[str], start: int = 0, stop: int | None = None) -> dict[str, Any]:
        """Branches of the entries from start up to stop, as awkward arrays by name."""

    def ends(self, names: Iterable[str]) -> NDArray[np.int64]:
        """The entries at which reading these branches can stop without reading a block twice."""
        return np.array([0, self.entries])

    def described(self, name: str) -> str:
        """What a branch is in the file, for messages."""
        return f"branch {name}"

    def numbers(
        self, names: Iterable[str], start: int = 0, stop: int | None = None
    ) -> dict[str, NDArray[Any]]:
        """The same as `read` of branches of one number in each entry."""
        return {name: ak.to_numpy(a) for name, a in self.read(names, start, stop).items()}

    def events(self, arrays: Mapping[str, Any]) -> Events:
        """What `read` gave as numbers and collections.

        Raises `InputError` if the lists of a collection differ in length.
        """
        places = {
            name: (branch.collection, branch.field)
            for name, branch in self.branches.items()
            if branch.collection is not None
        }
        try:
            return from_branches(arrays, places, optional=self.optional)
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from None


class InMemory(Tree):
    """Arrays of one length by the name of their branch: numbers, or lists as awkward arrays.

    A list is of the collection that its name begins with, `Muon_pt` of `Muon`.
    """

    def __init__(self, path: str, arrays: Mapping[str, Any]) -> None:
        self.path = path
        self._arrays = {name: ak.Array(array) for name, array in arrays.items()}
        self.entries = len(next(iter(self._arrays.values()), ()))
        self.branches = {name: _branch(name, array) for name, array in self._arrays.items()}

    def read(self, names: Iterable[str], start: int = 0, stop: int | None = None) -> dict[str, Any]:
        return {name: self._arrays[name][start:stop] for name in names}


def _branch(name: str, array: ak.Array) -> Branch:
    kind = ak.type(array).content
    content = kind.content if array.ndim == 2 else kind
    plain = isinstance(content, ak.types.NumpyType) and not content.parameters
    numbers = np.dtype(content.primitive) if plain else None
    place = split_name(name) if array.ndim == 2 else (None, "")
    return Branch(str(kind), numbers, *place)
