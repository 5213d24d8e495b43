"""From skims to training sets: features, weight, label and fold of events, and their objects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from zenith.artefacts.training_set import (
    EVENTS,
    SHAPES,
    VALID,
    Layout,
    Rows,
    training_set_writer,
)
from zenith.config import Analysis, observables_of
from zenith.config.networks.objects import ObjectsRead
from zenith.errors import ConfigError, InputError
from zenith.events import folds, shifts
from zenith.events.columns import evaluate
from zenith.events.evaluation import require_finite
from zenith.events.formats.protocol import IDENTITY
from zenith.events.objects import Objects, select
from zenith.events.sample_events import SampleEvents, named
from zenith.events.weights import Weights
from zenith.observable import Observable

NO_CLASS = -1  # the label of data
BESIDE = {  # the features of an event: type and description
    "weight": ("<f8", "expected events at the luminosity of the era"),
    "label": ("<i4", "number of the sample among the classes; -1: data"),
    "fold": ("<i4", "fold of the event, from 0"),
    "run": ("<u8", "run"),
    "luminosityBlock": ("<u8", "luminosity section"),
    "event": ("<u8", "number of the event"),
}
UNITS = dict.fromkeys(("pt", "mass", "energy", "px", "py", "pz"), "GeV") | {"phi": "rad"}


def make_training_set(
    output: str | Path,
    skims: Sequence[str | Path],
    analysis: Analysis,
    sample: str,
    configuration: str,
) -> int:
    """Write the training set of one sample, its skims one after the other; return its size.

    It has what the networks of the configuration read: features and cuts as fields of `events`, and
    of each collection the leading objects, highest pT first. An event weighs what it weighs in the
    columns of the sample, and is in the same place. Memory is that of one chunk of
    `analysis.skim.chunk` events.

    Raises
    ------
    InputError
        As `make_columns`; a field that objects do not have, or that is NaN or infinite.
    ConfigError
        As `make_columns`.
    """
    found = SampleEvents.of(skims, analysis, sample)
    maker = _Maker.of(found)
    varied = [] if found.is_data else shifts.variations(analysis, found.process)
    attributes = found.attributes | {
        "classes": ",".join(analysis.labelled),
        "folds_number": analysis.folds.number,
        "folds_salt": analysis.folds.salt,
        "configuration": configuration,
    }
    size = 0
    with training_set_writer(output, maker.layouts(varied), attributes) as add:
        for path, events in found.chunks():
            with named(f"{path}: sample {sample}"):
                add(maker.rows(events, varied))
            size += len(events)
    return size


@dataclass(frozen=True)
class _Maker:
    """How events of one sample become rows."""

    events: SampleEvents
    observables: Mapping[str, Observable]
    objects: Mapping[str, ObjectsRead]
    label: int

    @classmethod
    def of(cls, events: SampleEvents) -> "_Maker":
        analysis = events.analysis
        defined = observables_of(analysis)
        for kind, names, taken in (
            ("observables", analysis.observables_learnt, BESIDE),
            ("objects", analysis.objects_learnt, (EVENTS, SHAPES)),
        ):
            if twice := [name for name in names if name in taken]:
                raise ConfigError(
                    f"{kind}.{twice[0]}: a training set has something of this name; rename it"
                )
        label = NO_CLASS if events.is_data else analysis.labelled.index(events.sample)
        observables = {name: defined[name] for name in analysis.observables_learnt}
        return cls(events, observables, analysis.objects_learnt, label)

    def layouts(self, varied: Sequence[str]) -> dict[str, Layout]:
        """Those of all datasets."""
        units = {name: o.unit for name, o in self.observables.items()}
        about = {name: o.description for name, o in self.observables.items()}
        features = [(name, "<f4") for name in self.observables]
        objects = {
            name: Layout(
                _dtype(read), read.leading, {f: UNITS[f] for f in read.fields if f in UNITS}
            )
            for name, read in self.objects.items()
        }
        beside = [(name, kind) for name, (kind, _) in BESIDE.items()]
        meaning = about | {name: text for name, (_, text) in BESIDE.items()}
        found = {EVENTS: Layout(np.dtype(features + beside), None, units, meaning)} | objects
        varying = objects | (
            {EVENTS: Layout(np.dtype(features), None, units, about)} if features else {}
        )
        for variation in varied:
            found |= {f"{SHAPES}/{variation}/{name}": layout for name, layout in varying.items()}
        return found

    def rows(self, events: ak.Array, varied: Sequence[str]) -> Rows:
        """The rows of one chunk."""
        analysis = self.events.analysis
        objects = select(events, analysis)
        features = evaluate(objects, self.observables)
        weight = np.ones(len(events))
        if not self.events.is_data:
            factors = Weights(objects, self.events.factors).nominal
            weight = self.events.weight(events, factors)
        beside = {
            "weight": weight,
            "label": np.full(len(events), self.label),
            "fold": folds.folds_of(folds.event_hash(events), analysis.folds),
            **{name: np.asarray(events[name]) for name in IDENTITY},
        }
        types = [(name, BESIDE.get(name, ("<f4",))[0]) for name in (*features, *beside)]
        rows = {EVENTS: _compound(features | beside, types)} | self._padded(objects)
        for variation in varied:
            place = f"{SHAPES}/{variation}"
            with named(variation):
                shifted = select(events, analysis, variation)
                varying = self._padded(shifted)
                if self.observables:
                    features = evaluate(shifted, self.observables)
                    varying[EVENTS] = _compound(features, [(name, "<f4") for name in features])
            rows |= {f"{place}/{name}": array for name, array in varying.items()}
        return rows

    def _padded(self, objects: Objects) -> dict[str, NDArray[Any]]:
        return {name: _leading(objects, name, read) for name, read in self.objects.items()}


def _dtype(read: ObjectsRead) -> np.dtype[Any]:
    return np.dtype([*((name, "<f4") for name in read.fields), (VALID, "?")])


def _compound(columns: Mapping[str, NDArray[Any]], types: list[tuple[str, str]]) -> NDArray[Any]:
    rows = np.empty(len(next(iter(columns.values()))), np.dtype(types))
    for name, values in columns.items():
        rows[name] = values
    return rows


def _leading(objects: Objects, name: str, read: ObjectsRead) -> NDArray[Any]:
    """The leading objects of each event, (N, M); what is beyond the last is 0 and not valid.

    Raises `InputError` for a field that they do not have, and one that is NaN or infinite, unless
    networks know that it may be missing.
    """
    found = getattr(objects, name)
    counts = ak.to_numpy(ak.num(found))
    place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    event = np.repeat(np.arange(len(counts)), counts)
    kept = place < read.leading
    rows = np.zeros((len(counts), read.leading), _dtype(read))
    at = event[kept], place[kept]
    rows[VALID][at] = True
    for field in read.fields:
        values = _flat(found, field)
        if values is None:
            raise InputError(
                f"objects.{name} has no {field!r} that is a number (there is "
                f"{', '.join(found.fields)}); is the branch kept (skim.branches), the alias set?"
            )
        if field not in read.missing:
            require_finite(values[kept], f"{field} of objects.{name}")
        rows[field][at] = values[kept]
    return rows


def _flat(found: ak.Array, field: str) -> NDArray[Any] | None:
    """One number for each object of all events; None if it is no such field."""
    values = getattr(found, field, None)  # fields, and what `vector` makes of them: energy, px
    if not isinstance(values, ak.Array):
        return None
    flat = ak.flatten(values, axis=1)
    try:
        return np.asarray(ak.to_numpy(ak.fill_none(flat, np.nan)), np.float32)
    except (TypeError, ValueError):
        return None
