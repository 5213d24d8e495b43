"""Columns of text in tables: every text becomes its place among those that the column may hold."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from zenith.errors import InputError
from zenith.events.formats.protocol import Branch, Tree


class TableFile(Tree):
    """A table as it is in its file."""

    @abstractmethod
    def texts(self, name: str, start: int, stop: int) -> pa.Array:
        """A column as text, of the entries from start up to stop; null where there is none."""


class Labelled(Tree):
    """A table with whole numbers in place of some columns of text.

    Parameters
    ----------
    raw
        The table.
    labels
        Column → the texts that it may hold.

    Raises `InputError`, which names column and entry, for a text that is none of them.
    """

    def __init__(self, raw: TableFile, labels: Mapping[str, Sequence[str]]) -> None:
        self.path, self.entries = raw.path, raw.entries
        self._raw = raw
        self._labels = {name: labels[name] for name in labels if name in raw.branches}
        kind = np.dtype(np.int64)
        self.branches = {
            name: Branch("text", kind) if name in self._labels else branch
            for name, branch in raw.branches.items()
        }

    def read(self, names: Iterable[str], start: int = 0, stop: int | None = None) -> dict[str, Any]:
        wanted = list(names)
        stop = self.entries if stop is None else stop
        found = self._raw.read([n for n in wanted if n not in self._labels], start, stop)
        found |= {n: self._places(n, start, stop) for n in wanted if n in self._labels}
        return {name: found[name] for name in wanted}

    def ends(self, names: Iterable[str]) -> NDArray[np.int64]:
        return self._raw.ends(names)

    def _places(self, name: str, start: int, stop: int) -> ak.Array:
        texts, known = self._raw.texts(name, start, stop), self._labels[name]
        places = pc.index_in(texts, value_set=pa.array(known, texts.type))
        if places.null_count:
            entry = int(np.flatnonzero(places.is_null().to_numpy(zero_copy_only=False))[0])
            text = texts[entry].as_py()
            raise InputError(
                f"{self.path}: column {name} holds {'nothing' if text is None else repr(text)} in "
                f"entry {start + entry}, which format.labels.{name} does not name (it names "
                f"{', '.join(known)}); add it, or correct the file"
            )
        return ak.Array(places.to_numpy(zero_copy_only=False).astype(np.int64))
