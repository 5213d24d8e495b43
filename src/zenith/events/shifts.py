"""Shape systematics of jets: energy scale and resolution, propagated to the missing momentum."""

import functools
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zenith.config import Analysis
from zenith.config.systematics import ShapeSystematic
from zenith.errors import ConfigError
from zenith.events import splits
from zenith.events.formats.tables import Events, Lists, Table


def shifted(events: Events, analysis: Analysis, variation: str) -> Events:
    """The events with pT and mass of whole collections, and MET, under a shape variation.

    `variation` is the name of a systematic and `_up` or `_down`. Each collection that an object
    of the systematic is selected from is shifted once, before any cut.

    MET takes up minus the vector sum of the change of the collection of the *first* object that
    the systematic names. The others are other clusterings of the same energy (fat jets of what
    the jets are made of): to add their change would count it twice. Unclustered energy stays.

    Raises
    ------
    ConfigError
        `variation` is not a shape variation of the configuration.
    InputError
        The events lack a collection, a field of it, or MET.
    """
    name, _, side = variation.rpartition("_")
    systematic = analysis.systematics.get(name)
    if variation not in analysis.shapes or not isinstance(systematic, ShapeSystematic):
        raise ConfigError(
            f"systematics: there is no shape variation {variation!r}; "
            f"there is {', '.join(analysis.shapes) or 'none'}"
        )
    key = f"systematics.{name}"
    changed: dict[str, Lists] = {}
    met = Table.of({})
    for collection in dict.fromkeys(analysis.objects[o].collection for o in systematic.objects):
        lists = events.collection(collection, key)
        for part in ("pt", "phi", "mass"):
            lists.flat.require(part, key, f"{collection}_")
        stream = f"{name}:{collection}"
        factor = _Factor(systematic, side, events.numbers, lists, stream, analysis.seed)
        if not changed:
            met = _recoil(events.numbers, analysis.met, lists, factor)
        changed[collection] = Lists(lists.counts, lists.flat.replace(factor.scaled()))
    return events.replace(met, changed)


@dataclass(frozen=True)
class _Factor:
    """What multiplies pT and mass of the objects of a collection under a variation."""

    systematic: ShapeSystematic
    side: str
    events: Table
    lists: Lists
    stream: str
    seed: int

    @functools.cached_property
    def values(self) -> NDArray[np.float64] | float:
        """A number for each object, or one for all."""
        shift = self.systematic.size if self.side == "up" else -self.systematic.size
        if self.systematic.kind == "energy_scale":
            return 1.0 + shift
        # The same relative shift up and down, mirrored; nothing is turned round by a large one.
        return np.maximum(1.0 + shift * self._gaussian(), 0.0)

    def scaled(self) -> Table:
        """pT and mass of the objects times the factor."""
        flat = self.lists.flat
        one = 1.0 if self.systematic.kind == "energy_scale" else np.float64(1.0)
        types = {part: np.result_type(flat.types[part], one) for part in ("pt", "mass")}
        return Table(types, lambda part: flat[part] * self.values)

    def _gaussian(self) -> NDArray[np.float64]:
        """A standard normal number for each object: a function of its identity, stream and seed.

        The identity is (run, luminosityBlock, event, index in the collection): any order of files
        and any chunks give the same numbers.
        """
        from scipy.special import ndtri  # a third of what a skim imports, and it draws nothing

        event = splits.event_hash(self.events)[self.lists.events]
        index = np.arange(len(event)) - self.lists.offsets[self.lists.events]
        number = splits.hash_of(event, index, self.seed, zlib.crc32(self.stream.encode()))
        return np.asarray(ndtri(splits.uniform(number)))


def _recoil(events: Table, met: str, lists: Lists, factor: _Factor) -> Table:
    """The branches of MET after the objects gained `factor - 1` of their transverse momentum."""
    names = {part: f"{met}_{part}" for part in ("pt", "phi")}
    for branch in names.values():
        events.require(branch, "met")

    @functools.cache
    def momentum() -> list[NDArray[np.floating]]:
        pt, phi = (events[branch] for branch in names.values())
        change = lists.flat["pt"] * (factor.values - 1.0)
        return [pt * f(phi) - lists.sum(change * f(lists.flat["phi"])) for f in (np.cos, np.sin)]

    def evaluate(branch: str) -> NDArray[np.floating]:
        px, py = momentum()
        found = np.hypot(px, py) if branch == names["pt"] else np.arctan2(py, px)
        return np.asarray(found, events.types[branch])

    return Table({branch: events.types[branch] for branch in names.values()}, evaluate)
