"""The objects of an analysis: which muons, jets and fat jets of an event count."""

import functools
import operator
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from zenith.config import Analysis
from zenith.config.selection import ObjectCut, PhysicsObject
from zenith.errors import ConfigError, InputError
from zenith.events import fields, shifts
from zenith.events.nanoaod import FOUR_MOMENTUM, VECTORS, apart, together

OPERATORS = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
T = TypeVar("T")


class Objects:
    """The selected objects of a chunk of events: what observables are functions of.

    A collection is selected when it is first asked for, and each of its fields then likewise: a
    cut on the number of muons costs nothing for jets, nor for the muons' momenta.

    Attributes
    ----------
    muon, jet, … (the names under `objects` in the configuration)
        Jagged arrays of Lorentz vectors (`vector`, Momentum4D) with the fields of the NanoAOD
        collection and the aliases; highest pT first.
    met
        The missing transverse momentum, pt and phi (`vector`, Momentum2D), shape (events,).
    event
        All branches of the events: `event.run`, `event.PV.npvs`, `event.HLT_Mu50`, …
    """

    def __init__(
        self,
        selections: Mapping[str, Callable[["Objects"], ak.Array]],
        met: ak.Array,
        event: ak.Array,
    ) -> None:
        self.met = met
        self.event = event
        self._selections = dict(selections)
        self._shared: dict[Callable[..., Any], Any] = {}

    def __getattr__(self, name: str) -> ak.Array:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._selections:
            raise ConfigError(
                f"objects: {name!r} is not defined, but an observable uses it; "
                f"there is {', '.join(self._selections)}"
            )
        selected = self._selections[name](self)
        setattr(self, name, selected)  # from now on an attribute
        return selected

    def __len__(self) -> int:
        return len(self.event)


def shared(function: Callable[[Objects], T]) -> Callable[[Objects], T]:
    """Make a function of the objects run once for each chunk, however many observables call it."""

    @functools.wraps(function)
    def once(objects: Objects) -> T:
        if function not in objects._shared:
            objects._shared[function] = function(objects)
        return objects._shared[function]

    return once


def select(events: ak.Array, analysis: Analysis, variation: str | None = None) -> Objects:
    """The objects that the configuration asks for, in its order.

    `events` is a record array with nested collections (`zenith.events.nanoaod`). `variation` is
    None or one of `analysis.shapes`, `jes_up` for example: whole collections and MET are shifted
    before any cut (`zenith.events.shifts`).

    Raises
    ------
    InputError
        A collection or field that the configuration names is missing.
    """
    if variation is not None:
        events = shifts.shifted(events, analysis, variation)
    selections = {}
    for name, wanted in analysis.objects.items():
        found = _checked(events, f"objects.{name}", wanted)
        selections[name] = functools.partial(_select, found, wanted)
    met = {part: fields.field(events, analysis.met, part, "met") for part in ("pt", "phi")}
    return Objects(selections, ak.zip(met, with_name="Momentum2D", behavior=VECTORS), events)


def _checked(events: ak.Array, key: str, wanted: PhysicsObject) -> ak.Array:
    """The collection that an object is selected from, if it has all the fields that it takes."""
    found = fields.lookup(events, wanted.collection, f"{key}.collection")
    if found.ndim < 2:
        raise InputError(f"{key}.collection: {wanted.collection} has one entry in every event")
    needed = dict.fromkeys(FOUR_MOMENTUM, key)
    needed |= {cut.field: f"{key}.cuts" for cut in wanted.cuts if cut.field not in needed}
    for alias, original in wanted.aliases.items():
        needed.setdefault(original, f"{key}.aliases.{alias}")
    for field in needed:
        if field not in found.fields:
            fields.field(events, wanted.collection, field, needed[field])
    return found


def _select(found: ak.Array, wanted: PhysicsObject, objects: Objects) -> ak.Array:
    """Cuts and overlap removal on the flat objects of all events; `vector`s, highest pT first."""
    counts, flat = apart(found)
    passed = np.ones(len(flat["pt"]), bool)
    for cut in wanted.cuts:
        passed &= _passes(flat[cut.field].to_numpy(), cut)
    index = np.flatnonzero(passed)
    event = np.repeat(np.arange(len(counts)), counts)[index]
    vectors = ak.with_name(ak.flatten(found), "Momentum4D", behavior=VECTORS)
    for other, distance in wanted.away_from.items():
        away = _away_from(vectors[index], event, getattr(objects, other), distance)
        index, event = index[away], event[away]
    counts = np.bincount(event, minlength=len(counts))

    @functools.cache
    def by_pt() -> NDArray[np.intp]:
        pt = flat["pt"].to_numpy()[index]
        if np.all((pt[1:] <= pt[:-1]) | (event[1:] != event[:-1])):  # the order of most files
            return index
        order = ak.argsort(ak.unflatten(pt, counts), ascending=False)
        return index[ak.flatten(order + (np.cumsum(counts) - counts)).to_numpy()]

    flat |= {alias: flat[field] for alias, field in wanted.aliases.items()}
    return together(counts, flat, "Momentum4D", lambda field: field.to_numpy()[by_pt()])


def _passes(value: NDArray[Any], cut: ObjectCut) -> Any:
    if cut.absolute:
        value = abs(value)
    return value != 0 if cut.operator is None else OPERATORS[cut.operator](value, cut.value)


def _away_from(
    found: ak.Array, event: NDArray[np.intp], others: ak.Array, distance: float
) -> NDArray[np.bool_]:
    """Whether each of `found` (flat) is at least ΔR = `distance` from all `others` of its event."""
    counts = ak.num(others).to_numpy()
    first = (np.cumsum(counts) - counts)[event]
    others = ak.flatten(others)
    away = np.ones(len(found), bool)
    for n in range(counts.max(initial=0)):  # the n-th of each event that has as many
        rows = np.flatnonzero(counts[event] > n)
        distances = found[rows].deltaR(others[first[rows] + n])
        away[rows] &= distances.to_numpy() >= distance
    return away
