"""The structural cuts of a skim: an event stays if any shape variation of it passes them all."""

from dataclasses import dataclass
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


@dataclass(frozen=True)
class _Check:
    """One cut, the analysis reduced to the objects that it looks at, and what moves these."""

    cut: Cut
    observable: Observable
    analysis: Analysis
    moved_by: frozenset[str]

    def passes(self, events: ak.Array) -> NDArray[np.bool_]:
        # In single precision, as the columns are that later cuts are made on.
        found = self.observable(select(events, self.analysis))
        values = ak.fill_none(found, self.observable.missing).to_numpy().astype(np.float32)
        return OPERATORS[self.cut.operator](values, np.float32(self.cut.threshold))


class Preselection:
    """The cuts `skim.cuts`, made one after the other on what is left.

    Jets are not looked at in events that a cut on the muons has taken away, and a variation is
    only tried on events that the nominal selection loses at a cut which the variation moves.

    Parameters
    ----------
    analysis
        Its cuts, objects and shape variations.
    nothing
        No events, with the branches that later ones will have.
    data
        Data have no variations.
    """

    def __init__(self, analysis: Analysis, nothing: ak.Array, *, data: bool) -> None:
        self._analysis = analysis
        self._variations = [] if data else analysis.shapes
        observables = observables_of(analysis)
        objects = select(nothing, analysis)
        self._checks = []
        for cut in (Cut(cut=text) for text in analysis.skim.cuts):
            observable = observables[cut.observable]
            witness = _Witness(objects)
            observable(witness)
            moved_by = {v for v in self._variations if _moves(analysis, v, witness.used)}
            reduced = _reduced(analysis, witness.used)
            self._checks.append(_Check(cut, observable, reduced, frozenset(moved_by)))

    def cuts_passed(self, events: ak.Array) -> NDArray[np.int64]:
        """How many of the cuts an event passes before it fails one, shape (events,).

        The largest number under any variation: an event stays if it is the number of all cuts.
        """
        nominal = self._passed(events)
        best = nominal.copy()
        for variation in self._variations:
            moved = np.array([variation in check.moved_by for check in self._checks] + [False])
            again = moved[nominal] & (best < len(self._checks))
            if again.any():  # the cuts before the first that moves were passed already
                varied = shifted(events[again], self._analysis, variation)
                passed = self._passed(varied, first=int(moved.argmax()))
                best[again] = np.maximum(best[again], passed)
        return best

    def _passed(self, events: ak.Array, first: int = 0) -> NDArray[np.int64]:
        passed = np.full(len(events), first)
        left = np.arange(len(events))
        for check in self._checks[first:]:
            if not len(left):
                break
            survives = check.passes(events)
            events, left = events[survives], left[survives]
            passed[left] += 1
        return passed


class _Witness:
    """Stands for the objects of events, and notes which of them an observable asks for."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._shared: dict[Any, Any] = {}  # so that what observables share is asked for anew
        self.used: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.used.add(name)
        return getattr(self._objects, name)

    def __len__(self) -> int:
        return len(self._objects)


def _reduced(analysis: Analysis, used: set[str]) -> Analysis:
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
    for name, described in analysis.objects.items():  # they only keep away from earlier ones
        if moved & set(described.away_from):
            moved.add(name)
    return bool(used & (moved | {"met", "event"}))
