"""Shape systematics of jets: energy scale and resolution, propagated to the missing momentum."""

import zlib

import awkward as ak
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from zenith.config import Analysis
from zenith.config.systematics import ShapeSystematic
from zenith.errors import ConfigError
from zenith.events import fields, splits


def shifted(events: ak.Array, analysis: Analysis, variation: str) -> ak.Array:
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
    nominal = events
    collections = dict.fromkeys(analysis.objects[o].collection for o in systematic.objects)
    for position, collection in enumerate(collections):
        pt, mass = (fields.field(nominal, collection, part, key) for part in ("pt", "mass"))
        factor = _factor(nominal, pt, systematic, side, f"{name}:{collection}", analysis.seed)
        found = ak.with_field(nominal[collection], pt * factor, "pt")
        events = ak.with_field(events, ak.with_field(found, mass * factor, "mass"), collection)
        if position == 0:
            phi = fields.field(nominal, collection, "phi", key)
            change = pt * (factor - 1.0)
            met = _recoil(nominal, analysis.met, change, phi)
            events = ak.with_field(events, met, analysis.met)
    return events


def _factor(
    events: ak.Array,
    pt: ak.Array,
    systematic: ShapeSystematic,
    side: str,
    stream: str,
    seed: int,
) -> ak.Array | float:
    """What multiplies pT and mass of each object, as deep as `pt`, or one number for all."""
    sign = 1.0 if side == "up" else -1.0
    if systematic.kind == "energy_scale":
        return 1.0 + sign * systematic.size
    # The same relative shift up and down, mirrored; nothing is turned round by a large one.
    smeared = 1.0 + sign * systematic.size * _gaussian(events, pt, stream, seed)
    return ak.unflatten(np.maximum(smeared, 0.0), ak.num(pt))


def _gaussian(events: ak.Array, pt: ak.Array, stream: str, seed: int) -> NDArray[np.float64]:
    """A standard normal number for each object, flat: a function of its identity, stream and seed.

    The identity is (run, luminosityBlock, event, index in the collection): any order of files and
    any chunks give the same numbers.
    """
    event = np.repeat(splits.event_hash(events), ak.num(pt).to_numpy())
    index = ak.flatten(ak.local_index(pt)).to_numpy()
    number = splits.hash_of(event, index, seed, zlib.crc32(stream.encode()))
    return ndtri(splits.uniform(number))


def _recoil(events: ak.Array, met: str, change: ak.Array, phi: ak.Array) -> ak.Array:
    """The MET record after jets at `phi` gained `change` of transverse momentum each."""
    met_pt, met_phi = (fields.field(events, met, part, "met") for part in ("pt", "phi"))
    px = met_pt * np.cos(met_phi) - ak.sum(change * np.cos(phi), axis=1)
    py = met_pt * np.sin(met_phi) - ak.sum(change * np.sin(phi), axis=1)
    record = ak.with_field(events[met], np.hypot(px, py), "pt")
    return ak.with_field(record, np.arctan2(py, px), "phi")
