"""Several networks of one type as one: the mean of their logits."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zenith.core.networks.network import Network, Objects, OnnxGraph
from zenith.core.networks.wrapping import Wrapping


class Ensemble(Wrapping):
    """Networks with other weights each, whose arrays are stacked: (members, …).

    A training trains each on its own; their mean is judged. Scores of the mean logit are the
    geometric mean of the members' odds, and what is linear in it is linear in each of them.
    """

    features: tuple[str, ...] = eqx.field(static=True)
    classes: tuple[str, ...] = eqx.field(static=True)
    members: Network

    @classmethod
    def create(cls, key: jax.Array, members: int, create: Callable[[jax.Array], Network]) -> Self:
        """As many networks as asked for, each of a key of its own."""
        networks = [create(one) for one in jax.random.split(key, members)]
        return cls(networks[0].features, networks[0].classes, _stacked(networks))

    @property
    def inner(self) -> Network:
        """Each of the members, whose arrays are stacked."""
        return self.members

    def each(self) -> list[Network]:
        """The members, one by one."""
        number = len(jax.tree.leaves(self.members)[0])
        return [jax.tree.map(lambda array, k=k: array[k], self.members) for k in range(number)]

    def logits(self, events: jax.Array, objects: Mapping[str, Objects] = {}) -> jax.Array:
        """(features, N) → (1 or classes, N), the mean of the members'."""
        z = jax.vmap(lambda member: member.logits(events, objects))(self.members)
        return jnp.mean(z, axis=0)

    def outputs(self, events: jax.Array, objects: Mapping[str, Objects] = {}) -> jax.Array:
        """As `logits`, of all outputs."""
        z = jax.vmap(lambda member: member.outputs(events, objects))(self.members)
        return jnp.mean(z, axis=0)

    def mapped(self, change: Callable[[Network], Network]) -> Self:
        """The same with every member changed."""
        members = [change(member) for member in self.each()]
        return replace(self, classes=members[0].classes, members=_stacked(members))

    def combined(
        self, matrix: np.ndarray, offsets: np.ndarray, classes: tuple[str, ...]
    ) -> "Ensemble":
        """Every member combined."""
        return self.mapped(lambda member: member.combined(matrix, offsets, classes))

    def onnx(self, graph: OnnxGraph, events: str, objects: Mapping[str, tuple[str, str]]) -> str:
        """The nodes of every member, and their mean."""
        return self.onnx_outputs(graph, events, objects)[0]

    def onnx_outputs(
        self, graph: OnnxGraph, events: str, objects: Mapping[str, tuple[str, str]]
    ) -> tuple[str, dict[str, str]]:
        """The means of the members' outputs."""
        logits, each = zip(
            *(m.onnx_outputs(graph, events, objects) for m in self.each()), strict=True
        )
        means = {name: graph.node("Mean", *(of[name] for of in each)) for name in each[0]}
        return graph.node("Mean", *logits), means

    def scaled_to(
        self, events: np.ndarray, weight: np.ndarray, objects: Mapping[str, Objects] = {}
    ) -> Self:
        """Every member scaled to the events."""
        return self.mapped(lambda member: member.scaled_to(events, weight, objects))

    def scaled(self, events: np.ndarray) -> np.ndarray:
        """As every member has them."""
        return self.each()[0].scaled(events)

    def scaled_objects(
        self, collection: str, values: np.ndarray
    ) -> tuple[tuple[tuple[str, str], ...], np.ndarray]:
        """As every member has them."""
        return self.each()[0].scaled_objects(collection, values)


def _stacked(networks: list[Network]) -> Network:
    stacked: Network = jax.tree.map(lambda *arrays: jnp.stack(arrays), *networks)
    return stacked
