"""What a ROOT file holds in a TTree or in an RNTuple: one view of both.

NanoAOD's branches are numbers, `MET_pt`, and lists of numbers, `Muon_pt`, each list of a
collection. A TTree says which lists are as long as one another by their counter, `nMuon`. An
RNTuple holds lists without counters or a collection of records, `Muon` with `pt`, whose branch is
called `Muon_pt` here too.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import awkward as ak
import numpy as np
import uproot
from numpy.typing import NDArray
from uproot.behaviors.RNTuple import RNTuple

from zenith.errors import InputError
from zenith.events.formats.protocol import Branch, Tree
from zenith.events.formats.views import split_name
from zenith.events.source import reading


def find(
    file: uproot.ReadOnlyDirectory, path: str, name: str, *, counters: bool = False
) -> Tree | None:
    """The tree of this name in an open file, `FOLDER/NAME` in a folder; None if there is none.

    `counters` are then among its branches, too: numbers like any other.
    """
    if name not in file.keys(recursive="/" in name, cycle=False):
        return None
    found = reading(path, lambda: file[name])
    if isinstance(found, RNTuple):
        return _NTuple(found, path, counters)
    if isinstance(found, uproot.TTree):
        return _TTree(found, path, counters)
    kind = type(found).__name__
    raise InputError(f"{path}: {name} is a {kind}, neither a TTree nor an RNTuple")


class _TTree(Tree):
    def __init__(self, tree: uproot.TTree, path: str, counters_too: bool) -> None:
        self.path, self.entries, self._tree = path, tree.num_entries, tree
        branches = {name: tree[name] for name in tree.keys()}  # noqa: SIM118
        counting = {name: branch.count_branch for name, branch in branches.items()}
        counters = {counter.name for counter in counting.values() if counter is not None}
        counted, named = _collections(counters), _collections(branches)
        found = {}
        for name, branch in branches.items():
            if name in counters and not counters_too:
                continue
            shape, counter = branch.interpretation, counting[name]
            is_list = isinstance(shape, uproot.AsJagged)
            content = shape.content if is_list else shape
            plain = isinstance(content, uproot.AsDtype) and not content.inner_shape
            place: tuple[str | None, str] = (None, "")
            if counter is not None:
                place = _place(name, counter.name.removeprefix("n"), counted)
            elif is_list:
                place = _place(name, None, named)
            found[name] = Branch(branch.typename, content.to_dtype if plain else None, *place)
        self.branches = found if counters_too else _without_counters(found)

    def read(self, names: Iterable[str], start: int = 0, stop: int | None = None) -> dict[str, Any]:
        wanted = list(names)
        return reading(
            self.path,
            lambda: self._tree.arrays(wanted, entry_start=start, entry_stop=stop, how=dict),
        )

    def ends(self, names: Iterable[str]) -> NDArray[np.int64]:
        wanted = set(names)
        return np.array(self._tree.common_entry_offsets(filter_name=wanted.__contains__))


class _NTuple(Tree):
    def __init__(self, ntuple: RNTuple, path: str, counters_too: bool) -> None:
        self.path, self._ntuple = path, ntuple
        self.entries = reading(path, lambda: ntuple.num_entries)
        form, _ = reading(path, ntuple.to_akform)
        records = {n for n, c in zip(form.fields, form.contents, strict=True) if _is_records(c)}
        named = _collections(form.fields) - records
        found = {}
        self._fields: dict[str, tuple[str, ...]] = {}
        for top, content in zip(form.fields, form.contents, strict=True):
            if top.startswith("_"):  # where ROOT's importer keeps what other fields project
                continue
            for where, inner, is_list in _leaves((top,), content):
                name = "_".join(where)
                place: tuple[str | None, str] = (None, "")
                if is_list and top in records:
                    place = top, where[-1]
                elif is_list:
                    place = _place(name, None, named)
                    place = (name, "") if place[0] in records else place
                kind = ntuple[".".join(where)].typename or str(inner.type)
                found[name] = Branch(kind, _numbers(inner), *place)
                self._fields[name] = where
        self.branches = found if counters_too else _without_counters(found)

    def read(self, names: Iterable[str], start: int = 0, stop: int | None = None) -> dict[str, Any]:
        paths = {name: self._fields[name] for name in names}
        if not paths:
            return {}
        keys = [".".join(path) for path in paths.values()]
        arrays = reading(
            self.path, lambda: self._ntuple.arrays(keys, entry_start=start, entry_stop=stop)
        )
        return {name: arrays[path] for name, path in paths.items()}

    def ends(self, names: Iterable[str]) -> NDArray[np.int64]:
        sizes = [cluster.num_entries for cluster in self._ntuple.cluster_summaries]
        return np.cumsum([0, *sizes])


def _leaves(
    path: tuple[str, ...], form: ak.forms.Form, is_list: bool = False
) -> Iterator[tuple[tuple[str, ...], ak.forms.Form, bool]]:
    """The fields of a collection or a record, one level deep; else the field itself."""
    if (
        form.is_list
        and not form.is_regular
        and not form.parameters.get("__array__")
        and not is_list
    ):
        yield from _leaves(path, form.content, True)
    elif form.is_record and not form.is_tuple and len(path) == 1:
        for name, content in zip(form.fields, form.contents, strict=True):
            yield (*path, name), content, is_list
    else:
        yield path, form, is_list


def _numbers(form: ak.forms.Form) -> np.dtype[Any] | None:
    plain = form.is_numpy and not form.inner_shape and not form.parameters.get("__array__")
    return np.dtype(form.primitive) if plain else None


def _is_records(form: ak.forms.Form) -> bool:
    return form.is_list and form.content.is_record and not form.content.is_tuple


def _collections(counters: Iterable[str]) -> set[str]:
    """What `nMuon` and the like count."""
    return {name[1:] for name in counters if name[:1] == "n"}


def _place(name: str, counted: str | None, known: set[str]) -> tuple[str, str]:
    """Collection and field of a list, from what its counter counts, where it has one.

    `Jet_consts` is of Jet unless it has a counter, and Jet, one of the `known`, another. Where Jet
    has none each list of it may have a counter, as uproot writes them.
    """
    prefix, field = split_name(name)
    if counted is None:
        starts = [name[:end] for end in range(len(name), 0, -1) if name[end:][:1] in ("", "_")]
        counted = next((start for start in starts if start in known), prefix)
    if name.startswith(f"{counted}_"):
        return counted, name[len(counted) + 1 :]
    return (prefix, field) if counted == prefix or prefix not in known else (name, "")


def _without_counters(branches: Mapping[str, Branch]) -> dict[str, Branch]:
    """The branches without those numbers that count lists, where the file does not say so."""
    counters = {f"n{branch.collection}" for branch in branches.values() if branch.collection}
    return {n: b for n, b in branches.items() if b.collection is not None or n not in counters}
