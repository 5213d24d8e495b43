"""Files of tables: Parquet, CSV and HDF5; a column holds numbers, or lists of numbers.

A null among numbers becomes NaN, and whole numbers with nulls become floating-point numbers.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from zenith.errors import InputError, ReadError
from zenith.events.formats.column import Column
from zenith.events.formats.labels import TableFile
from zenith.events.formats.protocol import Branch

T = TypeVar("T")


@contextmanager
def parquet(path: str, table: str) -> Iterator[TableFile]:
    """A Parquet file, read by row groups."""
    with _reading(path, lambda: pq.ParquetFile(path)) as file:
        yield _Parquet(path, file)


@contextmanager
def csv(path: str, table: str) -> Iterator[TableFile]:
    """A CSV file with a line of names, plain or .gz; it is read at once."""
    found = _reading(path, lambda: pyarrow.csv.read_csv(path))
    yield _Table(path, found.rename_columns([name.strip() for name in found.column_names]))


@contextmanager
def hdf5(path: str, table: str) -> Iterator[TableFile]:
    """An HDF5 file: the data sets of the group `table`, and the fields of those that have some, or
    the fields of the data set `table`.
    """
    with _reading(path, lambda: h5py.File(path, "r")) as file:
        found = file.get(table)
        if found is None or (isinstance(found, h5py.Dataset) and not found.dtype.names):
            names: list[str] = []
            file.visit(names.append)
            raise InputError(
                f"{path}: format.table: {table} is neither a group nor a data set with named "
                f"fields (there is {', '.join(names[:20]) or 'nothing'})"
            )
        yield _HDF5(path, found)


def _reading(path: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise ReadError(
            f"{path}: cannot be read; it may be cut short or of another format, copy it again "
            f"({reason})"
        ) from error


class _Arrow(TableFile, ABC):
    """A table of Apache Arrow."""

    @abstractmethod
    def _rows(self, names: list[str], start: int, stop: int) -> pa.Table: ...

    def read(self, names: Iterable[str], start: int = 0, stop: int | None = None) -> dict[str, Any]:
        wanted = list(names)
        rows = self._rows(wanted, start, self.entries if stop is None else stop)
        return {name: self._array(name, rows[name]) for name in wanted}

    def texts(self, name: str, start: int, stop: int) -> pa.Array:
        column = self._rows([name], start, stop)[name].combine_chunks()
        return _reading(self.path, lambda: column.cast(pa.string()))

    def _set(self, path: str, entries: int, schema: pa.Schema, nulls: Mapping[str, bool]) -> None:
        self.path, self.entries = path, entries
        self.branches = {field.name: _branch(field, nulls[field.name]) for field in schema}

    def _array(self, name: str, column: pa.ChunkedArray) -> Any:
        branch = self.branches[name]
        counts = None
        if branch.collection is not None:
            column = column.combine_chunks()
            counts = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
            column = pa.chunked_array([pc.list_flatten(column)])
        values = column.to_numpy()
        if column.null_count and branch.numbers is not None and branch.numbers.kind != "f":
            raise InputError(
                f"{self.path}: column {name} has nulls among its {branch.kind}; fill them"
            )
        return Column(values.astype(branch.numbers, copy=False), counts).awkward


def _branch(field: pa.Field, nulls: bool) -> Branch:
    kind, collection = field.type, None
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        kind, collection, nulls = kind.value_type, field.name, False
    numbers = None
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        numbers = np.dtype(kind.to_pandas_dtype())
        if nulls and numbers.kind in "iu":
            numbers = np.dtype(np.float64)
    return Branch(str(field.type), numbers, collection)


class _Table(_Arrow):
    """A table in memory."""

    def __init__(self, path: str, table: pa.Table) -> None:
        self._table = table
        nulls = {name: table[name].null_count > 0 for name in table.column_names}
        self._set(path, table.num_rows, table.schema, nulls)

    def _rows(self, names: list[str], start: int, stop: int) -> pa.Table:
        return self._table.select(names).slice(start, stop - start)


class _Parquet(_Arrow):
    """A Parquet file; the row group that was read last is kept."""

    def __init__(self, path: str, file: pq.ParquetFile) -> None:
        self._file = file
        groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
        self._ends = np.cumsum([0, *(group.num_rows for group in groups)])
        nulls: dict[str, bool] = {}
        for group in groups:
            for i in range(group.num_columns):
                column = group.column(i)
                name = column.path_in_schema
                known = column.is_stats_set and column.statistics.has_null_count
                nulls[name] = (
                    nulls.get(name, False) or not known or (column.statistics.null_count > 0)
                )
        schema = file.schema_arrow
        self._set(
            path, file.metadata.num_rows, schema, {n: nulls.get(n, True) for n in schema.names}
        )
        self._group = -1
        self._kept: dict[str, pa.ChunkedArray] = {}

    def _rows(self, names: list[str], start: int, stop: int) -> pa.Table:
        parts = []
        if not names:
            return self._file.schema_arrow.empty_table().select([])
        for group in range(len(self._ends) - 1):
            low, high = max(start, self._ends[group]), min(stop, self._ends[group + 1])
            if low < high:
                part = self._read(group, names)
                parts.append(part.slice(low - self._ends[group], high - low))
        if not parts:
            return self._file.schema_arrow.empty_table().select(names)
        return pa.concat_tables(parts)

    def ends(self, names: Iterable[str]) -> NDArray[np.int64]:
        return self._ends

    def _read(self, group: int, names: list[str]) -> pa.Table:
        if group != self._group:
            self._group, self._kept = group, {}
        if new := [name for name in names if name not in self._kept]:
            table = _reading(self.path, lambda: self._file.read_row_group(group, columns=new))
            self._kept |= {name: table[name] for name in new}
        return pa.table({name: self._kept[name] for name in names})


class _HDF5(TableFile):
    """Data sets, by their names or those of their fields, `jets.pt`; rows of a matrix are lists."""

    def __init__(self, path: str, found: h5py.Group | h5py.Dataset) -> None:
        self.path = path
        if isinstance(found, h5py.Dataset):
            self._columns = {field: (found, field) for field in found.dtype.names}
        else:
            sets = {name: s for name, s in found.items() if isinstance(s, h5py.Dataset) and s.shape}
            self._columns = {
                f"{name}.{field}" if field else name: (one, field)
                for name, one in sets.items()
                for field in one.dtype.names or ("",)
            }
        self.entries = max((len(one) for one, _ in self._columns.values()), default=0)
        self.branches = {n: self._branch(n, one, f) for n, (one, f) in self._columns.items()}

    def read(self, names: Iterable[str], start: int = 0, stop: int | None = None) -> dict[str, Any]:
        wanted = {name: self._columns[name] for name in names}
        fields: dict[h5py.Dataset, list[str]] = {}
        for one, field in wanted.values():
            fields.setdefault(one, []).append(field)

        def rows(one: h5py.Dataset) -> NDArray[Any]:
            named = [field for field in fields[one] if field]
            return np.asarray(one.fields(named)[start:stop] if named else one[start:stop])

        found = _reading(self.path, lambda: {one: rows(one) for one in fields})
        return {
            name: _as_lists(found[one][field] if field else found[one])
            for name, (one, field) in wanted.items()
        }

    def texts(self, name: str, start: int, stop: int) -> pa.Array:
        one, field = self._columns[name]
        rows = _reading(self.path, lambda: one[start:stop])
        found = rows[field] if field else rows
        texts = [t.decode() if isinstance(t, bytes) else str(t) for t in found]
        return pa.array(texts, pa.string())

    def _branch(self, name: str, one: h5py.Dataset, field: str) -> Branch:
        kind = one.dtype[field] if field else one.dtype
        if len(one) != self.entries:
            return Branch(f"of {len(one)} rows where others have {self.entries}", None)
        return _of_numpy(name, kind.base, (*one.shape, *kind.shape))


def _of_numpy(name: str, kind: np.dtype[Any], shape: tuple[int, ...]) -> Branch:
    plain = kind.kind in "biuf" and len(shape) < 3
    collection = name if len(shape) == 2 else None
    return Branch(f"{kind} of shape {shape}", kind.newbyteorder("=") if plain else None, collection)


def _as_lists(array: NDArray[Any]) -> Any:
    array = np.asarray(array, array.dtype.newbyteorder("="))
    if array.ndim == 1:
        return Column(array).awkward
    return Column(array.ravel(), np.full(len(array), array.shape[1])).awkward
