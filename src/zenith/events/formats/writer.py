"""Writing NanoAOD: collections with their counters, the types declared before the first event."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import awkward as ak
import uproot

from zenith.events.formats.arrays import Events, Lists
from zenith.events.formats.views import flattened

COMPRESSIONS = {
    "lz4": uproot.LZ4(1),
    "zstd": uproot.ZSTD(1),
    "zlib": uproot.ZLIB(1),
    "lzma": uproot.LZMA(4),
    "none": None,
}
BATCH = 50_000  # events written at once: small baskets make large files


class Writer:
    """A NanoAOD file that grows by batches of events.

    Parameters
    ----------
    path
        The file to write.
    events
        Events with nested collections (`formats.views`), at best none: only their types
        are used. Lists become a collection with its counter, numbers become flat branches.
    compression
        One of `COMPRESSIONS`. The momenta of simulated events hardly compress: LZ4 sees that at
        once, where Zstandard takes a tenth off them and as long as all the rest of writing.
    """

    def __init__(
        self,
        path: Path,
        events: ak.Array | Events,
        compression: str = "lz4",
    ) -> None:
        self.events = 0
        self._waiting: list[Events] = []
        self._file = uproot.recreate(path, compression=COMPRESSIONS[compression])
        branches = _branches(flattened(events))
        types = {name: ak.type(array).content for name, array in branches.items()}
        self._tree = self._file.mktree("Events", types)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, events: ak.Array | Events) -> None:
        """Append events, with the fields of those that the file was opened with."""
        added = flattened(events)
        if not len(added):
            return
        self.events += len(added)
        if len(added) >= BATCH and not self._waiting:
            self._tree.extend(_branches(added))
            return
        # A copy, of what is added and not of all that it was chosen from.
        self._waiting.append(Events.concatenate([added]))
        if sum(map(len, self._waiting)) >= BATCH:
            self._write()

    def finish(self, runs: dict[str, Any]) -> None:
        """Write the events that still wait, and the tree Runs."""
        self._write()
        types = {name: ak.type(ak.Array(array)).content for name, array in runs.items()}
        tree = self._file.mktree("Runs", types)
        if len(runs["run"]):
            tree.extend(runs)

    def _write(self) -> None:
        if self._waiting:
            self._tree.extend(_branches(Events.concatenate(self._waiting)))
        self._waiting = []


def _branches(events: Events) -> dict[str, Any]:
    """What uproot writes: numbers as they are, collections as lists of records."""
    numbers = {name: events.numbers[name] for name in events.numbers.fields}
    return numbers | {name: _lists(lists) for name, lists in events.lists.items()}


def _lists(lists: Lists) -> ak.Array:
    names = lists.flat.fields
    contents = [ak.contents.NumpyArray(lists.flat[name]) for name in names]
    content = contents[0] if names == [""] else ak.contents.RecordArray(contents, names)
    return ak.Array(ak.contents.ListOffsetArray(ak.index.Index64(lists.offsets), content))
