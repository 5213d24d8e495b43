"""Workspace files, and patches that are named beside them as FILE or FILE:NAME."""

import json
from pathlib import Path
from typing import Any

from zenith.artefacts import unique_keys
from zenith.errors import InputError
from zenith.statistics.patches import patched


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
