"""Arrays by name, and attributes of the whole, in HDF5: histories, checkpoints, scored events."""

from collections.abc import Mapping
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

Arrays = tuple[dict[str, NDArray[Any]], dict[str, Any]]


def write_arrays(
    path: str | Path,
    arrays: Mapping[str, NDArray[Any]],
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Write arrays by name (`/` makes groups), and attributes of the whole, to HDF5."""
    with atomic(path) as temporary, hdf5(temporary) as file:
        file.attrs.update({**(attributes or {}), "zenith": __version__})
        for name, array in arrays.items():
            file.create_dataset(name, data=array)


def read_arrays(path: str | Path) -> Arrays:
    """The arrays and attributes that `write_arrays` wrote; `InputError` if it is no such file."""
    try:
        with h5py.File(path, "r") as file:
            arrays: dict[str, NDArray[Any]] = {}
            file.visititems(
                lambda name, item: (
                    arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
                )
            )
            return arrays, dict(file.attrs)
    except OSError as error:
        raise InputError(f"{path}: not an HDF5 file ({error})") from None


def describe(content: Arrays) -> Lines:
    """The attributes, and of every array its shape and range."""
    arrays, attributes = content
    if attributes:
        yield pairs(attributes)
    rows = []
    for name, array in arrays.items():
        known = array[np.isfinite(array)] if array.dtype.kind in "iuf" else array[:0]
        ends = [float(known.min()), float(known.max())] if known.size else [None, None]
        rows.append([name, " × ".join(map(str, array.shape)) or "1", str(array.dtype), *ends])
    yield table(["array", "shape", "type", "min", "max"], rows, left=3)


ARRAYS = Codec("arrays", ".h5", lambda top: True, read_arrays, describe)
