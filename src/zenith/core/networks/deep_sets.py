"""Deep sets: every object by itself through dense layers, then the sum and the mean of all.

ρ(Σ φ(x)), arXiv:1703.06114, with ρ the head of the network, which is given the number as well.
"""

from collections.abc import Sequence
from typing import Self

import jax

from zenith.core.networks.encoders import Encoder
from zenith.core.networks.layers import ACTIVATIONS, Layers, activation_onnx
from zenith.core.networks.network import OnnxGraph
from zenith.core.networks.pooling import SumAndMean
from zenith.core.networks.tokens import Layout


class DeepSets(Encoder):
    """Dense layers on each object, and their sum and mean."""

    layers: Layers
    pooling: SumAndMean

    @property
    def reads_kinematics(self) -> bool:
        """Only tokens."""
        return False

    @classmethod
    def create(cls, key: jax.Array, width: int, layers: int, activation: str) -> Self:
        """With as many dense layers on each object."""
        of_each = Layers.create(key, (width,) * (layers + 1), activation)
        return cls(layers=of_each, pooling=SumAndMean.create())

    def tokens(self, h: jax.Array, layout: Layout, kinematics: jax.Array | None) -> jax.Array:
        """(width, T) → (width, T), each for itself."""
        return self.layers(ACTIVATIONS[self.layers.activation](h))

    def tokens_onnx(self, graph: OnnxGraph, h: str, valid: str, kinematics: Sequence[str]) -> str:
        """(N, M, width) → (N, M, width)."""
        return self.layers.onnx(graph, activation_onnx(graph, self.layers.activation, h))
