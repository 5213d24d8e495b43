"""Tables, Parquet, CSV and HDF5, by a map of their columns to objects and fields."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from zenith.config.formats import MASKED, READ
from zenith.errors import InputError, ReadError
from zenith.events.formats.mapped import Mapped
from zenith.events.formats.mapping import Map
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

    @property
    def optional(self) -> bool:
        """Always: NaN and nulls are how tables say so."""
        return True

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
            events = Mapped(table, self, simulation=simulation)
            yield EventFile(events, uuid=_hash(path))


def _hash(path: str) -> str:
    """A hash of the size of a file and of its first mebibyte."""
    with Path(path).open("rb") as file:
        digest = hashlib.sha256(file.read(2**20))
    digest.update(str(os.path.getsize(path)).encode())
    return digest.hexdigest()[:32]
