"""Histories: every step of a climb, in HDF5.

Of a selection: `start_{number}/{quantity}`, (steps,), and which step was kept. Of categories: the
quantities of `CATEGORY_QUANTITIES`, or nothing where nothing climbed.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from zenith.artefacts.arrays import describe, read_arrays, write_arrays
from zenith.artefacts.codec import Codec, Lines
from zenith.errors import InputError

CLIMB_QUANTITIES = ("value", "validation", "rejected")
CATEGORY_QUANTITIES = ("soft", "hard", "met", "temperature", "soft_yields", "hard_yields")


class ClimbHistory(NamedTuple):
    """All steps from all starts, and which of them was kept."""

    steps: dict[str, NDArray[Any]]
    kept_start: int
    kept_step: int


def write_climb_history(path: str | Path, history: ClimbHistory) -> None:
    """Write the history of a selection."""
    kept = {"kept_start": history.kept_start, "kept_step": history.kept_step}
    write_arrays(path, history.steps, kept)


def read_climb_history(path: str | Path) -> ClimbHistory:
    """Read it; `InputError` that names the file, what is missing and the step to run again."""
    steps, attributes = read_arrays(path)
    _require(path, attributes, ("kept_start", "kept_step"), "optimise")
    starts = sorted({name.partition("/")[0] for name in steps if name.startswith("start_")})
    needed = [f"{start}/{quantity}" for start in starts for quantity in CLIMB_QUANTITIES]
    kept = int(attributes["kept_start"])
    _require(path, steps, [f"start_{kept}/value", *needed], "optimise")
    return ClimbHistory(steps, kept, int(attributes["kept_step"]))


def write_category_history(
    path: str | Path, steps: Mapping[str, NDArray[Any]], signal_labels: Iterable[int]
) -> None:
    """Write the history of categories, by quantity."""
    write_arrays(path, steps, {"signal_labels": list(signal_labels)})


def read_category_history(path: str | Path) -> dict[str, NDArray[Any]]:
    """Read it, by quantity; empty where nothing climbed. `InputError` as of the other."""
    steps, attributes = read_arrays(path)
    _require(path, attributes, ("signal_labels",), "categorise")
    if steps:
        _require(path, steps, CATEGORY_QUANTITIES, "categorise")
    return steps


def _require(path: str | Path, there: Iterable[str], needed: Iterable[str], step: str) -> None:
    for name in needed:
        if name not in there:
            raise InputError(
                f"{path}: not what `zenith {step}` writes ({name} is missing); "
                f"run `zenith {step}` again"
            )


def _describe(history: ClimbHistory) -> Lines:
    yield f"kept: step {history.kept_step} of start {history.kept_start}, both from 0"
    yield from describe((history.steps, {}))


CLIMB_HISTORY = Codec(
    "history of a climb",
    ".h5",
    lambda top: {"kept_start", "kept_step"} <= top.keys(),
    read_climb_history,
    _describe,
)
