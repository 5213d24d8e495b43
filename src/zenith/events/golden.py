"""Certified luminosity sections ("golden JSON"): run → list of [first, last] sections."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import read_json
from zenith.errors import InputError

Mask = Callable[[NDArray[np.integer], NDArray[np.integer]], NDArray[np.bool_]]
LARGEST = 2**32 - 1  # NanoAOD counts runs and luminosity sections in 32 bits
RUNS = 2**31  # an int64 holds run · 2³² + section of all runs below it


def certified(path: str) -> Mask:
    """The mask of certified events, a function of run and luminosityBlock, shapes (events,).

    Ranges include both ends. They may come in any order, touch, overlap or contain one another.
    Runs and sections may be integers of any type.

    Raises
    ------
    InputError
        The file is missing, is not such a list, or certifies no luminosity section: as a mask it
        would take every event away without a word.
    """
    content = read_json(path)
    for run, ranges in content.items():
        if not re.fullmatch("[0-9]+", run) or int(run) >= RUNS or not _are_ranges(ranges):
            raise InputError(
                f"{path}: not a list of certified luminosity sections, at {run!r}; "
                '{"run": [[first, last], …]} is expected'
            )
    sections = sorted(
        (int(run) << 32 | max(first, 0), int(run) << 32 | min(last, LARGEST))
        for run, ranges in content.items()
        for first, last in ranges
        if last >= 0 and first <= LARGEST
    )
    if not sections:
        raise InputError(
            f"{path}: certifies no luminosity section; name another file as golden_json of the era"
        )
    first, last = np.array(sections, np.int64).T
    # Of all ranges that begin up to a section, the one that reaches furthest decides.
    last = np.maximum.accumulate(last)

    def mask(run: NDArray[np.integer], section: NDArray[np.integer]) -> NDArray[np.bool_]:
        known = (run >= 0) & (run < RUNS) & (section >= 0) & (section <= LARGEST)
        number = np.where(known, run, 0).astype(np.int64) << 32
        number |= np.where(known, section, 0).astype(np.int64)
        before = np.searchsorted(first, number, side="right") - 1
        return np.asarray(known & (before >= 0) & (number <= last[before]))

    return mask


def _are_ranges(ranges: Any) -> bool:
    return isinstance(ranges, list) and all(
        isinstance(pair, list)
        and len(pair) == 2
        and all(type(section) is int for section in pair)
        and pair[0] <= pair[1]
        for pair in ranges
    )
