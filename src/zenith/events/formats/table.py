"""Tables, Parquet, CSV and HDF5, by a map of their columns to objects and fields."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from zenith.config.event_cut import EventCut
from zenith.config.formats import MASKED, READ
from zenith.config.selection import ObjectCut
from zenith.errors import InputError, ReadError
from zenith.events.formats.labels import Labelled
from zenith.events.formats.mapped import Mapped
from zenith.events.formats.mapping import Map, Product
from zenith.events.formats.protocol import EventFile
from zenith.events.formats.table_files import csv, hdf5, parquet

KINDS = {
    ".parquet": parquet,
    ".pq": parquet,
    ".csv": csv,
    ".csv.gz": csv,
    ".h5": hdf5,
    ".hdf5": hdf5,
}


class TableFormat(Map):
    """A table, by a map of its columns: Parquet, CSV or HDF5, as the name of the file ends."""

    type: Annotated[Literal["table"], Field(description="type of format"), MASKED]
    table: Annotated[
        str,
        Field(
            description="group of an HDF5 file whose data sets are the columns, or data set whose "
            "fields are"
        ),
        READ,
    ] = "/"

    labels: Annotated[
        dict[str, Annotated[tuple[str, ...], Field(min_length=1)]],
        Field(
            description="columns of text, each with all texts that it holds; events then have the "
            "place of theirs, from 0, and `select` of a sample may name it, `process == ttbar`"
        ),
        READ,
    ] = {}

    @property
    def optional(self) -> bool:
        """Always: NaN and nulls are how tables say so."""
        return True

    def recognises(self, path: str) -> bool:
        """Whether the name ends as those of tables do."""
        return path.lower().endswith(tuple(KINDS))

    def numbered(self, cut: EventCut, key: str) -> ObjectCut:
        """The cut with the place of a text among `labels`. Raises ValueError where it has none."""
        if cut.label is None:
            return cut
        column = Product.of({**self.simulation_fields, **self.fields}.get(cut.field, cut.field))
        texts = self.labels.get(column.names[0], ()) if column.names else ()
        if cut.label not in texts:
            raise ValueError(
                f"{key}: format.labels has no text {cut.label!r} of {cut.field} (it has "
                f"{', '.join(texts) or 'none'}); correct it, or list the texts of the column there"
            )
        return ObjectCut(field=cut.field, operator=cut.operator, value=texts.index(cut.label))

    @contextmanager
    def open(self, path: str, *, simulation: bool, patient: bool = True) -> Iterator[EventFile]:
        kind = next((k for suffix, k in KINDS.items() if path.lower().endswith(suffix)), None)
        if kind is None:
            raise InputError(
                f"{path}: the name of a table ends with {', '.join(KINDS)}; rename it, or give "
                "another format.type"
            )
        if "://" in path:
            raise ReadError(f"{path}: a table is read from a local file; download it")
        if not os.path.exists(path):
            raise ReadError(f"{path}: there is no such file; check the path")
        with kind(path, self.table) as table:
            labelled = Labelled(table, self.labels)
            events = Mapped(labelled, self, simulation=simulation)
            yield EventFile(events, uuid=_hash(path))


def _hash(path: str) -> str:
    """A hash of the size of a file and of its first mebibyte."""
    with Path(path).open("rb") as file:
        digest = hashlib.sha256(file.read(2**20))
    digest.update(str(os.path.getsize(path)).encode())
    return digest.hexdigest()[:32]
