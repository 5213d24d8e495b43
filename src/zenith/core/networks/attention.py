"""Attention of the tokens of an event to each other, written out, and what is made of it.

One set of weights serves both layouts (`zenith.core.networks.tokens`): dense layers act on each
token, the products of queries and keys on padded ones.
"""

from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zenith.core.networks.layers import Dense, LayerNorm, Layers, reshaped_onnx, rows_onnx
from zenith.core.networks.network import OnnxGraph
from zenith.core.networks.tokens import Layout

LOW = -1e9  # the logit of what is not valid


class Attention(eqx.Module):
    """Of each query the mean of values, weighted by a softmax over the valid keys, in each head.

    softmax(qᵀk / √width + bias), arXiv:1706.03762. An event without a valid key gives 0.
    """

    queries: Dense
    keys: Dense
    values: Dense
    out: Dense
    heads: int = eqx.field(static=True)

    @classmethod
    def create(cls, key: jax.Array, width: int, heads: int) -> Self:
        """The width is a multiple of the number of heads."""
        q, k, v, out = (Dense.create(k, width, width) for k in jax.random.split(key, 4))
        return cls(q, k, v, out, heads)

    def of_itself(self, h: jax.Array, layout: Layout, bias: jax.Array | None = None) -> jax.Array:
        """Tokens (width, T) that attend to each other → (width, T); bias (N, heads, M, M)."""
        mixed = self._mixed(layout.padded(self.queries(h)), h, layout, bias)
        return self.out(layout.packed(mixed))

    def of(self, asking: jax.Array, there: jax.Array, layout: Layout) -> jax.Array:
        """Queries (width, Q, N) that attend to tokens (width, T) → (width, Q, N)."""
        return self.out(self._mixed(self.queries(asking), there, layout))

    def _mixed(
        self, q: jax.Array, h: jax.Array, layout: Layout, bias: jax.Array | None = None
    ) -> jax.Array:
        k, v = (self._by_head(layout.padded(f(h))) for f in (self.keys, self.values))
        scaled = self._by_head(q) * (len(q) // self.heads) ** -0.5
        z = jnp.einsum("hdqn,hdkn->nhqk", scaled, k)
        p = _softmax(z if bias is None else z + bias, layout.valid.T[:, None, None])
        return jnp.einsum("nhqk,hdkn->hdqn", p, v).reshape(q.shape)

    def _by_head(self, h: jax.Array) -> jax.Array:
        return h.reshape(self.heads, -1, *h.shape[1:])

    def onnx(
        self, graph: OnnxGraph, asking: str, there: str, valid: str, bias: str | None = None
    ) -> str:
        """Tokens (N · M, width) that are asked, and valid (N, M) → (N · Q, width).

        They ask themselves, or queries (Q, width) do, the same in all events. Of tokens that attend
        to each other, those of an event without any have no meaning, as in `of_itself` those that
        are not valid; of other queries the result is then 0.
        """
        heads, width = self.heads, len(self.out.bias)
        tokens = graph.node("Shape", valid)
        queries = tokens if asking == there else graph.node("Constant", value_ints=[1, -1])

        def by_head(h: str, events: str, order: list[int]) -> str:
            last = graph.node("Constant", value_ints=[heads, width // heads])
            shape = graph.node("Concat", events, last, axis=0)
            return graph.node("Transpose", reshaped_onnx(graph, h, shape), perm=order)

        scale = (width // heads) ** -0.5
        dense = Dense(self.queries.weight * scale, self.queries.bias * scale)
        q = by_head(dense.onnx(graph, asking), queries, [0, 2, 1, 3])
        # without their bias, which adds the same to all logits of a query: a softmax is blind to it
        keys = graph.node("MatMul", there, graph.constant(np.asarray(self.keys.weight).T))
        k = by_head(keys, tokens, [0, 2, 3, 1])
        v = by_head(self.values.onnx(graph, there), tokens, [0, 2, 1, 3])
        z = graph.node("MatMul", q, k)
        if bias is not None:
            z = graph.node("Add", z, bias)
        where = graph.node("Unsqueeze", valid, graph.node("Constant", value_ints=[1, 2]))
        zero = graph.constant(0.0)
        # added, and of fewer numbers: quicker than a choice among all pairs
        z = graph.node("Add", z, graph.node("Where", where, zero, graph.constant(LOW)))
        p = graph.node("Softmax", z, axis=-1)
        if asking != there:
            p = graph.node("Where", where, p, zero)
        mixed = graph.node("Transpose", graph.node("MatMul", p, v), perm=[0, 2, 1, 3])
        return self.out.onnx(graph, rows_onnx(graph, mixed, width))


def _softmax(z: jax.Array, valid: jax.Array) -> jax.Array:
    """Of the last axis where it is valid, else 0; 0 where nothing is."""
    return jnp.where(valid, jax.nn.softmax(jnp.where(valid, z, LOW), axis=-1), 0.0)


class TransformerLayer(eqx.Module):
    """Attention and two dense layers, each added to what it is made of after normalisation.

    h + A(norm h), then h + W₂ φ(W₁ norm h): the pre-norm form, arXiv:2002.04745.
    """

    before_attention: LayerNorm
    attention: Attention
    before_dense: LayerNorm
    dense: Layers

    @classmethod
    def create(cls, key: jax.Array, width: int, heads: int, activation: str) -> Self:
        """The dense layer between has twice the width."""
        first, second = jax.random.split(key)
        return cls(
            LayerNorm.create(width),
            Attention.create(first, width, heads),
            LayerNorm.create(width),
            Layers.create(second, (width, 2 * width, width), activation),
        )

    def __call__(self, h: jax.Array, layout: Layout, bias: jax.Array | None = None) -> jax.Array:
        """(width, T) → (width, T)."""
        h = h + self.attention.of_itself(self.before_attention(h), layout, bias)
        return h + self.dense(self.before_dense(h))

    def onnx(self, graph: OnnxGraph, h: str, valid: str, bias: str | None = None) -> str:
        """(N, M, width) → (N, M, width)."""
        shape, h = graph.node("Shape", h), rows_onnx(graph, h, len(self.before_dense.gain))
        normal = self.before_attention.onnx(graph, h)
        mixed = self.attention.onnx(graph, normal, normal, valid, bias)
        h = graph.node("Add", h, mixed)
        h = graph.node("Add", h, self.dense.onnx(graph, self.before_dense.onnx(graph, h)))
        return reshaped_onnx(graph, h, shape)
