"""Regions: which events are histogrammed on which axis, as one channel of the fit or several."""

from collections.abc import Mapping
from dataclasses import dataclass

from zenith.core.networks.network import Network
from zenith.core.selection.axis import Axis
from zenith.core.selection.categories import ByNetwork, Categories
from zenith.core.selection.cuts import Cut
from zenith.errors import InputError


def channels(region: str, categories: int | None) -> tuple[str, ...]:
    """The channels of a region: itself, or each of its categories, `region_1` to `region_K`."""
    if categories is None:
        return (region,)
    return tuple(f"{region}_{k}" for k in range(1, categories + 1))


@dataclass(frozen=True)
class Region:
    """The events that pass all `cuts`, on the bins of `axis`: a channel of the fit.

    With `categories` it is one channel for each of them.
    """

    name: str
    cuts: tuple[Cut, ...]
    axis: Axis
    categories: Categories | None = None

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of its channels."""
        return channels(self.name, self.categories.number if self.categories else None)

    @property
    def observables(self) -> frozenset[str]:
        """What its cuts and categories read, the outputs of a network for categories aside."""
        read = {cut.observable for cut in self.cuts}
        if self.categories is not None and not isinstance(self.categories, ByNetwork):
            read.add(self.categories.score)
        return frozenset(read)

    def reads(self, name: str, network: Network) -> bool:
        """Whether its cuts, its categories or its axis read a network of this name."""
        by_network = isinstance(self.categories, ByNetwork) and self.categories.network == name
        read = self.observables | {self.axis.observable}
        return by_network or not read.isdisjoint(network.observables(name))

    def require_outputs(self, networks: Mapping[str, Network]) -> None:
        """Raises `InputError` where the network of its categories lacks, or has not K outputs."""
        by = self.categories
        if not isinstance(by, ByNetwork):
            return
        if by.network not in networks:
            raise InputError(
                f"region {self.name}: there is no network '{by.network}', by which its events are "
                f"parted; there is {', '.join(networks) or 'none'}"
            )
        outputs = len(networks[by.network].classes) or 2  # one output parts two categories
        if outputs != by.number:
            raise InputError(
                f"region {self.name}: it has {by.number} categories, the network '{by.network}' "
                f"parts {outputs}"
            )
