"""What a climb moves, in the units of the analysis: thresholds, networks, edges of bins and of
categories.

Cuts, edges and weights know each other by name: a threshold by that of its cut, edges by that of
their region. Units take thresholds to pure numbers and back, so that one learning rate fits all.
Outside of a climb, edges of categories are thresholds among the others, `signal_edge_1`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from zenith.config import Analysis
from zenith.config.channels import edge_names
from zenith.config.memberships import Categories
from zenith.core.networks.network import Network
from zenith.core.selection.layout import Layout
from zenith.core.selection.memberships import Edges, FixedEdges
from zenith.statistics.thresholds import initial_thresholds

Physical = dict[str, Any]
"""{"thresholds": {name: scalar}, "networks": {name: Network}, "edges": {region: Edges},
"category_edges": {region: Edges, or FixedEdges}}"""


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
    """Thresholds by name, networks, and the edges (B + 1,) of regions, by default their initial.

    Edges of categories are among the thresholds.
    """
    moved = {
        name: np.asarray((edges or {}).get(name, analysis.regions[name].fit.edges.edges))
        for name in analysis.moving_edges
    }
    return {
        "thresholds": {
            name: jnp.asarray(thresholds[name], float) for name in analysis.tunable_cuts
        },
        "category_edges": {
            name: _edges(categories, [thresholds[e] for e in edge_names(name, categories)])
            for name, categories in analysis.parted.items()
            if categories.score is not None
        },
        "networks": dict(networks),
        "edges": {n: Edges.at((e[1:-1] - e[0]) / (e[-1] - e[0])) for n, e in moved.items()},
    }


def _edges(categories: Categories, edges: Sequence[ArrayLike]) -> Edges | FixedEdges:
    inner = np.array(edges, np.float64)
    if categories.tune is None:
        return FixedEdges(jnp.asarray(inner))
    return Edges.at(inner, *categories.tune)


def all_thresholds(analysis: Analysis, physical: Physical) -> dict[str, float]:
    """Thresholds by name, edges of categories among them."""
    edges = {
        edge: float(value)
        for name, moved in physical["category_edges"].items()
        for edge, value in zip(edge_names(name, analysis.parted[name]), moved.edges, strict=True)
    }
    return {name: float(t) for name, t in physical["thresholds"].items()} | edges


def configured(analysis: Analysis, networks: Mapping[str, Network]) -> Physical:
    """What the configuration says, with these networks; it leaves no edge of a category open."""
    return physical(analysis, initial_thresholds(analysis), networks)


def bounds(analysis: Analysis) -> dict[str, list[float]]:
    """Of the thresholds that move, by name, edges of categories among them."""
    of_edges = {
        edge: list(analysis.parted[region].tune or ())
        for region in analysis.moving_categories
        for edge in edge_names(region, analysis.parted[region])
    }
    cuts = {name: list(cut.tune or ()) for name, cut in analysis.tunable_cuts.items()}
    return cuts | of_edges


def starts(analysis: Analysis, start: Physical) -> Iterator[Physical]:
    """Start values: the given ones, then thresholds drawn within their bounds."""
    random = np.random.default_rng([analysis.seed, 1])
    yield start
    for _ in range(1, analysis.optimise.starts):
        thresholds = {
            name: jnp.asarray(random.uniform(*(cut.tune or (0, 0))))
            for name, cut in analysis.tunable_cuts.items()
        }
        yield {**start, "thresholds": thresholds}


def loosest(analysis: Analysis, start: Physical) -> Physical:
    """The start with every tunable threshold at the bound that keeps the most events."""
    thresholds = {
        name: jnp.asarray(cut.tune[cut.comparison.keeps == "below"])
        for name, cut in analysis.tunable_cuts.items()
        if cut.tune is not None
    }
    return {**start, "thresholds": thresholds}


def hard_edges(events: Layout, physical: Physical) -> dict[str, list[float]]:
    """The edges of the fit of every region that moves them, on the grid, in its unit."""
    regions = {region.name: region for group in events.groups for region in group.regions}
    return {
        name: np.asarray(
            regions[name].axis.on_grid(regions[name].axis.between(moved.edges))
        ).tolist()
        for name, moved in physical.get("edges", {}).items()
    }
