"""Residual layers with normalisation and activation before each dense layer.

h + W₂ φ(norm W₁ φ(norm h)): what is added is close to nothing at the start, and gradients pass
(arXiv:1603.05027).
"""

from typing import Self

import equinox as eqx
import jax

from zenith.core.networks.layers import ACTIVATIONS, Dense, LayerNorm, activation_onnx
from zenith.core.networks.network import OnnxGraph


class _Block(eqx.Module):
    norms: tuple[LayerNorm, LayerNorm]
    dense: tuple[Dense, Dense]


class Residual(eqx.Module):
    """A dense layer to a width, and blocks that are added."""

    first: Dense
    blocks: tuple[_Block, ...]
    last: LayerNorm
    activation: str = eqx.field(static=True)

    @classmethod
    def create(cls, key: jax.Array, inputs: int, width: int, blocks: int, activation: str) -> Self:
        """With as many blocks of two layers."""
        keys = jax.random.split(key, 1 + 2 * blocks)
        made = tuple(
            _Block(
                (LayerNorm.create(width), LayerNorm.create(width)),
                (Dense.create(first, width, width, 2.0), Dense.create(second, width, width, 0.1)),
            )
            for first, second in zip(keys[1::2], keys[2::2], strict=True)
        )
        first = Dense.create(keys[0], inputs, width)
        return cls(first, made, LayerNorm.create(width), activation)

    def __call__(self, x: jax.Array) -> jax.Array:
        """(inputs, N) → (width, N)."""
        act = ACTIVATIONS[self.activation]
        h = self.first(x)
        for block in self.blocks:
            change = h
            for norm, dense in zip(block.norms, block.dense, strict=True):
                change = dense(act(norm(change)))
            h = h + change
        return act(self.last(h))

    def onnx(self, graph: OnnxGraph, x: str) -> str:
        """(N, inputs) → (N, width)."""
        h = self.first.onnx(graph, x)
        for block in self.blocks:
            change = h
            for norm, dense in zip(block.norms, block.dense, strict=True):
                active = activation_onnx(graph, self.activation, norm.onnx(graph, change))
                change = dense.onnx(graph, active)
            h = graph.node("Add", h, change)
        return activation_onnx(graph, self.activation, self.last.onnx(graph, h))
