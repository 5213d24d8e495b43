"""A graph network: every object hears its nearest neighbours in η and φ.

An edge convolution (arXiv:1801.07829, arXiv:1902.08570), h_i + mean over neighbours j of
W φ(A h_i + B (h_j − h_i) + c). Its last layer is linear and acts on the mean: so a neighbourhood is
a mask on all pairs, which needs neither gather nor scatter, and equal distances have no order.
"""

from collections.abc import Sequence
from typing import Any, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zenith.core.networks.encoders import Encoder
from zenith.core.networks.layers import ACTIVATIONS, Dense, LayerNorm, activation_onnx
from zenith.core.networks.network import OnnxGraph
from zenith.core.networks.pooling import SumAndMean
from zenith.core.networks.tokens import Layout

FAR = 1e9  # squared distance to what is no neighbour


class EdgeConvolution(eqx.Module):
    """One step of messages from neighbours."""

    norm: LayerNorm
    own: Dense  # A − B, with c
    other: Dense  # B
    out: Dense  # W
    activation: str = eqx.field(static=True)

    @classmethod
    def create(cls, key: jax.Array, width: int, activation: str) -> Self:
        """Of as many outputs as inputs."""
        first, second, third = jax.random.split(key, 3)
        return cls(
            LayerNorm.create(width),
            Dense.create(first, width, width),
            Dense.create(second, width, width),
            Dense.create(third, width, width),
            activation,
        )

    def __call__(self, h: jax.Array, layout: Layout, shares: jax.Array) -> jax.Array:
        """(width, T) and shares of the mean (M, M, N) → (width, T)."""
        normal = self.norm(h)
        own, other = (layout.padded(dense(normal)) for dense in (self.own, self.other))
        edges = ACTIVATIONS[self.activation](own[:, :, None] + other[:, None])
        return h + self.out(layout.packed((edges * shares).sum(axis=2)))

    def onnx(self, graph: OnnxGraph, h: str, shares: str) -> str:
        """(N, M, width) and shares (N, M, M, 1) → (N, M, width)."""
        first, second = (graph.node("Constant", value_ints=[axis]) for axis in (1, 2))
        normal = self.norm.onnx(graph, h)
        own = graph.node("Unsqueeze", self.own.onnx(graph, normal), second)
        other = graph.node("Unsqueeze", self.other.onnx(graph, normal), first)
        edges = activation_onnx(graph, self.activation, graph.node("Add", own, other))
        heard = graph.node("ReduceSum", graph.node("Mul", edges, shares), second, keepdims=0)
        return graph.node("Add", h, self.out.onnx(graph, heard))


class GraphNetwork(Encoder):
    """Edge convolutions on the graph of nearest neighbours."""

    layers: tuple[EdgeConvolution, ...]
    last: LayerNorm
    pooling: SumAndMean
    neighbours: int = eqx.field(static=True)

    @classmethod
    def create(
        cls, key: jax.Array, width: int, layers: int, neighbours: int, activation: str
    ) -> Self:
        """With as many edge convolutions."""
        keys = jax.random.split(key, layers)
        made = tuple(EdgeConvolution.create(k, width, activation) for k in keys)
        return cls(
            layers=made,
            last=LayerNorm.create(width),
            pooling=SumAndMean.create(),
            neighbours=neighbours,
        )

    @property
    def reads_kinematics(self) -> bool:
        """Where the neighbours are."""
        return True

    def tokens(self, h: jax.Array, layout: Layout, kinematics: jax.Array | None) -> jax.Array:
        """(width, T) → (width, T)."""
        assert kinematics is not None
        shares = self._shares(kinematics, layout.valid)
        for layer in self.layers:
            h = layer(h, layout, shares)
        return self.last(h)

    def _shares(self, kinematics: jax.Array, valid: jax.Array) -> jax.Array:
        """1 / neighbours of each object for those, 0 for all others: (M, M, N)."""
        _, eta, phi, _ = kinematics
        d_eta, d_phi = eta[:, None] - eta[None], phi[:, None] - phi[None]
        d_phi = d_phi - 2 * np.pi * jnp.round(d_phi / (2 * np.pi))
        others = valid[None] & ~jnp.eye(len(valid), dtype=bool)[..., None]
        distance = jnp.where(others, d_eta**2 + d_phi**2, FAR)
        nearest = min(self.neighbours, len(valid))
        furthest = jnp.sort(distance, axis=1)[:, nearest - 1 : nearest]
        near = (others & (distance <= furthest)).astype(kinematics.dtype)
        return near / jnp.maximum(near.sum(axis=1, keepdims=True), 1.0)

    def tokens_onnx(self, graph: OnnxGraph, h: str, valid: str, kinematics: Sequence[str]) -> str:
        """(N, M, width) → (N, M, width)."""
        shares = self._shares_onnx(graph, kinematics, valid)
        for layer in self.layers:
            h = layer.onnx(graph, h, shares)
        return self.last.onnx(graph, h)

    def _shares_onnx(self, graph: OnnxGraph, kinematics: Sequence[str], valid: str) -> str:
        """(N, M, M, 1)."""

        def node(operator: str, *inputs: str, **attributes: Any) -> str:
            return graph.node(operator, *inputs, **attributes)

        zero, first, second, third = (
            graph.node("Constant", value_ints=[axis]) for axis in (0, 1, 2, 3)
        )
        _, eta, phi, _ = kinematics
        d_eta, d_phi = (
            node("Sub", node("Unsqueeze", x, second), node("Unsqueeze", x, first))
            for x in (eta, phi)
        )
        turns = node("Round", node("Mul", d_phi, graph.constant(1 / (2 * np.pi))))
        d_phi = node("Sub", d_phi, node("Mul", turns, graph.constant(2 * np.pi)))
        distance = node("Add", node("Mul", d_eta, d_eta), node("Mul", d_phi, d_phi))
        most = node("Shape", eta, start=1, end=2)
        itself = node("EyeLike", node("ConstantOfShape", node("Concat", most, most, axis=0)))
        different = node("Not", node("Cast", itself, to=9))
        others = node("And", node("Unsqueeze", valid, first), node("Unsqueeze", different, zero))
        distance = node("Where", others, distance, graph.constant(FAR))
        nearest = node("Min", graph.node("Constant", value_ints=[self.neighbours]), most)
        # onnxruntime 1.31 reduces no axis of no events where one is counted from the end
        smallest = graph.node("TopK", distance, nearest, outputs=2, axis=-1, largest=0, sorted=1)
        furthest = node("ReduceMax", smallest, axes=[2], keepdims=1)
        near = node("And", others, node("LessOrEqual", distance, furthest))
        counted = node("Cast", near, to=1)
        some = node("Max", node("ReduceSum", counted, second, keepdims=1), graph.constant(1.0))
        return node("Unsqueeze", node("Div", counted, some), third)
