"""Boosted decision trees as arrays, evaluated without a branch.

A tree is the sequence of its splits: split k divides one of the leaves 0 to k, and what is above
the threshold becomes leaf k + 1. An event walks through all splits in order and ends in its leaf;
so events are the lanes of vector instructions, and no tree is walked by pointers.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zenith.core.networks.network import Network, Objects, OnnxGraph

UNROLLED = 32  # splits that are compiled as one loop over events
ZERO = 1e-35  # features up to this are 0 to LightGBM


class BoostedTrees(Network):
    """Logits that are sums of the values of leaves.

    All numbers are floating-point, as a network's are; leaves and features are whole. Features are
    compared in float32, with thresholds that were rounded down: for features in float32 this is the
    comparison in double precision. A NaN counts as 0, as LightGBM has it. No gradient passes.
    """

    features: tuple[str, ...] = eqx.field(static=True)
    classes: tuple[str, ...] = eqx.field(static=True)
    leaf: jax.Array  # (outputs, trees, splits), that each split divides; -1: there is no split
    feature: jax.Array  # (outputs, trees, splits), its number
    threshold: jax.Array  # (outputs, trees, splits), in the unit of the feature
    value: jax.Array  # (outputs, trees, leaves)
    used: jax.Array  # (), number of trees, the first ones

    @classmethod
    def create(
        cls, features: Sequence[str], classes: Sequence[str], trees: int, leaves: int
    ) -> Self:
        """Room for this many trees of this many leaves, with none yet: all logits are 0."""
        outputs = len(classes) or 1
        splits = (outputs, trees, leaves - 1)
        return cls(
            features=tuple(features),
            classes=tuple(classes),
            leaf=jnp.full(splits, -1.0, jnp.float32),
            feature=jnp.zeros(splits, jnp.float32),
            threshold=jnp.zeros(splits, jnp.float32),
            value=jnp.zeros((outputs, trees, leaves), jnp.float32),
            used=jnp.zeros((), jnp.float32),
        )

    def logits(self, events: jax.Array, objects: Mapping[str, Objects] = {}) -> jax.Array:
        """(features, N) → (1 or classes, N)."""
        network, x = jax.lax.stop_gradient((self, events))
        sums = _sums(network, jnp.where(jnp.abs(x) > ZERO, x, 0.0).astype(jnp.float32))
        return jnp.asarray(sums, events.dtype)

    def onnx(self, graph: OnnxGraph, events: str, objects: Mapping[str, tuple[str, str]]) -> str:
        """One ensemble of trees (onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsembleRegressor)."""
        some = graph.node("Greater", graph.node("Abs", events), graph.constant(ZERO))
        x = graph.node("Where", some, events, graph.constant(0.0))
        arrays = [np.asarray(a) for a in (self.leaf, self.feature, self.threshold, self.value)]
        trees = [(k, number) for k in range(len(self.value)) for number in range(int(self.used))]
        nodes = [
            (tree, at[0], node)
            for tree, at in enumerate(trees)
            for node in _nodes(*(array[at] for array in arrays))
        ]
        leaves = [(tree, output, node) for tree, output, node in nodes if node.mode == "LEAF"]
        return graph.node(
            "TreeEnsembleRegressor",
            x,
            domain="ai.onnx.ml",
            n_targets=len(self.value),
            nodes_treeids=[tree for tree, _, _ in nodes],
            nodes_nodeids=[node.number for _, _, node in nodes],
            nodes_modes=[node.mode for _, _, node in nodes],
            nodes_featureids=[node.feature for _, _, node in nodes],
            nodes_values=[node.threshold for _, _, node in nodes],
            nodes_truenodeids=[node.below for _, _, node in nodes],
            nodes_falsenodeids=[node.above for _, _, node in nodes],
            target_treeids=[tree for tree, _, _ in leaves],
            target_nodeids=[node.number for _, _, node in leaves],
            target_ids=[output for _, output, _ in leaves],
            target_weights=[node.value for _, _, node in leaves],
        )


@jax.jit
def _sums(network: BoostedTrees, events: jax.Array) -> jax.Array:
    """Sums of the values of leaves, (outputs, N) float64."""
    used = network.used.astype(jnp.int32)

    def output(arrays: tuple[jax.Array, ...]) -> jax.Array:
        def add(tree: jax.Array, total: jax.Array) -> jax.Array:
            leaf, feature, threshold, value = (array[tree] for array in arrays)
            own = _values(leaf, feature, threshold, value, events)
            return total + own.astype(total.dtype)

        sums: jax.Array = jax.lax.fori_loop(0, used, add, jnp.zeros(events.shape[1], float))
        return sums

    arrays = network.leaf, network.feature, network.threshold, network.value
    total: jax.Array = jax.lax.map(output, arrays)
    return total


def _values(
    leaf: jax.Array, feature: jax.Array, threshold: jax.Array, value: jax.Array, events: jax.Array
) -> jax.Array:
    """The value of the leaf of one tree that each event ends in, (N,).

    It is carried from split to split: to look it up at the end, event by event, takes several times
    as long as all splits. It also says which leaf the event is in, where no two leaves share one.
    """
    divides, row = leaf.astype(jnp.int32), feature.astype(jnp.int32)
    unroll = min(len(leaf), UNROLLED)
    size = events.shape[1]

    def by_number() -> jax.Array:
        def split(
            k: int | jax.Array, at: tuple[jax.Array, jax.Array]
        ) -> tuple[jax.Array, jax.Array]:
            here, found = at
            above = (here == divides[k]) & (events[row[k]] > threshold[k])
            return jnp.where(above, k + 1, here), jnp.where(above, value[k + 1], found)

        start = jnp.zeros(size, jnp.int32), jnp.full(size, value[0])
        found: jax.Array
        _, found = jax.lax.fori_loop(0, len(leaf), split, start)
        return found

    def by_value() -> jax.Array:
        divided = jnp.where(divides < 0, jnp.nan, value[divides])  # NaN equals nothing

        def split(k: int | jax.Array, found: jax.Array) -> jax.Array:
            above = (found == divided[k]) & (events[row[k]] > threshold[k])
            return jnp.where(above, value[k + 1], found)

        start = jnp.full(size, value[0])
        found: jax.Array = jax.lax.fori_loop(0, len(leaf), split, start, unroll=unroll)
        return found

    filled = jnp.append(True, divides >= 0)
    same = (value == value[:, None]) & filled & filled[:, None]
    found: jax.Array = jax.lax.cond(same.sum() > filled.sum(), by_number, by_value)
    return found


class _Node(NamedTuple):
    """A node of a tree as ONNX has it; `below` is the next one of events up to the threshold."""

    number: int
    mode: str = "LEAF"
    feature: int = 0
    threshold: float = 0.0
    below: int = 0
    above: int = 0
    value: float = 0.0


def _nodes(
    leaf: np.ndarray, feature: np.ndarray, threshold: np.ndarray, value: np.ndarray
) -> list[_Node]:
    """The nodes of one tree, by number."""
    nodes = [_Node(0, value=float(value[0]))]
    at = [0]  # the node that is each leaf, for now
    for k in range(np.count_nonzero(leaf >= 0)):
        divided, below, above = at[int(leaf[k])], len(nodes), len(nodes) + 1
        cut = int(feature[k]), float(threshold[k])
        nodes[divided] = _Node(divided, "BRANCH_LEQ", *cut, below, above)
        nodes.append(_Node(below, value=float(value[int(leaf[k])])))
        nodes.append(_Node(above, value=float(value[k + 1])))
        at[int(leaf[k])] = below
        at.append(above)
    return nodes
