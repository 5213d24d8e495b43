"""Columns: the flat events of one sample, one number per event and observable, in HDF5."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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


@dataclass
class Columns:
    """The flat events of one sample.

    Attributes
    ----------
    values
        Observable → float32, shape (events,).
    weight
        Expected number of events each stands for at the era's luminosity; 1 for data; float64.
    hash
        Of (run, luminosityBlock, event), uint64: what an event's fold follows from.
    weights
        `{systematic}_{up|down}` → the full event weight under that variation, float64.
    shapes
        `{systematic}_{up|down}` → the observables under that variation, as `values`.
    copies
        `t=1, j=-0.5`, a point in the space of the parameters of shifts → the observables there.
    units, descriptions
        By observable.
    attributes
        sample, process, era, sum_weights, … : whatever describes the whole sample.
    """

    values: dict[str, NDArray[np.float32]]
    weight: NDArray[np.float64]
    hash: NDArray[np.uint64]
    weights: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    shapes: dict[str, dict[str, NDArray[np.float32]]] = field(default_factory=dict)
    copies: dict[str, dict[str, NDArray[np.float32]]] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)


def write_columns(path: str | Path, columns: Columns) -> None:
    """Write HDF5: groups `values`, `weights`, `shapes/{variation}` and, where there are copies,
    `copies/{point}`; sets `weight`, `hash`.
    """
    with atomic(path) as temporary, hdf5(temporary) as file:
        file.attrs.update(columns.attributes | {"zenith": __version__})
        file.create_dataset("weight", data=columns.weight)
        file["weight"].attrs["description"] = "expected events at the luminosity of the era"
        file.create_dataset("hash", data=columns.hash)
        file["hash"].attrs["description"] = "of (run, luminosityBlock, event)"
        groups: dict[str, Mapping[str, NDArray[Any]]] = {
            "values": columns.values,
            "weights": columns.weights,
        }
        groups |= {f"shapes/{name}": values for name, values in columns.shapes.items()}
        groups |= {f"copies/{name}": values for name, values in columns.copies.items()}
        for group, arrays in groups.items():
            folder = file.create_group(group, track_order=True)
            for name, array in arrays.items():
                dataset = folder.create_dataset(name, data=array)
                if group != "weights":
                    dataset.attrs["unit"] = columns.units.get(name, "")
                    dataset.attrs["description"] = columns.descriptions.get(name, "")


def read_columns(path: str | Path, *, copies: bool = False) -> Columns:
    """Read what `write_columns` wrote, its copies only if they are asked for: they are many.

    Raises `InputError` if the file is missing or is something else.
    """

    def varied(groups: Any) -> dict[str, dict[str, NDArray[np.float32]]]:
        return {name: {key: data[:] for key, data in group.items()} for name, group in groups}

    try:
        with h5py.File(path, "r") as file:
            values = file["values"]
            return Columns(
                values={name: values[name][:] for name in values},
                weight=file["weight"][:],
                hash=file["hash"][:],
                weights={name: data[:] for name, data in file["weights"].items()},
                shapes=varied(file.get("shapes", {}).items()),
                copies=varied(file.get("copies", {}).items() if copies else ()),
                units={name: values[name].attrs["unit"] for name in values},
                descriptions={name: values[name].attrs["description"] for name in values},
                attributes=dict(file.attrs),
            )
    except (OSError, KeyError) as error:
        raise InputError(f"{path}: not a columns file ({error}); run `zenith columns`") from None


def describe(columns: Columns) -> Lines:
    """Observables and weights, each as a table."""
    yield pairs(columns.attributes | {"events": len(columns.weight)})
    rows = []
    for name, values in columns.values.items():
        finite = values[np.isfinite(values)].astype(float)
        numbers: list[Any] = [None] * 3
        if len(finite):
            numbers = [float(finite.min()), float(finite.mean()), float(finite.max())]
        rows.append([name, columns.units[name], columns.descriptions[name], *numbers])
    yield table(["observable", "unit", "description", "min", "mean", "max"], rows, left=3)
    weights = {"weight": columns.weight, **columns.weights}
    yield table(
        ["weight", "sum", "min", "max"],
        [
            [name, float(w.sum()), *([float(w.min()), float(w.max())] if len(w) else [None, None])]
            for name, w in weights.items()
        ],
    )
    if columns.shapes:
        yield "shape variations: " + ", ".join(columns.shapes)
    if columns.copies:
        yield f"copies: {len(columns.copies)}, at " + "; ".join(columns.copies)


COLUMNS = Codec(
    "columns",
    ".h5",
    lambda top: {"values", "weights", "weight", "hash"} <= top.keys(),
    lambda path: read_columns(path, copies=True),
    describe,
)
