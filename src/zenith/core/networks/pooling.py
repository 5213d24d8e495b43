"""From the tokens of an event to one vector: their sum, their mean, or attention of learnt queries.

Mean and attention forget how many there are; the sum does not, and a network is told their number
anyway (`zenith.core.networks.set_network`).
"""

from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp

from zenith.core.networks.attention import Attention
from zenith.core.networks.layers import LayerNorm, rows_onnx
from zenith.core.networks.network import OnnxGraph
from zenith.core.networks.tokens import Layout


def total(h: jax.Array, layout: Layout) -> jax.Array:
    """The sum over valid tokens: (width, T) → (width, N)."""
    return jnp.where(layout.valid, layout.padded(h), 0.0).sum(axis=1)


def number(layout: Layout, dtype: jnp.dtype) -> jax.Array:
    """Of valid tokens, (N,)."""
    return layout.valid.sum(axis=0).astype(dtype)


def total_onnx(graph: OnnxGraph, h: str, valid: str) -> str:
    """(N, M, width), finite, and valid (N, M) → (N, width)."""
    second = graph.node("Constant", value_ints=[1])
    chosen = graph.node("Unsqueeze", graph.node("Cast", valid, to=1), second)
    return graph.node("Squeeze", graph.node("MatMul", chosen, h), second)


def number_onnx(graph: OnnxGraph, valid: str) -> str:
    """Valid (N, M) → (N, 1)."""
    counts = graph.node("Cast", valid, to=1)
    return graph.node("ReduceSum", counts, graph.node("Constant", value_ints=[1]), keepdims=1)


class SumAndMean(eqx.Module):
    """The mean, and the sum in units of a typical number of tokens: twice the width."""

    typical: jax.Array  # (), not learned

    @property
    def vectors(self) -> int:
        """Of one width, that the result consists of."""
        return 2

    @classmethod
    def create(cls) -> Self:
        """Of one token."""
        return cls(jnp.ones((), jnp.float32))

    def __call__(self, h: jax.Array, layout: Layout) -> jax.Array:
        """(width, T) → (2 width, N)."""
        sums = total(h, layout)
        typical = jax.lax.stop_gradient(self.typical).astype(h.dtype)
        return jnp.concatenate([sums / jnp.maximum(number(layout, h.dtype), 1.0), sums / typical])

    def onnx(self, graph: OnnxGraph, h: str, valid: str) -> str:
        """(N, M, width) → (N, 2 width)."""
        sums = total_onnx(graph, h, valid)
        most = graph.node("Max", number_onnx(graph, valid), graph.constant(1.0))
        scaled = graph.node("Div", sums, graph.constant(self.typical))
        return graph.node("Concat", graph.node("Div", sums, most), scaled, axis=-1)


class AttentionPooling(eqx.Module):
    """What learnt queries find among the tokens (arXiv:1810.00825), seeds times the width."""

    seeds: jax.Array  # (width, seeds)
    norm: LayerNorm
    attention: Attention

    @property
    def vectors(self) -> int:
        """Of one width, that the result consists of."""
        return self.seeds.shape[1]

    @classmethod
    def create(cls, key: jax.Array, width: int, heads: int, seeds: int) -> Self:
        """With seeds from N(0, 1)."""
        first, second = jax.random.split(key)
        drawn = jax.random.normal(first, (width, seeds), jnp.float32)
        return cls(drawn, LayerNorm.create(width), Attention.create(second, width, heads))

    def __call__(self, h: jax.Array, layout: Layout) -> jax.Array:
        """(width, T) → (seeds · width, N)."""
        events = layout.valid.shape[1]
        asking = jnp.repeat(self.seeds.astype(h.dtype)[..., None], events, axis=2)
        found = self.attention.of(asking, self.norm(h), layout)
        return jnp.swapaxes(found, 0, 1).reshape(-1, events)

    def onnx(self, graph: OnnxGraph, h: str, valid: str) -> str:
        """(N, M, width) → (N, seeds · width)."""
        width, seeds = self.seeds.shape
        there = self.norm.onnx(graph, rows_onnx(graph, h, width))
        found = self.attention.onnx_of(graph, self.seeds, there, valid)
        return graph.node("Reshape", found, graph.node("Constant", value_ints=[-1, seeds * width]))
