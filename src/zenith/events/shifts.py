"""Shape systematics of jets: energy scale and resolution, propagated to the missing momentum."""

import zlib
from collections.abc import Mapping
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from zenith.config import Analysis
from zenith.config.systematics import ShapeSystematic
from zenith.errors import ConfigError
from zenith.events import fields, splits
from zenith.events.nanoaod import apart, together


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
    changed: dict[str, ak.Array] = {}
    collections = dict.fromkeys(analysis.objects[o].collection for o in systematic.objects)
    for position, collection in enumerate(collections):
        for part in ("pt", "phi", "mass"):
            fields.field(events, collection, part, key)
        counts, flat = apart(events[collection])
        pt = flat["pt"].to_numpy()
        factor = _factor(events, counts, systematic, side, f"{name}:{collection}", analysis.seed)
        moved = {"pt": pt * factor, "mass": flat["mass"].to_numpy() * factor}
        record = events[collection].layout.purelist_parameter("__record__")
        changed[collection] = together(counts, flat | moved, record, ak.to_numpy)
        if position == 0:
            change = pt * (factor - 1.0)
            changed[analysis.met] = _recoil(events, analysis.met, counts, change, flat["phi"])
    return _with_fields(events, changed)


def _factor(
    events: ak.Array,
    counts: NDArray[np.int64],
    systematic: ShapeSystematic,
    side: str,
    stream: str,
    seed: int,
) -> NDArray[np.float64] | float:
    """What multiplies pT and mass of each object, flat, or one number for all."""
    sign = 1.0 if side == "up" else -1.0
    if systematic.kind == "energy_scale":
        return 1.0 + sign * systematic.size
    # The same relative shift up and down, mirrored; nothing is turned round by a large one.
    smeared = 1.0 + sign * systematic.size * _gaussian(events, counts, stream, seed)
    return np.maximum(smeared, 0.0)


def _gaussian(
    events: ak.Array, counts: NDArray[np.int64], stream: str, seed: int
) -> NDArray[np.float64]:
    """A standard normal number for each object, flat: a function of its identity, stream and seed.

    The identity is (run, luminosityBlock, event, index in the collection): any order of files and
    any chunks give the same numbers.
    """
    event = np.repeat(splits.event_hash(events), counts)
    index = np.arange(len(event)) - np.repeat(np.cumsum(counts) - counts, counts)
    number = splits.hash_of(event, index, seed, zlib.crc32(stream.encode()))
    return ndtri(splits.uniform(number))


def _recoil(
    events: ak.Array,
    met: str,
    counts: NDArray[np.int64],
    change: NDArray[np.floating],
    phi: ak.Array,
) -> ak.Array:
    """The MET record after jets at `phi` gained `change` of transverse momentum each, both flat."""
    met_pt, met_phi = (fields.field(events, met, part, "met").to_numpy() for part in ("pt", "phi"))
    phi = phi.to_numpy()
    px, py = (
        met_pt * f(met_phi) - ak.sum(ak.unflatten(change * f(phi), counts), axis=1).to_numpy()
        for f in (np.cos, np.sin)
    )
    return _with_fields(events[met], {"pt": np.hypot(px, py), "phi": np.arctan2(py, px)})


def _with_fields(records: ak.Array, changed: Mapping[str, Any]) -> ak.Array:
    """`ak.with_field` of several fields, without broadcasting all the others."""
    contents = {name: records[name] for name in records.fields} | dict(changed)
    layouts = [ak.to_layout(content) for content in contents.values()]
    layout = ak.contents.RecordArray(
        layouts, list(contents), len(records), parameters=ak.parameters(records)
    )
    return ak.Array(layout, behavior=records.behavior)
