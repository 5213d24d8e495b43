"""Which part of the events an event belongs to, and random numbers, from the event's identity.

Everything here is a function of (run, luminosityBlock, event) alone, so that the order of files,
the size of chunks and the number of jobs change nothing.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zenith.artefacts import PARTS

_GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)  # 2⁶⁴ over the golden ratio, odd


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): a bijection of 64 bits."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def hash_of(*numbers: ArrayLike) -> NDArray[np.uint64]:
    """A 64-bit hash of each row of whole numbers, for example (run, luminosityBlock, event).

    The numbers are broadcast against one another; the hash depends on their order.
    """
    result = np.zeros(np.broadcast_shapes(*(np.shape(n) for n in numbers)), np.uint64)
    for number in numbers:
        result = _mix(result + _GOLDEN_GAMMA + np.asarray(number).astype(np.uint64))
    return result


def uniform(hashes: NDArray[np.uint64]) -> NDArray[np.float64]:
    """The hashes as numbers in the open interval (0, 1): the middles of 2⁵² equal cells."""
    return ((hashes >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def event_hash(events: Any) -> NDArray[np.uint64]:
    """The hash of each event's run, luminosityBlock and event."""
    return hash_of(*(np.asarray(events[n]) for n in ("run", "luminosityBlock", "event")))


def split(events: Any, fractions: Mapping[str, float]) -> NDArray[np.uint8]:
    """The part of each event, an index into `zenith.artefacts.PARTS`.

    `fractions` gives the share of each part; a fraction of 0 leaves its part empty.
    """
    upper = np.cumsum([fractions[part] for part in PARTS])
    upper[-1] = 1.0  # whatever the rounding of the sum
    return np.searchsorted(upper, uniform(event_hash(events)), side="right").astype(np.uint8)
