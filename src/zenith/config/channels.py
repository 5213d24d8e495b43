"""Where regions become channels: each category of a region as a region of its own.

A category is the region with further hard cuts. Fits, figures and tables of an analysis in channels
know of no categories.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from zenith.config.memberships import Categories
from zenith.config.relations import Related
from zenith.config.selection import Region, RegionCut

A = TypeVar("A", bound=Related)

CATEGORY = "{network}:category"
"""The observable that is the number of a network's largest output, from 1."""


def channels_of(regions: Mapping[str, Region], name: str) -> tuple[str, ...]:
    """The channels of a region: itself, or its categories, as the core calls them too."""
    categories = regions[name].categories if name in regions else None
    if categories is None:
        return (name,)
    return tuple(f"{name}_{k}" for k in range(1, categories.count + 1))


def edge_names(region: str, categories: Categories) -> tuple[str, ...]:
    """What the inner edges are called, as thresholds of cuts; none of a network's categories."""
    if categories.network is not None:
        return ()
    return tuple(f"{region}_edge_{k}" for k in range(1, categories.count))


def in_channels(analysis: A) -> A:
    """The same where every category of a region is a region, its edges thresholds of cuts."""
    regions, parted = analysis.regions, dict[str, Region]()
    for name, region in regions.items():
        for k, channel in enumerate(channels_of(regions, name)):
            parted[channel] = _channel(name, region, k)

    def replaced(names: Iterable[str] | None) -> tuple[str, ...] | None:
        if names is None:
            return None
        return tuple(c for name in names for c in channels_of(regions, name))

    acting = {
        name: systematic.model_copy(update={"regions": replaced(systematic.regions)})
        for name, systematic in analysis.systematics.items()
    }
    return analysis.model_copy(update={"regions": parted, "systematics": acting})


def _channel(name: str, region: Region, k: int) -> Region:
    categories = region.categories
    if categories is None:
        return region
    if categories.network is not None:
        cuts = [f"{CATEGORY.format(network=categories.network)} == {k + 1}"]
    else:
        edges = edge_names(name, categories)
        above = [f"{categories.score} >= {edge}" for edge in edges[max(k - 1, 0) : k]]
        cuts = above + [f"{categories.score} < {edge}" for edge in edges[k : k + 1]]
    return region.model_copy(
        update={
            "label": f"{region.label}, category {k + 1}",
            "cuts": (*region.cuts, *(RegionCut(cut=cut) for cut in cuts)),
            "categories": None,
        }
    )
