"""The two views of events in NanoAOD's shape: flat branches, and nested collections.

A branch `Muon_pt` with one list of numbers per event is the field `pt` of the collection `Muon`.
"""

import functools
from collections.abc import Iterable, Mapping
from typing import Any

import awkward as ak
import numpy as np
import vector
from numpy.typing import NDArray

from zenith.errors import InputError
from zenith.events.formats.arrays import Events, Lists, Table

FOUR_MOMENTUM = ("pt", "eta", "phi", "mass")
VECTORS = vector.backends.awkward.behavior
_COORDINATES = {*FOUR_MOMENTUM, "x", "y", "z", "t", "rho", "theta", "tau", "px", "py", "pz"} | {
    "E", "e", "energy", "M", "m"
}  # fmt: skip


def split_name(branch: str) -> tuple[str, str]:
    """`Muon_pfRelIso03_all` as `("Muon", "pfRelIso03_all")`; the field is "" without a prefix."""
    prefix, _, field = branch.partition("_")
    return prefix, field


def as_events(branches: Mapping[str, Any] | ak.Array) -> ak.Array:
    """Flat NanoAOD branches as one record per event, with nested collections.

    Lists become collections, `events.Muon.pt` (events × muons). Numbers keep their branch name,
    `events.HLT_Mu50`, and those with a common prefix are also a record, `events.MET.pt`. The
    counters `nMuon` are left out: `ak.num(events.Muon)` tells. What has pt, eta, phi and mass is
    a four-momentum of `vector`; what has pt and phi, a two-momentum.

    Parameters
    ----------
    branches
        Branch name → array, or a record array with these fields; all of the same length.

    Raises
    ------
    InputError
        The lists of a collection differ in length from branch to branch.
    """
    return nested(from_branches(branches))


def from_branches(
    branches: Mapping[str, Any] | ak.Array,
    places: Mapping[str, tuple[str, str]] | None = None,
    *,
    optional: bool = False,
) -> Events:
    """The same as flat arrays, numbers and collections; raises as `as_events` does.

    `places` says of which collection a list is, and its field there; else its name does. A number
    that an event lacks, None, becomes NaN, `optional` as in `Events`.
    """
    size = 0
    numbers: dict[str, NDArray[Any]] = {}
    offsets: dict[str, NDArray[np.int64]] = {}
    flat: dict[str, dict[str, NDArray[Any]]] = {}
    for name in branches.fields if isinstance(branches, ak.Array) else branches:
        array = branches[name]
        size = len(array)
        if array.ndim == 1:
            if isinstance(ak.type(array).content, ak.types.OptionType):
                array, optional = ak.fill_none(array, np.nan), True
            numbers[name] = ak.to_numpy(array)
            continue
        prefix, field = (places or {}).get(name) or split_name(name)
        layout = ak.to_layout(array)
        if layout.is_indexed:
            layout = layout.project()
        layout = layout.to_ListOffsetArray64(True)
        here = layout.offsets.data
        if not np.array_equal(offsets.setdefault(prefix, here), here):
            raise InputError(
                f"branch {name}: its lists are not as long as those of other branches of {prefix}; "
                "if it is none of them, leave it out of skim.branches; else the file may be "
                "damaged, copy it again"
            )
        flat.setdefault(prefix, {})[field] = ak.to_numpy(layout.content)[: here[-1]]
    for prefix in flat:
        numbers.pop(f"n{prefix}", None)
    lists = {name: Lists(np.diff(offsets[name]), Table.of(flat[name])) for name in flat}
    return Events(size, Table.of(numbers), lists, optional)


def nested(events: Events) -> ak.Array:
    """Flat arrays as `as_events` gives them; the fields of collections are evaluated on use."""
    numbers = {name: events.numbers[name] for name in events.numbers.fields}
    parts: dict[str, Any] = {name: _number(a, events.optional) for name, a in numbers.items()}
    records: dict[str, dict[str, Any]] = {}
    for name, content in parts.items():
        prefix, field = split_name(name)
        if field:
            records.setdefault(prefix, {})[field] = content
    parts |= {name: record(fields) for name, fields in records.items()}
    # A collection outdoes a record of its name.
    parts |= {
        name: jagged(lists, momentum(lists.flat.fields)).layout
        for name, lists in events.lists.items()
    }
    layout = ak.contents.RecordArray(list(parts.values()), list(parts), events.size)
    return ak.Array(layout, behavior=VECTORS)


def flattened(events: ak.Array | Events) -> Events:
    """What `nested` undoes; flat arrays are returned as they are."""
    if isinstance(events, Events):
        return events
    branches, places = {}, {}
    for name in events.fields:
        array = events[name]
        if array.ndim == 1 and not array.fields:  # a record of numbers only repeats branches
            branches[name] = array
        elif array.ndim > 1:
            for field in array.fields or [""]:
                branch = f"{name}_{field}" if field else name
                branches[branch] = array[field] if field else array
                places[branch] = (name, field)
    return from_branches(branches, places)


def jagged(lists: Lists, record: str | None) -> ak.Array:
    """Lists as an awkward array, with the behaviour of `vector` that `record` names.

    A field is evaluated when it is first used.
    """
    types = lists.flat.types
    contents: list[ak.forms.Form] = [
        ak.forms.NumpyForm(kind.name, form_key=name) for name, kind in types.items()
    ]
    buffers: dict[str, Any] = {
        f"{name}-data": functools.partial(lists.flat.__getitem__, name) for name in types
    }
    buffers["lists-offsets"] = lists.offsets
    parameters = {"__record__": record} if record else None
    bare = list(types) == [""]
    content = (
        contents[0] if bare else ak.forms.RecordForm(contents, list(types), parameters=parameters)
    )
    form = ak.forms.ListOffsetForm("i64", content, form_key="lists")
    return ak.from_buffers(form, len(lists.counts), buffers, behavior=VECTORS)


def _number(array: NDArray[Any], optional: bool) -> ak.contents.Content:
    """A number in each event; None where it is NaN, if that stands for none."""
    content = ak.contents.NumpyArray(array)
    if optional and array.dtype.kind == "f" and (lacking := np.isnan(array)).any():
        return ak.contents.ByteMaskedArray(ak.index.Index8(lacking), content, valid_when=False)
    return content


def record(fields: Mapping[str, Any]) -> ak.contents.RecordArray:
    """Arrays of one length as one record in each event, with the behaviour of `vector`."""
    contents = [ak.to_layout(array) for array in fields.values()]
    parameters = {"__record__": name} if (name := momentum(fields)) else None
    return ak.contents.RecordArray(contents, list(fields), parameters=parameters)


def momentum(fields: Iterable[str]) -> str | None:
    """The behaviour of `vector` for these fields; it refuses coordinates that contend."""
    coordinates = set(fields) & _COORDINATES
    if coordinates == set(FOUR_MOMENTUM):
        return "Momentum4D"
    return "Momentum2D" if coordinates == {"pt", "phi"} else None
