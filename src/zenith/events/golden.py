"""Certified luminosity sections ("golden JSON"): run → list of [first, last] sections."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import read_json
from zenith.errors import InputError

Mask = Callable[[NDArray[np.uint32], NDArray[np.uint32]], NDArray[np.bool_]]


def certified(path: str) -> Mask:
    """The mask of certified events, a function of run and luminosityBlock, shapes (events,).

    Raises
    ------
    InputError
        The file is missing, is not such a list, or certifies no luminosity section: as a mask it
        would take every event away without a word.
    """
    content = read_json(path)
    if not all(run.isdigit() and _are_ranges(ranges) for run, ranges in content.items()):
        raise InputError(
            f"{path}: not a list of certified luminosity sections; "
            '{"run": [[first, last], …]} is expected'
        )
    if not any(content.values()):
        raise InputError(
            f"{path}: certifies no luminosity section; name another file as golden_json of the era"
        )
    from coffea.lumi_tools import LumiMask  # seconds to import: not for simulation

    return LumiMask(path)


def _are_ranges(ranges: Any) -> bool:
    return isinstance(ranges, list) and all(
        isinstance(pair, list)
        and len(pair) == 2
        and all(isinstance(section, int) for section in pair)
        and pair[0] <= pair[1]
        for pair in ranges
    )
