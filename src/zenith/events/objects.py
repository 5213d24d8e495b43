"""The objects of an analysis: which muons, jets and fat jets of an event count."""

import functools
import operator
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import awkward as ak
import vector

from zenith.config import Analysis
from zenith.config.selection import ObjectCut, PhysicsObject
from zenith.errors import ConfigError, InputError
from zenith.events import fields, shifts

OPERATORS = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
T = TypeVar("T")
_VECTORS = vector.backends.awkward.behavior


class Objects:
    """The selected objects of a chunk of events: what observables are functions of.

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

    def __init__(self, selected: Mapping[str, ak.Array], met: ak.Array, event: ak.Array) -> None:
        self.met = met
        self.event = event
        self._selected = dict(selected)
        self._shared: dict[Callable[..., Any], Any] = {}

    def __getattr__(self, name: str) -> ak.Array:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._selected[name]
        except KeyError:
            raise ConfigError(
                f"objects: {name!r} is not defined, but an observable uses it; "
                f"there is {', '.join(self._selected)}"
            ) from None

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
    selected: dict[str, ak.Array] = {}
    for name, wanted in analysis.objects.items():
        selected[name] = _select(events, name, wanted, selected)
    met = {part: fields.field(events, analysis.met, part, "met") for part in ("pt", "phi")}
    return Objects(selected, ak.zip(met, with_name="Momentum2D", behavior=_VECTORS), events)


def _select(
    events: ak.Array, name: str, wanted: PhysicsObject, earlier: Mapping[str, ak.Array]
) -> ak.Array:
    key = f"objects.{name}"
    found = fields.lookup(events, wanted.collection, f"{key}.collection")
    if found.ndim < 2:
        raise InputError(f"{key}.collection: {wanted.collection} has one entry in every event")
    for part in ("pt", "eta", "phi", "mass"):
        fields.field(events, wanted.collection, part, key)
    found = ak.with_name(found, "Momentum4D", behavior=_VECTORS)
    passed = ak.ones_like(found.pt, dtype=bool)
    for cut in wanted.cuts:
        value = fields.field(events, wanted.collection, cut.field, f"{key}.cuts")
        passed = passed & _passes(value, cut)
    found = found[passed]
    for alias, original in wanted.aliases.items():
        fields.field(events, wanted.collection, original, f"{key}.aliases.{alias}")
        found = ak.with_field(found, found[original], alias)
    for other, distance in wanted.away_from.items():
        found = found[is_away_from(found, earlier[other], distance)]
    # Packed: otherwise every use of a field goes through the cuts and the order again.
    return ak.to_packed(found[ak.argsort(found.pt, ascending=False)])


def _passes(value: ak.Array, cut: ObjectCut) -> ak.Array:
    if cut.absolute:
        value = abs(value)
    return value != 0 if cut.operator is None else OPERATORS[cut.operator](value, cut.value)


def is_away_from(found: ak.Array, others: ak.Array, distance: float) -> ak.Array:
    """Whether all `others` of the event are at least ΔR = `distance` from each of `found`."""
    mine, theirs = ak.unzip(ak.cartesian([found, others], nested=True))
    return ak.all(mine.deltaR(theirs) >= distance, axis=-1)
