"""Logits of a network that reads objects, of the events of all samples, in HDF5."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from zenith import __version__
from zenith.artefacts.codec import Codec, Lines
from zenith.artefacts.columns import Columns
from zenith.artefacts.writing import atomic, hdf5
from zenith.errors import InputError
from zenith.tables import flat, pairs, table


@dataclass
class SampleLogits:
    """Those of one sample, its events in the order of its columns.

    Attributes
    ----------
    hash
        As columns have it, uint64 (N,).
    values
        (outputs, N) float32.
    shapes
        The same under each shape variation.
    """

    hash: NDArray[np.uint64]
    values: NDArray[np.float32]
    shapes: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def is_of(self, columns: Columns) -> bool:
        """Whether columns have the same events in the same order, and no other variations."""
        same = np.array_equal(self.hash, columns.hash)
        return same and columns.shapes.keys() <= self.shapes.keys()


class Logits(NamedTuple):
    """The content of a file; `header` has what the file of the network says of it.

    And what the file `holds`: `logits`, or the `embedding` that the head of the network reads.
    """

    header: dict[str, Any]
    samples: dict[str, SampleLogits]


def write_logits(path: str | Path, logits: Logits) -> None:
    """Write HDF5: of each sample a group with `hash`, `logits` and `shapes/{variation}`."""
    with atomic(path) as temporary, hdf5(temporary) as file:
        file.attrs.update({"logits": json.dumps(logits.header), "zenith": __version__})
        for name, found in logits.samples.items():
            group = file.create_group(name, track_order=True)
            group.create_dataset("hash", data=found.hash)
            group.create_dataset("logits", data=found.values)
            for variation, values in found.shapes.items():
                group.create_dataset(f"shapes/{variation}", data=values)


def read_logits(path: str | Path, *, arrays: bool = True) -> Logits:
    """Read what `write_logits` wrote, or its header alone.

    Raises `InputError` if the file is missing or is something else.
    """
    try:
        with h5py.File(path, "r") as file:
            header = dict(json.loads(file.attrs["logits"]))
            samples = file.items() if arrays else ()
            return Logits(header, {name: _sample(group) for name, group in samples})
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: no logits of a network ({error}); run `zenith logits`") from None


def _sample(group: h5py.Group) -> SampleLogits:
    shapes: Mapping[str, Any] = group.get("shapes", {})
    varied = {name: values[:] for name, values in shapes.items()}
    return SampleLogits(group["hash"][:], group["logits"][:], varied)


def describe(content: Logits) -> Lines:
    """What is known of the network, and of each sample its events and its mean logits."""
    yield pairs(dict(flat(content.header)))
    rows = [
        [name, len(found.hash), ", ".join(f"{mean:.4g}" for mean in found.values.mean(axis=1))]
        for name, found in content.samples.items()
        if len(found.hash)
    ]
    yield table(["sample", "events", "mean"], rows, left=1)
    if varied := {name for found in content.samples.values() for name in found.shapes}:
        yield "shape variations: " + ", ".join(sorted(varied))


LOGITS = Codec("logits", ".h5", lambda top: "logits" in top, read_logits, describe)
