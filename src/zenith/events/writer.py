"""Writing NanoAOD: collections with their counters, the types declared before the first event."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import awkward as ak
import uproot

ZSTD = uproot.ZSTD(1)
BATCH = 50_000  # events written at once: small baskets make large files


class Writer:
    """A NanoAOD file that grows by batches of events.

    Parameters
    ----------
    path
        The file to write.
    events
        Events with nested collections (`zenith.events.nanoaod`), at best none: only their types
        are used. Lists become a collection with its counter, numbers become flat branches.
    compression
        Zstandard by default: as small as ROOT's zlib, and four times quicker to write.
    """

    def __init__(
        self, path: Path, events: ak.Array, compression: uproot.compression.Compression = ZSTD
    ) -> None:
        # A record of numbers (MET) only repeats branches (MET_pt) that are there as well.
        self._names = [n for n in events.fields if events[n].ndim > 1 or not events[n].fields]
        self.events = 0
        self._waiting: list[ak.Array] = []
        self._file = uproot.recreate(path, compression=compression)
        types = {name: ak.type(part).content for name, part in self._parts(events).items()}
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

    def add(self, events: ak.Array) -> None:
        """Append events, with the fields of those that the file was opened with."""
        if not len(events):
            return
        self.events += len(events)
        events = ak.to_packed(events[self._names])
        if sum(map(len, self._waiting)) + len(events) >= BATCH:
            self._write(*self._waiting, events)
        else:
            # A copy: packed arrays may be views, which would keep what they are chosen from.
            self._waiting.append(ak.copy(events))

    def finish(self, runs: dict[str, Any]) -> None:
        """Write the events that still wait, and the tree Runs."""
        self._write(*self._waiting)
        tree = self._file.mktree("Runs", {name: array.dtype for name, array in runs.items()})
        if len(runs["run"]):
            tree.extend(runs)

    def _write(self, *batches: ak.Array) -> None:
        if batches:
            events = ak.concatenate(batches) if len(batches) > 1 else batches[0]
            self._tree.extend(self._parts(events))
        self._waiting = []

    def _parts(self, events: ak.Array) -> dict[str, ak.Array]:
        return {name: ak.without_parameters(events[name]) for name in self._names}
