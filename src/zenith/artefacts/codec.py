"""What the steps, `zenith inspect` and `zenith diff` know in common of one kind of artefact."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from numpy.typing import NDArray

T = TypeVar("T")
Lines = Iterator[str]
Numbers = dict[str, NDArray[Any]]


class AnyCodec(Protocol):
    """What `zenith inspect` and `zenith diff` use of a codec, whatever its content."""

    @property
    def name(self) -> str:
        """What the files are called in messages."""

    @property
    def suffix(self) -> str:
        """Of the names of the files."""

    def holds(self, top: Mapping[str, Any]) -> bool:
        """Whether a file is of this kind, by its top level: the keys and values of a JSON object,
        names and attributes of HDF5, names and classes of ROOT."""

    def read(self, path: str | Path) -> Any:
        """The content of a file; `InputError` that names the file, what is wrong and the remedy."""

    def describe(self, content: Any) -> Lines:
        """The content as paragraphs and tables."""

    def numbers(self, content: Any) -> Numbers:
        """The content as named arrays, which can be compared; none if it is of no such kind."""


def _nothing(content: Any) -> Numbers:
    return {}


@dataclass(frozen=True)
class Codec(Generic[T]):
    """The codec of a binary format; the members are those of `AnyCodec`."""

    name: str
    suffix: str
    holds: Callable[[Mapping[str, Any]], bool]
    read: Callable[[str | Path], T]
    describe: Callable[[T], Lines]
    numbers: Callable[[T], Numbers] = _nothing
