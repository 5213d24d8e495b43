"""Any ROOT tree, flat or with lists, by a map of its branches to objects and fields."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

import numpy as np
import uproot
from pydantic import Field, model_validator

from zenith.config.base import Section
from zenith.config.formats import MASKED, READ
from zenith.errors import InputError
from zenith.events import source
from zenith.events.formats.mapped import Mapped
from zenith.events.formats.mapping import Column, Map, Product
from zenith.events.formats.protocol import EventFile, InMemory, Tree
from zenith.events.formats.root import find


class SumOfWeights(Section):
    """Where a ROOT file keeps Σ of the weights of all generated events, kept in it or not."""

    histogram: Annotated[str | None, Field(description="name of a histogram in the file"), READ] = (
        None
    )
    bin: Annotated[
        int, Field(ge=0, description="number of its bin; the first is 1, as in ROOT"), READ
    ] = 1
    tree: Annotated[str | None, Field(description="or the name of a tree in the file"), READ] = None
    branch: Annotated[
        Column | None, Field(description="branch of this tree, summed over its entries"), READ
    ] = None

    @model_validator(mode="after")
    def _one_source(self) -> "SumOfWeights":
        if (self.histogram is None) == (self.tree is None):
            raise ValueError("give exactly one of histogram and tree")
        if (self.tree is None) != (self.branch is None):
            raise ValueError("tree and branch belong together")
        return self


class TreeFormat(Map):
    """Any other ROOT tree, flat or with lists: a TTree or an RNTuple, by a map of its branches."""

    type: Annotated[Literal["tree"], Field(description="type of format"), MASKED]
    tree: Annotated[str, Field(description="name of the tree in the file"), READ]
    sum_of_weights: Annotated[
        SumOfWeights | None,
        Field(
            description="place of Σ weights of all generated events in the file; none: the sum "
            "over its events"
        ),
        READ,
    ] = None

    @contextmanager
    def open(self, path: str, *, simulation: bool, patient: bool = True) -> Iterator[EventFile]:
        where = self.sum_of_weights
        with source.open_file(path, patient=patient) as file:
            found = _tree(file, path, self.tree, "format.tree")
            tree = Mapped(found, self, simulation=simulation)

            def runs() -> Tree | None:
                if where is None:
                    return None
                sums = {"genEventCount": np.nan, "genEventSumw2": np.nan}
                sums["genEventSumw"] = _sum_of_weights(file, path, where)
                return InMemory(path, {"run": [0]} | {n: [value] for n, value in sums.items()})

            yield EventFile(tree, runs, str(file.file.uuid))


def _tree(file: uproot.ReadOnlyDirectory, path: str, name: str, key: str) -> Tree:
    found = find(file, path, name, counters=True)
    if found is None:
        raise InputError(f"{path}: no tree {name}, which {key} names (there is {_content(file)})")
    return found


def _sum_of_weights(file: uproot.ReadOnlyDirectory, path: str, where: SumOfWeights) -> float:
    """Σ weights of all generated events, from a bin of a histogram or over another tree."""
    key = "format.sum_of_weights"
    if where.tree is not None:
        tree = _tree(file, path, where.tree, f"{key}.tree")
        product = Product.of(str(where.branch))
        for name in product.names:
            branch = tree.branches.get(name)
            if branch is None or branch.numbers is None or branch.collection is not None:
                raise InputError(
                    f"{path}: {where.tree} has no branch {name} of one number, which {key}.branch "
                    f"names (there is {', '.join(tree.branches) or 'nothing'})"
                )
        factors = [np.full(tree.entries, product.factor or 1.0)]
        factors += [array.astype(np.float64) for array in tree.numbers(product.names).values()]
        return float(np.prod(factors, axis=0).sum())
    name = str(where.histogram)
    if name not in file.keys(cycle=False):
        raise InputError(
            f"{path}: no histogram {name}, which {key} names (there is {_content(file)})"
        )
    histogram = source.reading(path, lambda: file[name])
    if not hasattr(histogram, "values") or not hasattr(histogram, "axes"):
        raise InputError(f"{path}: {name}, which {key} names, is no histogram")
    values = histogram.values(flow=True)
    if values.ndim != 1 or where.bin >= len(values):
        raise InputError(
            f"{path}: histogram {name}, of shape {values.shape} with under- and overflow, has no "
            f"bin {where.bin}, which {key}.bin names"
        )
    return float(values[where.bin])


def _content(file: uproot.ReadOnlyDirectory) -> str:
    return ", ".join(file.keys(cycle=False)) or "nothing"
