"""What a climb moves, in the units of the analysis: thresholds, networks and bin edges.

Cuts, edges and weights know each other by name: a threshold by that of its cut, edges by that of
their region. Units take thresholds to pure numbers and back, so that one learning rate fits all.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from zenith.config import Analysis
from zenith.core.networks.network import Network
from zenith.core.selection.layout import Layout
from zenith.core.selection.memberships import Edges

Physical = dict[str, Any]
"""{"thresholds": {name: scalar}, "networks": {name: Network}, "edges": {region: Edges}}"""


class Units(NamedTuple):
    """What makes a threshold a pure number: arrays of scalars by name."""

    width: dict[str, jax.Array]
    low: dict[str, jax.Array]
    high: dict[str, jax.Array]

    @classmethod
    def of(cls, analysis: Analysis) -> "Units":
        """Widths and bounds of the tunable cuts."""
        cuts = analysis.tunable_cuts
        bounds = {name: cut.tune or (0.0, 0.0) for name, cut in cuts.items()}
        return cls(
            {name: jnp.asarray(cut.width) for name, cut in cuts.items()},
            {name: jnp.asarray(low) for name, (low, _) in bounds.items()},
            {name: jnp.asarray(high) for name, (_, high) in bounds.items()},
        )

    def physical(self, scaled: Physical) -> Physical:
        """Thresholds in the units of their observables."""
        thresholds = {name: u * self.width[name] for name, u in scaled["thresholds"].items()}
        return {**scaled, "thresholds": thresholds}

    def scaled(self, physical: Physical) -> Physical:
        """Thresholds in units of their widths, inside their bounds."""
        thresholds = {
            name: jnp.clip(jnp.asarray(t, float), self.low[name], self.high[name])
            / self.width[name]
            for name, t in physical["thresholds"].items()
        }
        return {**physical, "thresholds": thresholds}


def physical(
    analysis: Analysis,
    thresholds: Mapping[str, ArrayLike],
    networks: Mapping[str, Network],
    edges: Mapping[str, Sequence[float]] | None = None,
) -> Physical:
    """Thresholds by name, networks, and the edges (B + 1,) of regions, by default their initial."""
    moved = {
        name: np.asarray((edges or {}).get(name, analysis.regions[name].fit.edges.edges))
        for name in analysis.moving_edges
    }
    return {
        "thresholds": {name: jnp.asarray(t, float) for name, t in thresholds.items()},
        "networks": dict(networks),
        "edges": {n: Edges.at((e[1:-1] - e[0]) / (e[-1] - e[0])) for n, e in moved.items()},
    }


def starts(analysis: Analysis, networks: Mapping[str, Network]) -> Iterator[Physical]:
    """Start values: those of the configuration, then thresholds drawn within their bounds."""
    random = np.random.default_rng([analysis.seed, 1])
    for number in range(analysis.optimise.starts):
        thresholds = {
            name: cut.threshold if number == 0 else float(random.uniform(*(cut.tune or (0, 0))))
            for name, cut in analysis.tunable_cuts.items()
        }
        yield physical(analysis, thresholds, networks)


def loosest(analysis: Analysis, networks: Mapping[str, Network]) -> Physical:
    """The configuration with every tunable threshold at the bound that keeps the most events."""
    thresholds = {
        name: cut.tune[cut.comparison.keeps == "below"]
        for name, cut in analysis.tunable_cuts.items()
        if cut.tune is not None
    }
    return physical(analysis, thresholds, networks)


def hard_edges(events: Layout, physical: Physical) -> dict[str, list[float]]:
    """The edges of the fit of every region that moves them, on the grid, in its unit."""
    regions = {region.name: region for group in events.groups for region in group.regions}
    return {
        name: np.asarray(
            regions[name].axis.on_grid(regions[name].axis.between(moved.edges))
        ).tolist()
        for name, moved in physical.get("edges", {}).items()
    }
