"""Training events that do not fit into memory: read from their files anew in every epoch."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.config.inputs import TrainingSetFields
from zenith.config.learning import Folds
from zenith.config.networks.descent import DescentSettings
from zenith.errors import ConfigError
from zenith.training.balance import class_factors, without_negative
from zenith.training.drawn import MIB
from zenith.training.examples import Examples
from zenith.training.loader import POOL, Loader
from zenith.training.sets import PARTS, Source, opened

Weigh = Callable[[Examples], Examples]


@dataclass(frozen=True)
class Stream:
    """The events of the part `train` of training sets, as one network reads them.

    Attributes
    ----------
    paths, mva, fields, folds, fold
        The sets, and how they are read, as `parts_of` has them.
    numbers, sums
        Events and their weights, (2, classes): of weights from 0 on, and below.
    digest
        Says which events they are.
    """

    paths: tuple[str, ...]
    mva: DescentSettings
    fields: TrainingSetFields
    folds: Folds
    fold: int | None
    numbers: NDArray[np.int64]
    sums: NDArray[np.float64]
    digest: str

    def weighed(self, seed: int, weigh: Weigh = lambda events: events) -> "Epochs":
        """The events in mini-batches, with the weights that the loss has for them.

        `weigh` changes them once more. Raises `ConfigError` for what needs all events at once, and
        `InputError` for a class whose weights do not add up to more than 0.
        """
        mva, needs = self.mva, ""
        if mva.balance in ("undersample", "oversample"):
            needs = f"balance: {mva.balance} (write class_weights)"
        elif mva.bootstrap:
            needs = "bootstrap: true (write false)"
        if needs:
            raise ConfigError(
                f"{needs} needs all training events in memory, and they take more than memory: "
                f"{mva.memory:g} MiB; or raise it"
            )
        numbers, sums = self.numbers.sum(axis=0), self.sums[0] + self.sums[1]
        if mva.negative_weights == "drop":
            numbers, sums = self.numbers[0], self.sums[0]
        elif mva.negative_weights == "absolute":
            sums = self.sums[0] - self.sums[1]
        factors = class_factors(tuple(mva.classes), numbers, sums, mva.balance)

        def of_batch(events: Examples) -> Examples:
            events = without_negative(events, mva.negative_weights)
            return weigh(events._replace(weight=events.weight * factors[events.label]))

        def batches(epoch: int, size: int, number: int) -> Iterator[Examples]:
            with opened(self.paths, mva, self.fields) as sources:
                pool = int(min(POOL, mva.memory * MIB))
                loader = Loader(sources, size, seed, self._chosen, pool)
                yield from map(of_batch, islice(loader.epoch(epoch), number))

        return Epochs(int(numbers.sum()), batches)

    def _chosen(self, source: Source, events: NDArray[Any]) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = source.part(events, self.folds, self.fold) == PARTS[0]
        if self.mva.negative_weights == "drop":
            found &= source.weights(events) >= 0.0
        return found


@dataclass(frozen=True)
class Epochs:
    """Training events that come in mini-batches.

    Attributes
    ----------
    events
        How many there are.
    batches
        Gives those of an epoch, of a size, as many as are asked for.
    """

    events: int
    batches: Callable[[int, int, int], Iterator[Examples]]
