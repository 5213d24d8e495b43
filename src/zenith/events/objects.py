"""The objects of an analysis: which muons, jets and fat jets of an event count."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from zenith.comparison import COMPARE
from zenith.config import Analysis
from zenith.config.selection import ObjectCut, PhysicsObject
from zenith.errors import ConfigError
from zenith.events import shifts
from zenith.events.formats.arrays import Events, Lists, Table
from zenith.events.formats.views import FOUR_MOMENTUM, VECTORS, flattened, jagged, nested, record

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

    met: ak.Array
    event: ak.Array

    def __init__(self, size: int, selections: Mapping[str, Callable[[], ak.Array]]) -> None:
        self._size = size
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
        selected = self._selections[name]()
        setattr(self, name, selected)  # from now on an attribute
        return selected

    def __len__(self) -> int:
        return self._size


def shared(function: Callable[[Objects], T]) -> Callable[[Objects], T]:
    """Make a function of the objects run once for each chunk, however many observables call it."""

    @functools.wraps(function)
    def once(objects: Objects) -> T:
        if function not in objects._shared:
            objects._shared[function] = function(objects)
        found: T = objects._shared[function]
        return found

    return once


def select(events: ak.Array | Events, analysis: Analysis, variation: str | None = None) -> Objects:
    """The objects that the configuration asks for, in its order.

    `events` is a record array with nested collections, or flat arrays (`formats.views`).
    `variation` is None or one of `shifts.variations`, `jes_up` for example: whole collections and
    MET are shifted before any cut (`zenith.events.shifts`).

    Raises
    ------
    InputError
        A collection or field that the configuration names is missing.
    """
    flat = flattened(events)
    if variation is not None:
        flat = shifts.shifted(flat, analysis, variation)
    chosen: dict[str, Callable[[], Lists]] = {}
    for name, wanted in analysis.objects.items():
        found = _checked(flat, f"objects.{name}", wanted)
        chosen[name] = functools.cache(functools.partial(_choose, found, wanted, dict(chosen)))
    selections: dict[str, Callable[[], ak.Array]] = {
        name: functools.partial(_momenta, lists) for name, lists in chosen.items()
    }
    if analysis.met is not None:
        met = {part: f"{analysis.met}_{part}" for part in ("pt", "phi")}
        for branch in met.values():
            flat.numbers.require(branch, "met")
        selections["met"] = lambda: ak.Array(
            record({part: flat.numbers[branch].astype(float) for part, branch in met.items()}),
            behavior=VECTORS,
        )
    unchanged = variation is None and isinstance(events, ak.Array)
    selections["event"] = lambda: events if unchanged else nested(flat)
    return Objects(len(flat), selections)


def _checked(events: Events, key: str, wanted: PhysicsObject) -> Lists:
    """The collection that an object is selected from, if it has all the fields that it takes."""
    found = events.collection(wanted.collection, f"{key}.collection")
    needed = dict.fromkeys(FOUR_MOMENTUM, key)
    needed |= {cut.field: f"{key}.cuts" for cut in wanted.cuts if cut.field not in needed}
    for alias, original in wanted.aliases.items():
        needed.setdefault(original, f"{key}.aliases.{alias}")
    for field in needed:
        found.flat.require(field, needed[field], f"{wanted.collection}_")
    return found


def _momenta(lists: Callable[[], Lists]) -> ak.Array:
    """In double precision: the last digit of cos in single depends on the processor."""
    found = lists()
    return jagged(Lists(found.counts, found.flat.double()), "Momentum4D")


def _choose(
    found: Lists, wanted: PhysicsObject, chosen: Mapping[str, Callable[[], Lists]]
) -> Lists:
    """Cuts, overlap removal with what was chosen before, and order: highest pT first."""
    flat = found.flat
    passed = np.ones(found.offsets[-1], bool)
    for cut in wanted.cuts:
        passed &= passes(flat[cut.field], cut)
    index = np.flatnonzero(passed)
    event = found.events[index]
    for other, distance in wanted.away_from.items():
        away = np.flatnonzero(_away_from(flat, index, event, chosen[other](), distance))
        index, event = index[away], event[away]
    counts = np.bincount(event, minlength=len(found.counts))

    @functools.cache
    def by_pt() -> NDArray[np.intp]:
        pt = flat["pt"][index]
        if np.all((pt[1:] <= pt[:-1]) | (event[1:] != event[:-1])):  # the order of most files
            return index
        return index[np.lexsort((-pt, event))]

    return Lists(counts, flat.rename(wanted.aliases).take(by_pt))


def passes(value: NDArray[Any], cut: ObjectCut) -> Any:
    """Whether each value meets a requirement."""
    """Whether the values of a field pass a cut on it."""
    if cut.absolute:
        value = abs(value)
    return value != 0 if cut.operator is None else COMPARE[cut.operator](value, cut.value)


def _away_from(
    flat: Table,
    index: NDArray[np.intp],
    event: NDArray[np.intp],
    others: Lists,
    distance: float,
) -> NDArray[np.bool_]:
    """Whether each object at `index` is at least ΔR = `distance` from all `others` of its event."""
    mine = [flat[part][index].astype(float) for part in ("eta", "phi")]
    theirs = [others.flat[part].astype(float) for part in ("eta", "phi")]
    counts, first = others.counts[event], others.offsets[event]
    away = np.ones(len(index), bool)
    for n in range(counts.max(initial=0)):  # the n-th of each event that has as many
        rows = np.flatnonzero(counts > n)
        other = first[rows] + n
        eta, phi = (np.abs(a[rows] - b[other]) for a, b in zip(mine, theirs, strict=True))
        away[rows] &= np.hypot(eta, np.minimum(phi, 2 * np.pi - phi)) >= distance
    return away
