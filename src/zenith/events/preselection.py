"""The structural cuts of a skim: an event stays if any shift of it passes them all."""

from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from zenith.comparison import Comparison, parse
from zenith.config import Analysis, observables_of
from zenith.events import copies, shifts
from zenith.events.formats.arrays import Events
from zenith.events.objects import Objects, select
from zenith.observable import Observable


@dataclass(frozen=True)
class _Check:
    """One cut, and the shape variations that move what it looks at."""

    cut: Comparison
    observable: Observable
    moved_by: frozenset[str]

    def passes(self, objects: Objects) -> NDArray[np.bool_]:
        # In single precision, as the columns are that later cuts are made on.
        found = ak.to_numpy(self.observable(objects), allow_missing=True).astype(np.float32)
        values = np.ma.filled(found, np.float32(self.observable.missing))
        return np.asarray(self.cut.hard(values, {}))


class Preselection:
    """The cuts `skim.cuts`, made one after the other.

    Objects are only selected when a cut asks for them, and a variation is only tried on events
    that the nominal selection loses at a cut which the variation moves.

    Parameters
    ----------
    analysis
        Its cuts, objects and shape variations.
    nothing
        No events, with the branches that later ones will have.
    data
        Data have no variations.
    """

    def __init__(self, analysis: Analysis, nothing: Events, *, data: bool) -> None:
        self._analysis = analysis
        self._variations = []
        if not data:
            points = [*copies.of_any(analysis), *shifts.corners(analysis)]
            self._variations = [*shifts.variations(analysis), *points]
        observables = observables_of(analysis)
        objects = select(nothing, analysis)
        self._checks = []
        for cut in map(parse, analysis.skim.cuts):
            observable = observables[cut.observable]
            witness = _Witness(objects)
            observable(witness)
            moved_by = {v for v in self._variations if _moves(analysis, v, witness.used)}
            self._checks.append(_Check(cut, observable, frozenset(moved_by)))

    def cuts_passed(self, events: Events, among: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How many of the cuts an event passes before it fails one, shape (events,).

        The largest number under any variation: an event stays if it is the number of all cuts.
        Only the events `among` are looked at; the others have passed none.
        """
        best = self._passed(events, among)
        movable = np.array([bool(check.moved_by) for check in self._checks] + [False])
        lost = among & movable[best]
        if lost.any():
            best[lost] = self._varied(events.choose(lost), best[lost])
        return best

    def _varied(self, events: Events, nominal: NDArray[np.int64]) -> NDArray[np.int64]:
        """`cuts_passed` of events that pass so many of the cuts without a variation."""
        best = nominal.copy()
        for variation in self._variations:
            moved = np.array([variation in check.moved_by for check in self._checks])
            again = (best < len(moved)) & moved[nominal]
            # The cuts before the first that moves were passed already.
            passed = self._passed(events, again, variation, first=int(moved.argmax()))
            best = np.maximum(best, passed)
        return best

    def _passed(
        self,
        events: Events,
        among: NDArray[np.bool_],
        variation: str | None = None,
        first: int = 0,
    ) -> NDArray[np.int64]:
        """`cuts_passed` under one variation, the first of the cuts taken as passed."""
        passed = np.where(among, first, 0)
        left, rows = among, np.arange(len(events))
        objects = select(events, self._analysis, variation)
        for number, check in enumerate(self._checks[first:], start=first + 1):
            if not left.any():
                break
            if 2 * np.count_nonzero(left) < len(left):  # to choose costs about as much as a cut
                events, rows = events.choose(left), rows[left]
                left, objects = left[left], select(events, self._analysis, variation)
            left = left & check.passes(objects)
            passed[rows[left]] = number
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


def _moves(analysis: Analysis, variation: str, used: set[str]) -> bool:
    """Whether a shape variation changes any of the objects."""
    collections = shifts.collections(analysis, variation)
    moved = {name for name, o in analysis.objects.items() if o.collection in collections}
    for name, described in analysis.objects.items():  # they only keep away from earlier ones
        if moved & set(described.away_from):
            moved.add(name)
    return bool(used & (moved | {"met", "event"}))
