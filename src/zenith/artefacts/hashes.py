"""Hashes of files and of data, by which an artefact says what it was made from."""

import hashlib
import json
from pathlib import Path
from typing import Any


def file_hash(path: str | Path) -> str:
    """SHA-256 of a file's bytes, the first 16 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def data_hash(data: Any) -> str:
    """SHA-256 of data that JSON can say, whatever the order of its keys; 16 digits."""
    text = json.dumps(data, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
