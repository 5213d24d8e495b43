"""The structural cuts of a skim: an event stays if any shape variation of it passes them all."""

from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from zenith.config import Analysis, observables_of
from zenith.config.selection import Cut
from zenith.config.systematics import ShapeSystematic
from zenith.events.objects import OPERATORS, Objects, select
from zenith.events.observable import Observable
from zenith.events.shifts import shifted


class _Witness:
    """Stands for the objects of no events, and notes which of them an observable asks for."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self.used: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.used.add(name)
        return getattr(self._objects, name)

    def __len__(self) -> int:
        return 0


def preselect(events: ak.Array, analysis: Analysis, *, data: bool) -> dict[str, NDArray[np.bool_]]:
    """For each cut of `skim.cuts` the events that pass it and those before, shape (events,).

    In simulation, events that pass all cuts under the same shape variation stay as well. Cuts
    are made one after the other on what is left, and only those objects are selected, and only
    those variations tried, that bear on the observable: jets are not looked at in events that a
    cut on the muons has already taken away.
    """
    variations = [] if data else analysis.shapes
    passing = {variation: np.ones(len(events), bool) for variation in (None, *variations)}
    observables = observables_of(analysis)
    total = len(events)
    left = np.arange(total)
    masks: dict[str, NDArray[np.bool_]] = {}
    for text in analysis.skim.cuts:
        cut = Cut(cut=text)
        observable = observables[cut.observable]
        witness = _Witness(select(events[:0], analysis))
        observable(witness)
        wanted = _restricted(analysis, witness.used)
        nominal = _passes(events, wanted, observable, cut)
        for variation in passing:
            if variation is None or not _moves(analysis, variation, witness.used):
                passing[variation] &= nominal
            else:
                varied = shifted(events, analysis, variation)
                passing[variation] &= _passes(varied, wanted, observable, cut)
        survives = np.any(list(passing.values()), axis=0)
        events, left = events[survives], left[survives]
        passing = {variation: mask[survives] for variation, mask in passing.items()}
        masks[text] = np.zeros(total, bool)
        masks[text][left] = True
    return masks


def _passes(
    events: ak.Array, analysis: Analysis, observable: Observable, cut: Cut
) -> NDArray[np.bool_]:
    # In single precision, as the columns are that later cuts are made on.
    values = ak.fill_none(observable(select(events, analysis)), observable.missing)
    return OPERATORS[cut.operator](values.to_numpy().astype(np.float32), np.float32(cut.threshold))


def _restricted(analysis: Analysis, used: set[str]) -> Analysis:
    """The analysis with only the objects that are used, and those they keep away from."""
    wanted = set(used)
    for name, described in reversed(analysis.objects.items()):
        if name in wanted:
            wanted.update(described.away_from)
    objects = {name: o for name, o in analysis.objects.items() if name in wanted}
    return analysis.model_copy(update={"objects": objects})


def _moves(analysis: Analysis, variation: str, used: set[str]) -> bool:
    """Whether a shape variation changes any of the objects."""
    systematic = analysis.systematics[variation.rpartition("_")[0]]
    assert isinstance(systematic, ShapeSystematic)
    collections = {analysis.objects[name].collection for name in systematic.objects}
    moved = {name for name, o in analysis.objects.items() if o.collection in collections}
    for name, described in analysis.objects.items():  # they only stay away from earlier ones
        if moved & set(described.away_from):
            moved.add(name)
    return bool(used & (moved | {"met", "event"}))
