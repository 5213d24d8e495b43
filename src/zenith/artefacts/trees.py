"""Trees of a ROOT file, TTree or RNTuple: what is in them, but for the events themselves.

Events go chunk by chunk: `zenith.events.formats` reads and writes them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from zenith.artefacts.codec import Codec, Lines
from zenith.errors import InputError
from zenith.tables import table

KINDS = ("TTree", "ROOT::RNTuple")


class TreeContent(NamedTuple):
    """What is in a tree."""

    entries: int
    branches: dict[str, str]
    """Types by name."""
    sums: dict[str, float]
    """Over the rows of `Runs`, one for each run: sums over all its events; else empty."""


def read_trees(path: str | Path) -> dict[str, TreeContent]:
    """The trees of a ROOT file by name; `InputError` if it is missing or is none."""
    import uproot

    try:
        with uproot.open(path) as file:
            classes = file.classnames(cycle=False)
            return {
                name: TreeContent(
                    file[name].num_entries,
                    dict(file[name].typenames()),
                    _sums(file[name]) if name == "Runs" else {},
                )
                for name, kind in classes.items()
                if kind in KINDS
            }
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: cannot be read as a ROOT file ({error})") from None


def _sums(tree: Any) -> dict[str, float]:
    branches = tree.typenames()
    lists = {key for key, kind in branches.items() if "[]" in kind or "vector" in kind}
    numbers = [key for key in branches if key not in lists and key[1:] not in lists]
    arrays = tree.arrays(numbers, library="np")
    return {k: arrays[k].sum() for k in numbers if k != "run" and arrays[k].dtype.kind != "O"}


def describe(trees: Mapping[str, TreeContent]) -> Lines:
    """The branches of every tree; of `Runs` the sums."""
    for name, tree in trees.items():
        yield f"tree {name}: {tree.entries} entries"
        if name == "Runs":
            rows = [(key, f"{value:.10g}") for key, value in tree.sums.items()]
            yield table(["sum over runs", "value"], rows)
        else:
            yield table(["branch", "type"], tree.branches.items(), left=2)


TREES = Codec(
    "trees", ".root", lambda top: any(kind in KINDS for kind in top.values()), read_trees, describe
)
