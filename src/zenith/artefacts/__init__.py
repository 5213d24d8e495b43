"""The files between the steps: the only place where artefacts are read and written.

Every write is atomic: a temporary file in the same folder, renamed when it is complete, so that
an interrupted step leaves nothing that a later one could take for a result. No file is a pickle.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from zenith import __version__
from zenith.artefacts.writing import atomic, hdf5
from zenith.errors import InputError

PARTS = ("train", "optimise", "validate", "test")


def file_hash(path: str | Path) -> str:
    """SHA-256 of a file's bytes, the first 16 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def data_hash(data: Any) -> str:
    """SHA-256 of data that JSON can say, whatever the order of its keys; 16 digits."""
    text = json.dumps(data, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if hasattr(value, "__array__"):
        return np.asarray(value).tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def write_json(
    path: str | Path,
    content: Mapping[str, Any],
    *,
    inputs: Iterable[str | Path] = (),
    config: Any = None,
) -> None:
    """Write JSON with its provenance: version, hashes of the inputs and of the configuration.

    Inputs are named by their paths from the folder of the file that is written.
    Raises ValueError if a number is NaN or infinite: JSON has no such numbers.
    """
    provenance = {
        "zenith": __version__,
        "inputs": {os.path.relpath(p, Path(path).parent): file_hash(p) for p in inputs},
        "config": data_hash(config),
    }
    text = json.dumps(
        {**content, "provenance": provenance}, indent=2, default=_plain, allow_nan=False
    )
    write_text(path, text + "\n")


def write_text(path: str | Path, text: str) -> None:
    """Write a text file."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; ValueError if it has a key twice, of which json would lose one."""
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"an object has the key '{twice}' twice")
    return content


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON object; `InputError` if the file is missing or not one, or has a key twice."""
    try:
        content = json.loads(
            Path(path).read_text(encoding="utf-8-sig"), object_pairs_hook=unique_keys
        )
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid JSON ({error})") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: the file must hold a JSON object")
    return content


@dataclass
class Columns:
    """The flat events of one sample.

    Attributes
    ----------
    values
        Observable → float32, shape (events,).
    weight
        Expected number of events each stands for at the era's luminosity; 1 for data; float64.
    split
        Index into `PARTS`, uint8. Data are all in `test`.
    weights
        `{systematic}_{up|down}` → the full event weight under that variation, float64.
    shapes
        `{systematic}_{up|down}` → the observables under that variation, as `values`.
    units, descriptions
        By observable.
    attributes
        sample, process, era, sum_weights, … : whatever describes the whole sample.
    """

    values: dict[str, NDArray[np.float32]]
    weight: NDArray[np.float64]
    split: NDArray[np.uint8]
    weights: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    shapes: dict[str, dict[str, NDArray[np.float32]]] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)


def write_columns(path: str | Path, columns: Columns) -> None:
    """Write HDF5: groups `values`, `weights` and `shapes/{variation}`, sets `weight`, `split`."""
    with atomic(path) as temporary, hdf5(temporary) as file:
        file.attrs.update(columns.attributes | {"zenith": __version__})
        file.create_dataset("weight", data=columns.weight)
        file["weight"].attrs["description"] = "expected events at the luminosity of the era"
        file.create_dataset("split", data=columns.split)
        file["split"].attrs["parts"] = list(PARTS)
        groups: dict[str, Mapping[str, NDArray[Any]]] = {
            "values": columns.values,
            "weights": columns.weights,
        }
        groups |= {f"shapes/{name}": values for name, values in columns.shapes.items()}
        for group, arrays in groups.items():
            folder = file.create_group(group, track_order=True)
            for name, array in arrays.items():
                dataset = folder.create_dataset(name, data=array)
                if group != "weights":
                    dataset.attrs["unit"] = columns.units.get(name, "")
                    dataset.attrs["description"] = columns.descriptions.get(name, "")


def read_columns(path: str | Path) -> Columns:
    """Read what `write_columns` wrote; `InputError` if the file is missing or is something else."""
    try:
        with h5py.File(path, "r") as file:
            values = file["values"]
            return Columns(
                values={name: values[name][:] for name in values},
                weight=file["weight"][:],
                split=file["split"][:],
                weights={name: data[:] for name, data in file["weights"].items()},
                shapes={
                    variation: {name: data[:] for name, data in group.items()}
                    for variation, group in file.get("shapes", {}).items()
                },
                units={name: values[name].attrs["unit"] for name in values},
                descriptions={name: values[name].attrs["description"] for name in values},
                attributes=dict(file.attrs),
            )
    except (OSError, KeyError) as error:
        raise InputError(f"{path}: not a columns file ({error}); run `zenith columns`") from None


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


def read_arrays(path: str | Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
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


def write_histograms(path: str | Path, histograms: Mapping[str, Any]) -> None:
    """Write `hist.Hist` objects (weighted storage) to a ROOT file under names like `a/b/c`."""
    import uproot

    with atomic(path) as temporary, uproot.recreate(temporary) as file:
        for name, histogram in histograms.items():
            file[name] = histogram


def read_histograms(path: str | Path) -> dict[str, Any]:
    """The histograms of a ROOT file as `hist.Hist`, by their full names without the cycle."""
    import uproot

    try:
        with uproot.open(path) as file:
            names = file.keys(filter_classname="TH1*", cycle=False)
            return {name: file[name].to_hist() for name in names}
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a ROOT file ({error})") from None
