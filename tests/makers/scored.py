"""Files of scored events."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py


def write_scored(path: Path, arrays: Mapping[str, Any], **attributes: Any) -> str:
    """Write a file of scored events: its datasets by name, and its attributes."""
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values
        file.attrs.update(attributes)
    return str(path)
