"""Events of which as many stay in memory as fit: all of them, or a random sample of each class."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zenith.training.examples import Examples

MIB = 2**20
TOGETHER = 16  # pieces that become one: few events in each of many arrays are mostly arrays
Piece = tuple[Examples, NDArray[np.float64]]  # and the random number of each event


class Drawn:
    """The events of one part of training sets, which are added block by block.

    All are kept until they take more than `memory` bytes. From then on each class keeps the events
    with the smallest of random numbers, so many that all classes together take half of it; a class
    that has fewer is whole.

    Attributes
    ----------
    numbers
        Events that were added, (2, classes): of weights from 0 on, and below.
    sums
        Their weights, (2, classes).
    """

    def __init__(self, classes: int, memory: float, random: np.random.Generator) -> None:
        self._memory, self._random = memory, random
        self._pieces: list[Piece] = []
        self._recent: list[Piece] = []
        self._bytes = 0
        self._below = np.ones(classes)  # of each class, random numbers that are kept
        self.numbers = np.zeros((2, classes), np.int64)
        self.sums = np.zeros((2, classes))

    @property
    def whole(self) -> bool:
        """Whether all events that were added are kept."""
        return bool((self._below == 1.0).all())

    def add(self, events: Examples) -> None:
        """Keep events, or what is drawn of them."""
        classes = len(self._below)
        for k, chosen in enumerate((events.weight >= 0.0, events.weight < 0.0)):
            of_class = events.label[chosen]
            self.numbers[k] += np.bincount(of_class, minlength=classes)
            self.sums[k] += np.bincount(of_class, events.weight[chosen], classes)
        drawn = self._random.random(len(events.label))
        kept = drawn < self._below[events.label]
        if kept.all():
            self._keep(events, drawn)
        elif kept.any():
            self._keep(events.take(kept), drawn[kept])
        if self._bytes > self._memory:
            self._thin()

    def events(self) -> Examples:
        """What is kept, in the order in which it was added.

        The weights of a sample are multiplied by how many events each of it stands for.
        """
        if not self.whole:
            self._thin()
        found, _ = _joined([*self._pieces, *self._recent])
        if self.whole:
            return found
        kept = np.bincount(found.label, minlength=len(self._below))
        stands_for = self.numbers.sum(axis=0) / np.maximum(kept, 1)
        return found._replace(weight=found.weight * stands_for[found.label])

    def _keep(self, events: Examples, drawn: NDArray[np.float64]) -> None:
        self._recent.append((events, drawn))
        self._bytes += _size(events)
        if len(self._recent) == TOGETHER:
            self._pieces.append(_joined(self._recent))
            self._recent = []

    def _thin(self) -> None:
        """Leave of each class no more than its share of half of the memory, at least one event."""
        events, drawn = _joined([*self._pieces, *self._recent])
        room = 0.5 * self._memory / (_size(events) / len(drawn))
        most = max(1, int(room / len(self._below)))
        for k in range(len(self._below)):
            of_class = drawn[events.label == k]
            if len(of_class) > most:
                self._below[k] = np.partition(of_class, most)[most]
        kept = drawn < self._below[events.label]
        self._pieces, self._recent, self._bytes = [], [], 0
        self._keep(events.take(kept), drawn[kept])


def _joined(pieces: Sequence[Piece]) -> Piece:
    events, drawn = zip(*pieces, strict=True)
    return Examples.joined(events), np.concatenate(drawn)


def _size(events: Examples) -> int:
    """In bytes."""
    return sum(array.nbytes for array in events.arrays())
