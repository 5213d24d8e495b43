"""Workspace files, and patches that are named beside them as FILE or FILE:NAME.

The type of a workspace is pyhf's schema, `zenith.statistics.schema`.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts.codec import Codec, Lines, Numbers
from zenith.artefacts.json_files import read_json, unique_keys, write_text
from zenith.errors import InputError
from zenith.tables import table


def read_json_file(path: str | Path) -> Any:
    """Whatever JSON a file holds. Raises InputError where there is none, or a key twice."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"), object_pairs_hook=unique_keys)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; give the path of a JSON file") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a JSON file: {error}") from error


def with_patch(spec: Any, reference: str) -> Any:
    """The workspace with the patch of FILE, or of FILE:NAME; raises InputError as `patched`."""
    from zenith.statistics.patches import patched  # which imports pyhf

    file, name = patch_parts(reference)
    patch = read_json_file(file)
    try:
        return patched(spec, patch, name)
    except InputError as error:
        raise InputError(f"{file}: {error}") from None


def patch_parts(reference: str) -> tuple[str, str | None]:
    """FILE and NAME of FILE:NAME; an existing path is a path."""
    file, colon, name = reference.rpartition(":")
    return (reference, None) if not colon or Path(reference).exists() else (file, name or None)


def write_workspace(path: str | Path, spec: Mapping[str, Any]) -> None:
    """Write a workspace: pyhf's JSON and no more, so that any program can read it."""
    write_text(path, json.dumps(spec, indent=1) + "\n")


def read_workspace(path: str | Path) -> dict[str, Any]:
    """Read one; `InputError` that names the place where it is not as pyhf's schema says."""
    content = read_json(path)
    content.pop("provenance", None)
    try:
        for read in (describe, _arrays):
            for _ in read(content):
                pass
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        from zenith.statistics.schema import unreadable  # which imports pyhf

        raise unreadable(path, content, error) from None
    return content


def describe(content: Mapping[str, Any]) -> Lines:
    """Yields and modifiers of every channel, and the parameter of interest."""
    observed = {o["name"]: sum(o["data"]) for o in content.get("observations", [])}
    for channel in content["channels"]:
        name = channel["name"]
        rows = []
        for sample in channel["samples"]:
            kinds: dict[str, list[str]] = {}
            for modifier in sample["modifiers"]:
                kinds.setdefault(modifier["type"], []).append(modifier["name"])
            modifiers = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds.items())
            rows.append([sample["name"], float(sum(sample["data"])), modifiers])
        bins = len(channel["samples"][0]["data"])
        data = f", {observed[name]:.10g} observed" if name in observed else ""
        heading = f"channel {name}: {bins} bins{data}"
        yield f"{heading}\n\n{table(['sample', 'yield', 'modifiers'], rows)}"
    for measurement in content["measurements"]:
        yield f"measurement {measurement['name']}: interest in {measurement['config']['poi']}"


def numbers(content: Mapping[str, Any]) -> Numbers:
    """Yields, modifiers, data and settings by name; `InputError` if two have one name."""
    found: Numbers = {}
    for name, array in _arrays(content):
        if name in found:
            raise InputError(f"'{name}' is there twice: rename or remove one")
        found[name] = array
    return found


def _arrays(content: Mapping[str, Any]) -> Iterator[tuple[str, NDArray[Any]]]:
    for channel in content["channels"]:
        for sample in channel["samples"]:
            where = f"{channel['name']}/{sample['name']}"
            yield f"{where} yields", np.asarray(sample["data"], float)
            for modifier in sample["modifiers"]:
                name = f"{where}/{modifier['name']} ({modifier['type']})"
                yield name, np.fromiter(_numbers(modifier["data"]), float)
    for observation in content.get("observations", []):
        yield f"{observation['name']} observed", np.asarray(observation["data"], float)
    for measurement in content.get("measurements", []):
        for parameter in measurement["config"]["parameters"]:
            name = f"{measurement['name']}/{parameter['name']} (parameter)"
            yield name, np.fromiter(_numbers(parameter), float)


def _numbers(value: Any) -> Iterator[float]:
    """All numbers of nested lists and mappings, mappings in the order of their keys."""
    if isinstance(value, Mapping):
        for key in sorted(value):
            yield from _numbers(value[key])
    elif isinstance(value, list):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, int | float):
        yield float(value)


WORKSPACE = Codec(
    "workspace",
    ".json",
    lambda top: {"channels", "measurements"} <= top.keys(),
    read_workspace,
    describe,
    numbers,
)
