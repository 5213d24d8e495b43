"""What turns the objects of an event into one vector: the common form of all types."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zenith.core.networks.network import OnnxGraph
from zenith.core.networks.pooling import AttentionPooling, SumAndMean
from zenith.core.networks.tokens import Layout


class Encoder(eqx.Module):
    """From tokens to a vector of each event, whatever the order and the padding of its objects.

    Attributes
    ----------
    pooling
        The last step, from tokens to the vector.
    """

    pooling: eqx.AbstractVar[SumAndMean | AttentionPooling]

    @property
    @abstractmethod
    def reads_kinematics(self) -> bool:
        """Whether it reads pt, eta, phi and mass as they are, beside the tokens."""

    @abstractmethod
    def tokens(self, h: jax.Array, layout: Layout, kinematics: jax.Array | None) -> jax.Array:
        """Tokens (width, T) and kinematics (4, M, N) → tokens (width, T) that know of others."""

    @abstractmethod
    def tokens_onnx(self, graph: OnnxGraph, h: str, valid: str, kinematics: Sequence[str]) -> str:
        """Tokens (N, M, width), valid (N, M), four times (N, M) → tokens (N, M, width)."""

    def outputs(self, width: int) -> int:
        """The size of the vector of tokens of a width."""
        return width * self.pooling.vectors

    def __call__(self, h: jax.Array, layout: Layout, kinematics: jax.Array | None) -> jax.Array:
        """(width, T) → (outputs, N)."""
        return self.pooling(self.tokens(h, layout, kinematics), layout)

    def onnx(self, graph: OnnxGraph, h: str, valid: str, kinematics: Sequence[str]) -> str:
        """(N, M, width) → (N, outputs)."""
        return self.pooling.onnx(graph, self.tokens_onnx(graph, h, valid, kinematics), valid)

    def fitted(self, kinematics: jax.Array | None, valid: np.ndarray, weight: np.ndarray) -> Self:
        """The same with what it must know of training events: valid (M, N), weights (N,)."""
        if not isinstance(self.pooling, SumAndMean):
            return self
        typical = np.average(valid.sum(axis=0), weights=weight)
        pooling = SumAndMean(jnp.asarray(max(typical, 1.0), jnp.float32))
        return replace(self, pooling=pooling)
