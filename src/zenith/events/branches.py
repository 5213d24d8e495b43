"""Which branches of a NanoAOD file a skim reads and keeps."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.config import Analysis
from zenith.errors import InputError
from zenith.events.formats.arrays import Events, Lists, Table
from zenith.events.formats.protocol import IDENTITY, Tree
from zenith.events.formats.views import FOUR_MOMENTUM, split_name


def kept(tree: Tree, analysis: Analysis, sample: str, path: str) -> list[str]:
    """The branches that the skim of a sample keeps of this file, in the order of the file.

    Those that `skim.branches` names; the identity of the event; what the objects and MET of the
    configuration are selected from; and the momenta of every collection of which anything is
    kept. Counters (`nMuon`) are not among them: whoever writes the collections writes them.

    Raises
    ------
    InputError
        The file lacks a branch; the message names file, branch and the key that asks for it.
    """
    available = list(tree.branches)
    wanted = set(_named(available, analysis, sample, path))
    for name, key in _needed(analysis):
        if name not in available:
            raise missing(path, name, key, available)
        wanted.add(name)
    collections = {tree.branches[name].collection for name in wanted} - {None}
    wanted.update(
        name
        for name, branch in tree.branches.items()
        if branch.collection in collections and branch.field in (*FOUR_MOMENTUM, "charge")
    )
    for name in wanted:
        branch = tree.branches[name]
        if branch.numbers is None:
            raise InputError(
                f"{path}: branch {name} is {branch.kind}, not a number or a list of "
                "numbers; leave it out of skim.branches"
            )
        if name in IDENTITY and (branch.collection is not None or branch.numbers.kind not in "iu"):
            raise InputError(f"{path}: branch {name} is {branch.kind}; it must be an integer")
    return [name for name in available if name in wanted]


def empty(tree: Tree, names: Iterable[str]) -> Events:
    """No events with these branches, from their types: to read none would unpack a basket each."""
    numbers: dict[str, NDArray[Any]] = {}
    lists: dict[str, dict[str, NDArray[Any]]] = {}
    for name in names:
        branch = tree.branches[name]
        array = np.empty(0, branch.numbers)
        if branch.collection is None:
            numbers[name] = array
        else:
            lists.setdefault(branch.collection, {})[branch.field] = array
    none = np.empty(0, np.int64)
    collections = {name: Lists(none, Table.of(fields)) for name, fields in lists.items()}
    return Events(0, Table.of(numbers), collections)


def missing(path: str, branch: str, key: str, available: Iterable[str]) -> InputError:
    """The error that a file lacks a branch, with the similar names that it has."""
    prefix = split_name(branch)[0]
    similar = [name for name in available if split_name(name)[0] == prefix][:12]
    return InputError(
        f"{path}: no branch {branch}, which {key} names"
        + (f" (there is {', '.join(similar)}, …)" if similar else "")
    )


def _named(available: list[str], analysis: Analysis, sample: str, path: str) -> Iterable[str]:
    branches = analysis.skim.branches
    if branches is None:
        yield from available
        return
    patterns = branches.keep
    if not analysis.is_data(sample):
        patterns += branches.simulation_only
    for pattern in patterns:
        found = [name for name in available if fnmatchcase(name, pattern)]
        lenient = pattern in branches.ignore_missing or any(
            fnmatchcase(pattern, glob) for glob in branches.ignore_missing
        )
        if not found and not lenient:
            error = missing(path, pattern, "skim.branches", available)
            raise InputError(f"{error}; if files may lack it, add it to ignore_missing there")
        yield from found


def _needed(analysis: Analysis) -> Iterable[tuple[str, str]]:
    """Branches that every selection needs, and the key of the configuration that says so."""
    yield from ((name, "every NanoAOD file") for name in IDENTITY)
    if analysis.met is not None:
        yield from ((f"{analysis.met}_{part}", "met") for part in ("pt", "phi"))
    for name, wanted in analysis.objects.items():
        fields = dict.fromkeys(FOUR_MOMENTUM, "collection")
        fields |= {cut.field: "cuts" for cut in wanted.cuts if cut.field not in fields}
        fields |= {field: "aliases" for field in wanted.aliases.values() if field not in fields}
        for field, key in fields.items():
            yield f"{wanted.collection}_{field}", f"objects.{name}.{key}"
