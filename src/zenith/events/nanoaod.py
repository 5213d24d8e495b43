"""The shape of NanoAOD: flat branches on disk, nested collections in memory.

A branch `Muon_pt` with one list of numbers per event is the field `pt` of the collection `Muon`.
"""

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import awkward as ak
import numpy as np
import vector
from numpy.typing import NDArray

FOUR_MOMENTUM = ("pt", "eta", "phi", "mass")
VECTORS = vector.backends.awkward.behavior
_COORDINATES = {*FOUR_MOMENTUM, "x", "y", "z", "t", "rho", "theta", "tau", "px", "py", "pz"} | {
    "E", "e", "energy", "M", "m"
}  # fmt: skip


def split_name(branch: str) -> tuple[str, str]:
    """`Muon_pfRelIso03_all` as `("Muon", "pfRelIso03_all")`; the field is "" without a prefix."""
    prefix, _, field = branch.partition("_")
    return prefix, field


def as_events(branches: Mapping[str, ak.Array] | ak.Array) -> ak.Array:
    """Flat NanoAOD branches as one record per event, with nested collections.

    Lists become collections, `events.Muon.pt` (events × muons). Numbers keep their branch name,
    `events.HLT_Mu50`, and those with a common prefix are also a record, `events.MET.pt`. The
    counters `nMuon` are left out: `ak.num(events.Muon)` tells. What has pt, eta, phi and mass is
    a four-momentum of `vector`; what has pt and phi, a two-momentum.

    Parameters
    ----------
    branches
        Branch name → array, or a record array with these fields; all of the same length.
    """
    names = branches.fields if isinstance(branches, ak.Array) else list(branches)
    lists: dict[str, dict[str, ak.Array]] = {}
    numbers: dict[str, dict[str, ak.Array]] = {}
    events: dict[str, ak.Array] = {}
    for name in names:
        array = branches[name]
        prefix, field = split_name(name)
        group = numbers if array.ndim == 1 else lists
        if field:
            group.setdefault(prefix, {})[field] = array
        if group is numbers or not field:
            events[name] = array
    for group, depth in ((numbers, 1), (lists, 2)):  # a collection outdoes a record of its name
        for prefix, fields in group.items():
            events[prefix] = ak.zip(
                fields,
                depth_limit=depth,
                with_name=_momentum(fields),
                behavior=VECTORS,
            )
    for prefix in lists:
        events.pop(f"n{prefix}", None)
    return ak.zip(events, depth_limit=1, behavior=VECTORS)


def _momentum(fields: Iterable[str]) -> str | None:
    """The behaviour of `vector` for these fields; it refuses coordinates that contend."""
    coordinates = set(fields) & _COORDINATES
    if coordinates == set(FOUR_MOMENTUM):
        return "Momentum4D"
    return "Momentum2D" if coordinates == {"pt", "phi"} else None


def apart(collection: ak.Array) -> tuple[NDArray[np.int64], dict[str, ak.Array]]:
    """The number of objects in each event, and the fields of the objects of all events, flat."""
    flat = ak.flatten(collection)
    return ak.num(collection).to_numpy(), {name: flat[name] for name in flat.fields}


def together(
    counts: NDArray[np.int64],
    flat: Mapping[str, Any],
    record: str | None,
    evaluate: Callable[[Any], NDArray[Any]],
) -> ak.Array:
    """What `apart` undoes, with the behaviour of `vector` that `record` names.

    The field `name` is `evaluate(flat[name])`, an array of the same type, once it is asked for.
    """
    types = {name: ak.type(array).content for name, array in flat.items()}
    forms = [ak.forms.from_type(kind).copy(form_key=name) for name, kind in types.items()]
    parameters = {"__record__": record} if record else None
    record_form = ak.forms.RecordForm(forms, list(flat), parameters=parameters)
    buffers: dict[str, Any] = {
        f"{name}-data": functools.partial(evaluate, array) for name, array in flat.items()
    }
    buffers["-offsets"] = np.concatenate([[0], np.cumsum(counts)])
    form = ak.forms.ListOffsetForm("i64", record_form, form_key="")
    return ak.from_buffers(form, len(counts), buffers, behavior=VECTORS)
