"""Arrays by name with a header that says what they mean, in safetensors: trained networks."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts.codec import Codec, Lines
from zenith.artefacts.writing import atomic
from zenith.errors import InputError
from zenith.tables import flat, pairs, table

_KEY = "zenith"  # one key of the header: the order of several would differ from run to run


class Tensors(NamedTuple):
    """The content of a file."""

    header: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


def write_tensors(
    path: str | Path, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Write arrays, and a header that JSON can say; equal content gives equal files.

    The keys of the header keep their order: collections of objects are read in that of their names.
    """
    from safetensors.numpy import save

    content = save(
        {name: np.asarray(array, order="C") for name, array in arrays.items()},
        {_KEY: json.dumps(header)},
    )
    with atomic(path) as temporary:
        temporary.write_bytes(content)


def read_tensors(
    path: str | Path, what: str = "network of Zenith", remedy: str = "run `zenith mva`"
) -> Tensors:
    """Read what `write_tensors` wrote.

    Raises `InputError` if the file is missing or is something else, which says what it should be
    and the remedy.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {})[_KEY])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if not isinstance(header, dict):
                raise ValueError("its header is no JSON object")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error}); {remedy}") from None
    except (SafetensorError, KeyError, ValueError) as error:
        raise InputError(f"{path}: not a {what} ({error}); {remedy}") from None
    return Tensors(header, arrays)


def describe(content: Tensors) -> Lines:
    """The header, and of every array its shape and its root mean square."""
    yield pairs(dict(flat(content.header)))
    rows = [
        [name, " × ".join(map(str, array.shape)), float(np.sqrt(np.mean(np.square(array))))]
        for name, array in content.arrays.items()
        if array.size
    ]
    yield table(["array", "shape", "root mean square"], rows, left=2)


TENSORS = Codec("network", ".safetensors", lambda top: True, read_tensors, describe)
