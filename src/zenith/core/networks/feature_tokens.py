"""Features of an event as tokens that attend to each other: the feature-token transformer.

Each row x_j of the scaled features is the token x_j w_j + b_j, beside one that is the same for all
events and gathers what is found (FT-Transformer, arXiv:2106.11959).
"""

from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp

from zenith.core.networks.attention import TransformerLayer
from zenith.core.networks.layers import LayerNorm
from zenith.core.networks.network import OnnxGraph
from zenith.core.networks.tokens import Layout


class FeatureTokens(eqx.Module):
    """Transformer layers on the features; the token that gathers is the result."""

    weight: jax.Array  # (width, inputs)
    bias: jax.Array  # (width, inputs)
    gathers: jax.Array  # (width,)
    layers: tuple[TransformerLayer, ...]
    last: LayerNorm

    @classmethod
    def create(
        cls, key: jax.Array, inputs: int, width: int, layers: int, heads: int, activation: str
    ) -> Self:
        """Tokens are drawn from N(0, 1 / width) each."""
        *own, rest = jax.random.split(key, 4)
        shapes = ((width, inputs), (width, inputs), (width,))
        weight, bias, gathers = (
            jax.random.normal(k, shape, jnp.float32) * jnp.float32(width**-0.5)
            for k, shape in zip(own, shapes, strict=True)
        )
        of_layers = tuple(
            TransformerLayer.create(k, width, heads, activation)
            for k in jax.random.split(rest, layers)
        )
        return cls(weight, bias, gathers, of_layers, LayerNorm.create(width))

    def __call__(self, x: jax.Array) -> jax.Array:
        """(inputs, N) → (width, N)."""
        weight, bias, gathers = (a.astype(x.dtype) for a in (self.weight, self.bias, self.gathers))
        tokens = weight[..., None] * x + bias[..., None]
        first = jnp.broadcast_to(gathers[:, None, None], (len(gathers), 1, x.shape[1]))
        h = jnp.concatenate([first, tokens], axis=1)
        layout = Layout(jnp.ones(h.shape[1:], bool))
        h = layout.packed(h)
        for layer in self.layers:
            h = layer(h, layout)
        return self.last(layout.padded(h)[:, 0])

    def onnx(self, graph: OnnxGraph, x: str) -> str:
        """(N, inputs) → (N, width)."""
        last, first = (graph.node("Constant", value_ints=[axis]) for axis in (2, 1))
        rows = graph.node("Unsqueeze", x, last)
        tokens = graph.node("Mul", rows, graph.constant(self.weight.T[None]))
        tokens = graph.node("Add", tokens, graph.constant(self.bias.T[None]))
        number, most = (graph.node("Shape", x, start=k, end=k + 1) for k in (0, 1))
        width = graph.node("Constant", value_ints=[len(self.gathers)])
        one = graph.node("Constant", value_ints=[1])
        shape = graph.node("Concat", number, one, width, axis=0)
        gathers = graph.node("Expand", graph.constant(self.gathers[None, None]), shape)
        h = graph.node("Concat", gathers, tokens, axis=1)
        all_ = graph.node("Concat", number, graph.node("Add", most, one), axis=0)
        valid = graph.node("Cast", graph.node("Expand", graph.constant(1.0), all_), to=9)
        for layer in self.layers:
            h = layer.onnx(graph, h, valid)
        start = graph.node("Constant", value_ints=[0])
        h = graph.node("Slice", h, start, first, first)
        return self.last.onnx(graph, graph.node("Squeeze", h, first))
