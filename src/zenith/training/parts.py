"""The events that train a network, choose its epoch and judge it."""

import hashlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts.training_set import VALID
from zenith.config.learning import Folds
from zenith.config.networks.descent import DescentSettings
from zenith.config.networks.settings import Mva
from zenith.core.networks.network import Objects
from zenith.errors import InputError
from zenith.training.drawn import MIB, Drawn
from zenith.training.examples import Examples
from zenith.training.sets import CALIBRATE, NO_CLASS, PARTS, Source
from zenith.training.stream import Stream


@dataclass(frozen=True)
class Parts(Mapping[str, Examples]):
    """The events of the parts `train`, `validate`, `test` and, maybe, `calibrate`, in memory.

    Of a part that does not fit they are a random sample, whose weights stand for all.

    Attributes
    ----------
    events
        By part.
    numbers
        The events of each class that there are, (classes,) by part.
    stream
        All training events, where `train` is a sample.
    """

    events: Mapping[str, Examples]
    numbers: Mapping[str, NDArray[np.int64]]
    stream: Stream | None = None

    @classmethod
    def whole(cls, events: Mapping[str, Examples], classes: int) -> "Parts":
        """Of events that are all in memory."""
        numbers = {p: np.bincount(of.label, minlength=classes) for p, of in events.items()}
        return cls(events, numbers)

    @property
    def drawn(self) -> dict[str, NDArray[np.int64]]:
        """The events of each class in memory, (classes,), of parts that are samples."""
        kept = {
            part: np.bincount(events.label, minlength=len(self.numbers[part]))
            for part, events in self.events.items()
        }
        return {part: k for part, k in kept.items() if (k < self.numbers[part]).any()}

    def __getitem__(self, part: str) -> Examples:
        return self.events[part]

    def __iter__(self) -> Iterator[str]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)

    def without(self, part: str) -> "Parts":
        """The others."""
        others = {name: events for name, events in self.events.items() if name != part}
        return Parts(others, {name: self.numbers[name] for name in others}, self.stream)


def parts_of(
    name: str,
    sources: Sequence[Source],
    folds: Folds,
    fold: int | None = None,
) -> Parts:
    """The parts of training sets, read once, block by block.

    `calibrate` is one of them where the network is to be calibrated and the files have such a part.

    Raises `InputError` for what cannot be read as the network needs it, a class without events in a
    part, and a collection of which no event has any.
    """
    mva = sources[0].mva
    wanted = PARTS if mva.calibration is None else (*PARTS, CALIBRATE)
    found = {}
    for part in wanted:
        random = np.random.default_rng(zlib.crc32(part.encode()))
        found[part] = Drawn(len(mva.classes), _memory(mva), random)
    digest = hashlib.blake2b()
    for source in sources:
        for rows in source.file.blocks(source.names):
            events = rows[source.fields.events]
            label = source.labels(events)
            of_part = source.part(events, folds, fold)
            kept = (label != NO_CLASS) & source.passed(events)
            for part, drawn in found.items():
                chosen = np.flatnonzero(kept & (of_part == part))
                x, objects = source.inputs({n: array[chosen] for n, array in rows.items()})
                weight = source.weights(events)[chosen]
                beside = source.observables(events[chosen], label[chosen])
                added = Examples(x, label[chosen], weight, objects, beside)
                drawn.add(added)
                if part == PARTS[0]:
                    for array in added.arrays():
                        digest.update(np.ascontiguousarray(array).data)
    if CALIBRATE in found and not found[CALIBRATE].numbers.any():
        del found[CALIBRATE]
    where = ", ".join(source.file.path for source in sources)
    numbers = {part: drawn.numbers.sum(axis=0) for part, drawn in found.items()}
    for part, of_part in numbers.items():
        _check_numbers(name, mva, of_part, part, where)
    parts = {part: drawn.events() for part, drawn in found.items()}
    for part, examples in parts.items():
        _check_objects(examples.objects, part, where)
    taught = found[PARTS[0]]
    if taught.whole:
        return Parts(parts, numbers)
    assert isinstance(mva, DescentSettings)
    stream = Stream(
        tuple(source.file.path for source in sources),
        mva,
        sources[0].fields,
        folds,
        fold,
        taught.numbers,
        taught.sums,
        digest.hexdigest(),
    )
    return Parts(parts, numbers, stream)


def _memory(mva: Mva) -> float:
    """Bytes of a part that are kept; all of what trains by other means than gradient descent."""
    if isinstance(mva, DescentSettings) and mva.framework == "jax":
        return mva.memory * MIB
    return np.inf


def _check_numbers(name: str, mva: Mva, numbers: NDArray[np.int64], part: str, where: str) -> None:
    for number, of_class in zip(numbers, mva.classes, strict=True):
        if not number:
            raise InputError(
                f"{where}: mva.{name}: class {of_class!r} ({', '.join(mva.classes[of_class])}) has "
                f"no event in the part {part!r} that passes the cuts "
                f"({', '.join(mva.cuts) or 'there are none'}): add events of it, or remove it"
            )


def _check_objects(objects: Mapping[str, Objects], part: str, where: str) -> None:
    for name, (_, valid) in objects.items():
        if not valid.any():
            raise InputError(
                f"{where}: no event of the part {part!r} has any {name!r}: {VALID} is false "
                "throughout; remove it from objects, or correct the file"
            )
