"""JSON files, with their provenance, and text files."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zenith import __version__
from zenith.artefacts.hashes import data_hash, file_hash
from zenith.artefacts.writing import atomic
from zenith.errors import InputError


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
