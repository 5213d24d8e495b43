"""Numbers of events by name, and random ones that follow from the identity of each event."""

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.events import folds
from zenith.events.formats.arrays import Table


class Numbers:
    """What a function of the analysis module that shifts events is a function of.

    Parameters
    ----------
    numbers
        Branches of one number in each event; NaN where an event lacks it.
    key
        Place in the configuration: it tells the random numbers from those of another.
    seed
        Of the configuration.
    """

    def __init__(self, numbers: Table, key: str, seed: int) -> None:
        self._numbers, self._key, self._seed = numbers, key, seed

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """A number of each event, (events,). Raises InputError if the events have none."""
        self._numbers.require(name, self._key)
        return np.asarray(self._numbers[name], np.float64)

    def normal(self, number: int = 0) -> NDArray[np.float64]:
        """Standard normal numbers, (events,), other ones for another `number`.

        One depends on run, luminosity section and event, on key and seed: files in any order and
        chunks of any size give the same, and so does another value of the shift.
        """
        from scipy.special import ndtri  # a third of what a skim imports, and it draws nothing

        stream = zlib.crc32(f"{self._key}:{number}".encode())
        found: Any = folds.hash_of(folds.event_hash(self._numbers), self._seed, stream)
        return np.asarray(ndtri(folds.uniform(found)))
