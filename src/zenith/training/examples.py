"""The events that a network learns from: the columns of samples, merged into classes."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import Columns
from zenith.comparison import parse
from zenith.config.learning import Folds
from zenith.config.networks.scaling import Scaled
from zenith.config.networks.settings import Mva
from zenith.core.networks.network import Objects
from zenith.core.selection.cuts import hard_mask
from zenith.errors import InputError
from zenith.events.folds import folds_of


class Examples(NamedTuple):
    """Events with the class that each belongs to; features first, as networks take them."""

    x: NDArray[np.float32]  # (features, N), in the unit of each feature
    label: NDArray[np.int32]  # (N,) position of the class
    weight: NDArray[np.float64]  # (N,) expected events, of either sign
    objects: Mapping[str, Objects] = {}  # by collection, float32
    observables: Mapping[str, NDArray[np.float32]] = {}  # (N,) each, what the loss reads besides

    def take(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> "Examples":
        """The events that a mask or an index chooses."""
        objects = {
            name: Objects(values[..., chosen], valid[..., chosen])
            for name, (values, valid) in self.objects.items()
        }
        observables = {name: values[chosen] for name, values in self.observables.items()}
        return Examples(
            self.x[:, chosen], self.label[chosen], self.weight[chosen], objects, observables
        )

    def arrays(self) -> Iterator[NDArray[Any]]:
        """All of them, in one order."""
        yield from (self.x, self.label, self.weight)
        for objects in self.objects.values():
            yield from (np.asarray(array) for array in objects)
        yield from self.observables.values()

    @classmethod
    def joined(cls, parts: Sequence["Examples"]) -> "Examples":
        """The events of all parts, one part after another."""
        x, label, weight, collections, observables = zip(*parts, strict=True)

        def whole(arrays: Iterable[Any]) -> Any:
            return np.concatenate(list(arrays), axis=-1)

        objects = {
            name: Objects(
                whole(of_part[name].values for of_part in collections),
                whole(of_part[name].valid for of_part in collections),
            )
            for name in collections[0]
        }
        beside = {name: whole(of_part[name] for of_part in observables) for name in observables[0]}
        return cls(whole(x), whole(label), whole(weight), objects, beside)


def examples(
    name: str, mva: Mva, columns: Mapping[str, Columns], folds: Folds, chosen: Sequence[int]
) -> Examples:
    """The events of the chosen folds that pass the cuts of the network `name`.

    Raises `InputError` for a sample without columns, a column that is missing or not finite, and a
    class without events; each names what it is about.
    """
    cuts = [parse(text) for text in mva.cuts]
    inputs = dict.fromkeys([*mva.features, *(cut.observable for cut in cuts)])
    found = []
    for label, (of_class, samples) in enumerate(mva.classes.items()):
        events = 0
        asked = {name: of_class in where for name, where in mva.read_beside.items()}
        beside = [name for name, is_read in asked.items() if is_read]
        for sample in samples:
            if sample not in columns:
                raise InputError(
                    f"mva.{name}: class {of_class!r} needs the columns of sample {sample!r}, which "
                    "are not among the input files"
                )
            here = np.isin(folds_of(columns[sample].hash, folds), chosen)
            lacking = set(mva.missing if isinstance(mva, Scaled) else ()).difference(beside)
            needed = inputs | dict.fromkeys(beside)
            values = _finite(name, sample, columns[sample], needed, here, lacking)
            passed = np.broadcast_to(hard_mask(cuts, values, {}), here.sum())
            x = np.stack([values[feature][passed] for feature in mva.features])
            weight = columns[sample].weight[here][passed]
            observables = {
                name: values[name][passed] if is_read else np.zeros(len(weight), np.float32)
                for name, is_read in asked.items()
            }
            labels = np.full(len(weight), label, np.int32)
            found.append(Examples(x, labels, weight, {}, observables))
            events += len(weight)
        if not events:
            raise InputError(
                f"mva.{name}: class {of_class!r} (samples {', '.join(samples)}) has no event in "
                f"fold{'s' * (len(chosen) > 1)} {', '.join(map(str, chosen))} of {folds.number} "
                f"that passes the cuts ({', '.join(mva.cuts) or 'there are none'}): loosen "
                f"mva.{name}.cuts, simulate more events, or write fewer folds (folds.number)"
            )
    return Examples.joined(found)


def _finite(
    name: str,
    sample: str,
    columns: Columns,
    needed: Mapping[str, None],
    here: NDArray[np.bool_],
    lacking: Collection[str],
) -> dict[str, NDArray[np.float32]]:
    values = {}
    for column in needed:
        if column not in columns.values:
            raise InputError(
                f"mva.{name}: the columns of sample {sample!r} have no {column!r}: make them again "
                "with this configuration"
            )
        values[column] = columns.values[column][here]
        known = values[column]
        wrong = np.isinf(known) if column in lacking else ~np.isfinite(known)
        if bad := np.count_nonzero(wrong):
            raise InputError(
                f"mva.{name}: the column {column!r} of sample {sample!r} is NaN or infinite in "
                f"{bad} of {len(values[column])} events: give the observable a value for events "
                "that lack it (missing=…)"
            )
    if not np.isfinite(columns.weight[here]).all():
        raise InputError(f"mva.{name}: the weights of sample {sample!r} are not all finite")
    return values
