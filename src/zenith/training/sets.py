"""Training sets as networks take them: what one reads of a file, checked, features first."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts.numbers import whole_numbers
from zenith.artefacts.training_set import VALID, TrainingSet, open_training_set
from zenith.comparison import parse
from zenith.config.inputs import TrainingSetFields
from zenith.config.learning import Folds
from zenith.config.networks.scaling import Scaled
from zenith.config.networks.settings import Mva
from zenith.core.networks.network import Objects
from zenith.core.selection.cuts import hard_mask
from zenith.errors import InputError

PARTS = ("train", "validate", "test")
CALIBRATE = "calibrate"  # a part that a file may have besides
NO_CLASS = -1  # the label of events that no network learns from

Rows = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Source:
    """One open training set, as one network reads it; `of` checks that it can.

    Attributes
    ----------
    file
        The set.
    mva
        The network.
    fields
        What the fields of the file are called.
    """

    file: TrainingSet
    mva: Mva
    fields: TrainingSetFields

    @classmethod
    def of(cls, file: TrainingSet, mva: Mva, fields: TrainingSetFields) -> "Source":
        """Raises `InputError` for a field or collection that is missing, and for another M."""
        needed = [*mva.features, *(parse(text).observable for text in mva.cuts)]
        _require(file, fields.events, needed, "mva features")
        for name, read in mva.objects.items():
            if name not in file.layouts:
                others = [other for other in file.layouts if other != fields.events]
                raise InputError(
                    f"{file.path}: there is no collection {name!r}, only "
                    f"{', '.join(others) or 'events'}; name another under objects"
                )
            _require(file, name, [*read.fields, VALID], "objects")
            found = file.layouts[name].objects
            if found != read.leading:
                held = "no list of objects" if found is None else f"{found} objects"
                raise InputError(
                    f"{file.path}: {name} has {held} in each event, the network reads "
                    f"{read.leading}: write objects.{name}.leading: {found}, or make the file again"
                )
            if file.layouts[name].dtype[VALID].kind not in "bui":
                raise InputError(
                    f"{file.path}: {name}.{VALID} must be true or false; make the file again"
                )
        return cls(file, mva, fields)

    @property
    def names(self) -> tuple[str, ...]:
        """The datasets that the network reads."""
        return (self.fields.events, *self.mva.objects)

    @property
    def units(self) -> dict[str, str]:
        """The units of features, and of fields of objects by `collection.field`."""
        found = dict(self.file.layouts[self.fields.events].units)
        for name in self.mva.objects:
            own = self.file.layouts[name].units.items()
            found |= {f"{name}.{field}": unit for field, unit in own}
        return found

    def inputs(self, rows: Mapping[str, NDArray[Any]]) -> tuple[Any, dict[str, Objects]]:
        """Features (F, n) and objects of rows; padding is 0, whatever the file has there.

        Raises `InputError` for a number that is NaN or infinite, of an object that is valid.
        """
        events = rows[self.fields.events]
        x = np.empty((len(self.mva.features), len(events)), np.float32)
        for row, name in zip(x, self.mva.features, strict=True):
            row[:] = events[name]
            self._known(row, np.ones(len(row), bool), name, _lacking(self.mva))
        return x, {name: self._objects(name, rows[name]) for name in self.mva.objects}

    def _objects(self, name: str, rows: NDArray[Any]) -> Objects:
        read = self.mva.objects[name]
        valid = np.ascontiguousarray(rows[VALID].T.astype(bool))
        values = np.empty((len(read.fields), *valid.shape), np.float32)
        for value, field in zip(values, read.fields, strict=True):
            value[:] = rows[field].T
            np.copyto(value, 0.0, where=~valid)
            self._known(value, valid, f"{name}.{field}", read.missing)
        return Objects(values, valid)  # type: ignore[arg-type]  # of numpy

    def _known(
        self, values: NDArray[Any], real: NDArray[np.bool_], name: str, lacks: Sequence[str]
    ) -> None:
        wrong = np.isinf(values) if name.rpartition(".")[2] in lacks else ~np.isfinite(values)
        if bad := np.count_nonzero(wrong & real):
            raise InputError(
                f"{self.file.path}: {name} is NaN or infinite in {bad} of the "
                f"{np.count_nonzero(real)} {'valid objects' if '.' in name else 'events'} of a "
                "block; give it a value, or leave it out of what the network reads"
            )

    def labels(self, events: NDArray[Any]) -> NDArray[np.int32]:
        """The class of each event, (n,); -1 for one that no class of the network has.

        Raises `InputError` for a label beyond the classes, and one that is no whole number.
        """
        _require(self.file, self.fields.events, [self.fields.label], "inputs.training_set.label")
        found = whole_numbers(events[self.fields.label], self.file.path, self.fields.label)
        table = self._classes()
        beyond = (found < NO_CLASS) | (found >= len(table))
        if beyond.any():
            raise InputError(
                f"{self.file.path}: {self.fields.label} is {found[beyond][0]} in "
                f"{np.count_nonzero(beyond)} events, and there are {len(table)} classes "
                f"(0 to {len(table) - 1}): correct the labels, or the attribute `classes`"
            )
        return np.append(table, NO_CLASS)[found].astype(np.int32)

    def _classes(self) -> NDArray[np.int32]:
        """The class of each label: by its name in the file, or the position of the class."""
        names = self.file.names("classes")
        if not names:
            return np.arange(len(self.mva.classes), dtype=np.int32)
        number = {name: k for k, own in enumerate(self.mva.classes.values()) for name in own}
        if unknown := [name for name in number if name not in names]:
            raise InputError(
                f"{self.file.path}: there is no class {unknown[0]!r}, which classes of the network "
                f"name; there is {', '.join(names)}"
            )
        return np.array([number.get(name, NO_CLASS) for name in names], np.int32)

    def observables(
        self, events: NDArray[Any], label: NDArray[np.int32]
    ) -> dict[str, NDArray[np.float32]]:
        """What the loss reads besides, (n,) each; 0 in classes of which it does not.

        Raises `InputError` for a field that is missing, and for a number that is not finite.
        """
        classes, found = tuple(self.mva.classes), {}
        for name, where in self.mva.read_beside.items():
            _require(self.file, self.fields.events, [name], "mva loss, regressions or sliced")
            is_read = np.isin(label, [classes.index(of_class) for of_class in where])
            found[name] = np.where(is_read, events[name], 0.0).astype(np.float32)
            self._known(found[name], is_read, name, ())
        return found

    def weights(self, events: NDArray[Any]) -> NDArray[np.float64]:
        """The weight of each event, (n,); 1 if the file has none."""
        name = self.fields.weight
        if name is None:
            return np.ones(len(events))
        _require(self.file, self.fields.events, [name], "inputs.training_set.weight")
        weight = events[name].astype(np.float64)
        self._known(weight, np.ones(len(weight), bool), name, ())
        return weight

    def part(self, events: NDArray[Any], folds: Folds, fold: int | None) -> NDArray[Any]:
        """The part of each event, (n,) names: as the file says, or by its fold."""
        own = events.dtype.names or ()
        if self.fields.part in own:
            names = np.array([*self.file.names("parts", (*PARTS, CALIBRATE)), ""])
            found = whole_numbers(events[self.fields.part], self.file.path, self.fields.part)
            known = (found >= 0) & (found < len(names) - 1)
            return names[np.where(known, found, len(names) - 1)]
        if "fold" not in own:
            raise InputError(
                f"{self.file.path}: {self.fields.events} has neither {self.fields.part!r} nor "
                f"`fold`, only {', '.join(own)}: name the field that says which part an event is "
                "in (inputs.training_set.part)"
            )
        if fold is None:
            raise InputError(
                f"{self.file.path}: its events are in folds: say with --fold which one is to be "
                "read, so that the others teach"
            )
        attributes = self.file.attributes
        made = attributes.get("folds_number"), attributes.get("folds_salt")
        if None not in made and made != (folds.number, folds.salt):
            raise InputError(
                f"{self.file.path}: is of {made[0]} folds with the salt {made[1]}, the "
                f"configuration has {folds.number} with the salt {folds.salt}: make it again"
            )
        part_of = np.full(folds.number, PARTS[0], dtype="<U8")
        part_of[folds.validation(fold)], part_of[fold] = PARTS[1:]
        of_event: NDArray[Any] = part_of[events["fold"] % folds.number]
        return of_event

    def passed(self, events: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether each event passes the cuts of the network, (n,)."""
        cuts = [parse(text) for text in self.mva.cuts]
        values = {cut.observable: events[cut.observable] for cut in cuts}
        return np.broadcast_to(hard_mask(cuts, values, {}), len(events))


def _lacking(mva: Mva) -> tuple[str, ...]:
    """The features that may be NaN, for the network knows that events may lack them."""
    return mva.missing if isinstance(mva, Scaled) else ()


def _require(file: TrainingSet, dataset: str, names: Sequence[str], key: str) -> None:
    there = file.layouts[dataset].dtype.names or ()
    for name in names:
        if name not in there:
            raise InputError(
                f"{file.path}: {dataset} has no field {name!r} ({key}), only {', '.join(there)}; "
                "name another, or make the file again"
            )


@contextmanager
def opened(
    paths: Sequence[str], mva: Mva, fields: TrainingSetFields
) -> Iterator[tuple[Source, ...]]:
    """Open training sets for one network; raises as `Source.of`."""
    with ExitStack() as stack:
        files = [stack.enter_context(open_training_set(path, fields.events)) for path in paths]
        yield tuple(Source.of(file, mva, fields) for file in files)
