"""Certified luminosity sections ("golden JSON"): run → list of [first, last] sections."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import read_json
from zenith.errors import InputError

Mask = Callable[[NDArray[np.integer], NDArray[np.integer]], NDArray[np.bool_]]
# LumiMask holds runs and sections in 32 bits, and of a range first - 1 and last: for section 0 to
# have a number before it, sections are passed to it plus 1.
LAST_RUN, LAST_SECTION = 2**32 - 1, 2**32 - 2


def certified(path: str) -> Mask:
    """The mask of certified events, a function of run and luminosityBlock, shapes (events,).

    Ranges include both ends. They may come in any order, touch, overlap or contain one another.
    Runs and sections may be integers of any type; none beyond 32 bits is certified.

    Raises
    ------
    InputError
        The file is missing, is not such a list, or certifies no luminosity section: as a mask it
        would take every event away without a word.
    """
    listed: dict[int, list[list[int]]] = defaultdict(list)
    for run, ranges in read_json(path).items():
        if not re.fullmatch("[0-9]{1,10}", run) or int(run) > LAST_RUN or not _are_ranges(ranges):
            raise InputError(
                f"{path}: not a list of certified luminosity sections, at {run!r}; "
                '{"run": [[first, last], …]} is expected'
            )
        listed[int(run)] += ranges
    sections = {run: merged for run, ranges in listed.items() if (merged := _merged(ranges))}
    if not sections:
        raise InputError(
            f"{path}: certifies no luminosity section; name another file as golden_json of the era"
        )
    from coffea.lumi_tools import LumiMask  # seconds to import: not for simulation

    with NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(sections, file)
        file.flush()
        lumi_mask = LumiMask(file.name)

    def mask(run: NDArray[np.integer], section: NDArray[np.integer]) -> NDArray[np.bool_]:
        known = (run >= 0) & (run <= LAST_RUN) & (section >= 0) & (section <= LAST_SECTION)
        run, section = (np.where(known, n, 0).astype(np.uint32) for n in (run, section))
        return np.asarray(known & lumi_mask(run, section + np.uint32(1)))

    return mask


def _merged(ranges: Iterable[list[int]]) -> list[list[int]]:
    """The same sections, plus 1, in ranges that are ascending and disjoint, as LumiMask needs."""
    merged: list[list[int]] = []
    for first, last in sorted(ranges):
        first, last = max(first, 0) + 1, min(last, LAST_SECTION) + 1
        if merged and first <= merged[-1][1] + 1:
            merged[-1][1] = max(merged[-1][1], last)
        elif first <= last:
            merged.append([first, last])
    return merged


def _are_ranges(ranges: Any) -> bool:
    return isinstance(ranges, list) and all(
        isinstance(pair, list)
        and len(pair) == 2
        and all(type(section) is int for section in pair)
        and pair[0] <= pair[1]
        for pair in ranges
    )
