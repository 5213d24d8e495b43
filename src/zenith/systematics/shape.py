"""Shape systematics of jets: energy scale and resolution, propagated to the missing momentum."""

import functools
import zlib
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from zenith.config import Analysis
from zenith.config.base import Name, Positive, Section, known
from zenith.config.marks import concerns
from zenith.config.selection import ObjectCut
from zenith.config.steps import TEMPLATES
from zenith.config.systematics import KIND, SHAPES, Side
from zenith.events import folds
from zenith.events.formats.arrays import Events, Lists, Table
from zenith.events.shifts import Shift


class SizeByField(Section):
    """A size that depends on a field of the objects: linear between points, constant beyond."""

    field: Annotated[str, Field(description="field of each object, pt or abs(eta) for example")]
    at: Annotated[
        tuple[float, ...], Field(min_length=2, description="values of the field, increasing")
    ]
    size: Annotated[
        tuple[Annotated[float, Field(gt=-1.0, lt=1.0)], ...],
        Field(description="the size at each of them; one of the other sign shifts the other way"),
    ]

    @model_validator(mode="after")
    def _points(self) -> "SizeByField":
        _field(self.field)
        if any(low >= high for low, high in pairwise(self.at)):
            raise ValueError(f"at must increase, not {list(self.at)}")
        if len(self.at) != len(self.size):
            raise ValueError(
                f"at has {len(self.at)} values and size {len(self.size)}: as many each"
            )
        if not any(self.size):
            raise ValueError("size is zero everywhere: leave the systematic out")
        return self

    def of(self, lists: Lists) -> NDArray[np.float64]:
        """The size of each object."""
        name, absolute = _field(self.field)
        values = lists.flat[name]
        return np.asarray(np.interp(np.abs(values) if absolute else values, self.at, self.size))


def _field(text: str) -> tuple[str, bool]:
    """The field of an object that a text names, and whether its absolute value is meant."""
    wanted = ObjectCut.model_validate(text)
    if wanted.operator is not None:
        raise ValueError(f"field is a field, pt or abs(eta), not {text!r}")
    return wanted.field, wanted.absolute


class ShapeSystematic(Shift):
    """Other objects: momenta of jets, by scale or by resolution, propagated to MET."""

    type: Annotated[
        Literal["shape"],
        Field(description=KIND),
        SHAPES,
        concerns(*TEMPLATES),
    ]
    kind: Annotated[
        Literal["energy_scale", "energy_resolution"], Field(description="what is shifted"), SHAPES
    ]
    objects: Annotated[
        tuple[Name, ...], Field(min_length=1, description="objects that shift"), SHAPES
    ]
    size: Annotated[
        Annotated[Positive, Field(lt=1.0)] | SizeByField,
        Field(
            description="relative shift (scale), or relative width of added smearing "
            "(resolution); a number, or by a field of the objects",
        ),
        SHAPES,
    ]

    def agree(self, analysis: Analysis, key: str) -> None:
        """The objects are defined."""
        super().agree(analysis, key)
        known(self.objects, analysis.objects, f"{key}.objects")

    def collections(self, analysis: Analysis) -> set[str]:
        """Those that the objects are selected from."""
        return {analysis.objects[name].collection for name in self.objects}

    @property
    def is_continuous(self) -> bool:
        """A scale; more smearing at either side says nothing of a better resolution."""
        return self.kind == "energy_scale"

    def shifted(self, events: Events, analysis: Analysis, name: str, side: Side) -> Events:
        """The events at one standard deviation."""
        return self.moved(events, analysis, name, 1.0 if side == "up" else -1.0)

    def moved(self, events: Events, analysis: Analysis, name: str, pull: float) -> Events:
        """The events with pT and mass of whole collections, and MET, changed.

        Each collection that one of the objects is selected from is shifted once, before any cut.

        MET takes up minus the vector sum of the change of the collection of the *first* object. The
        others are other clusterings of the same energy (fat jets of what the jets are made of): to
        add their change would count it twice. Unclustered energy stays.

        Raises InputError where the events lack a collection, a field of it, or MET.
        """
        key = f"systematics.{name}"
        changed: dict[str, Lists] = {}
        met = Table.of({})
        for collection in dict.fromkeys(analysis.objects[o].collection for o in self.objects):
            lists = events.collection(collection, key)
            for part in ("pt", "phi", "mass"):
                lists.flat.require(part, key, f"{collection}_")
            if isinstance(self.size, SizeByField):
                lists.flat.require(_field(self.size.field)[0], f"{key}.size", f"{collection}_")
            stream = f"{name}:{collection}"
            factor = _Factor(self, pull, events.numbers, lists, stream, analysis.seed)
            if not changed and analysis.met is not None:
                met = _recoil(events.numbers, analysis.met, lists, factor)
            changed[collection] = Lists(lists.counts, lists.flat.replace(factor.scaled()))
        return events.replace(met, changed)


@dataclass(frozen=True)
class _Factor:
    """What multiplies pT and mass of the objects of a collection under a variation."""

    systematic: ShapeSystematic
    pull: float
    events: Table
    lists: Lists
    stream: str
    seed: int

    @functools.cached_property
    def values(self) -> NDArray[np.float64] | float:
        """A number for each object, or one for all."""
        size = self.systematic.size
        of_object = size.of(self.lists) if isinstance(size, SizeByField) else size
        shift = self.pull * of_object
        if self.systematic.kind == "energy_scale":
            return 1.0 + shift
        # The same relative shift up and down, mirrored; nothing is turned round by a large one.
        return np.maximum(1.0 + shift * self._gaussian(), 0.0)

    def scaled(self) -> Table:
        """pT and mass of the objects times the factor."""
        flat = self.lists.flat
        size, kind = self.systematic.size, self.systematic.kind
        one = 1.0 if kind == "energy_scale" and isinstance(size, float) else np.float64(1.0)
        types = {part: np.result_type(flat.types[part], one) for part in ("pt", "mass")}
        return Table(types, lambda part: flat[part] * self.values)

    def _gaussian(self) -> NDArray[np.float64]:
        """A standard normal number for each object: a function of its identity, stream and seed.

        The identity is (run, luminosityBlock, event, index in the collection): any order of files
        and any chunks give the same numbers.
        """
        from scipy.special import ndtri  # a third of what a skim imports, and it draws nothing

        event = folds.event_hash(self.events)[self.lists.events]
        index = np.arange(len(event)) - self.lists.offsets[self.lists.events]
        number = folds.hash_of(event, index, self.seed, zlib.crc32(self.stream.encode()))
        return np.asarray(ndtri(folds.uniform(number)))


def _recoil(events: Table, met: str, lists: Lists, factor: _Factor) -> Table:
    """The branches of MET after the objects gained `factor - 1` of their transverse momentum."""
    names = {part: f"{met}_{part}" for part in ("pt", "phi")}
    for branch in names.values():
        events.require(branch, "met")

    @functools.cache
    def momentum() -> list[NDArray[np.floating]]:
        pt, phi = (events[branch].astype(float) for branch in names.values())
        change = lists.flat["pt"] * (factor.values - 1.0)
        turned = lists.flat["phi"].astype(float)
        return [pt * f(phi) - lists.sum(change * f(turned)) for f in (np.cos, np.sin)]

    def evaluate(branch: str) -> NDArray[np.floating]:
        px, py = momentum()
        found = np.hypot(px, py) if branch == names["pt"] else np.arctan2(py, px)
        return np.asarray(found, events.types[branch])

    return Table({branch: events.types[branch] for branch in names.values()}, evaluate)
