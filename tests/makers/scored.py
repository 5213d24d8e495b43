"""Scored events of the toys, and files of scored events."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py

from zenith.categorisation.scored import Scored
from zenith.simulation.toys import toy


def scored(name: str, fraction: float = 0.02, seed: int = 1) -> Scored:
    """A toy as the command line reads it."""
    made = toy(name, seed, fraction)
    return Scored(
        made.scores.astype(float), made.weight, made.label, tuple(made.signal_labels), name
    )


def write_scored(path: Path, arrays: Mapping[str, Any], **attributes: Any) -> str:
    """Write a file of scored events: its datasets by name, and its attributes."""
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values
        file.attrs.update(attributes)
    return str(path)
