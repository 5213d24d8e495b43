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

    def onnx(self, graph: OnnxGraph, h: str, valid: str, bias: str | None = None) -> str:
        """Tokens (N · M, width) that attend to each other, valid (N, M) → (N · M, width).

        Those of an event without any have no meaning, as in `of_itself` those that are not valid.
        """
        scale = (len(self.queries.bias) // self.heads) ** -0.5
        dense = Dense(self.queries.weight * scale, self.queries.bias * scale)
        q = self._by_head_onnx(graph, dense.onnx(graph, h), valid, [0, 2, 1, 3])
        # without their bias, which adds the same to all logits of a query: a softmax is blind to it
        keys = graph.node("MatMul", h, graph.constant(np.asarray(self.keys.weight).T))
        z = graph.node("MatMul", q, self._by_head_onnx(graph, keys, valid, [0, 2, 3, 1]))
        if bias is not None:
            z = graph.node("Add", z, bias)
        p, _ = _softmax_onnx(graph, z, valid)
        return self._mixed_onnx(graph, p, h, valid)

    def onnx_of(self, graph: OnnxGraph, asking: jax.Array, there: str, valid: str) -> str:
        """Queries (width, Q) of every event, tokens (N · M, width), valid (N, M) → (N · Q, width).

        An event without any token has 0 from them, and then the bias of the last layer. Products of
        keys with queries that are known are one dense layer of the tokens.
        """
        q, k = (np.asarray(self._by_head(a)) for a in (self.queries(asking), self.keys.weight))
        products = np.einsum("hdw,hdq->whq", k, q * q.shape[1] ** -0.5)
        dense = graph.constant(products.reshape(len(products), -1))
        z = graph.node("MatMul", there, dense)
        z = self._by_head_onnx(graph, z, valid, [0, 2, 3, 1], asking.shape[1])
        p, where = _softmax_onnx(graph, z, valid)
        p = graph.node("Where", where, p, graph.constant(0.0))
        return self._mixed_onnx(graph, p, there, valid)

    def _by_head_onnx(
        self, graph: OnnxGraph, h: str, valid: str, order: list[int], of_each: int = 0
    ) -> str:
        """(N · M, heads · of_each) → (N, M, heads, of_each), in this order of axes."""
        size = of_each or len(self.out.bias) // self.heads
        last = graph.node("Constant", value_ints=[self.heads, size])
        shape = graph.node("Concat", graph.node("Shape", valid), last, axis=0)
        return graph.node("Transpose", reshaped_onnx(graph, h, shape), perm=order)

    def _mixed_onnx(self, graph: OnnxGraph, p: str, there: str, valid: str) -> str:
        """Shares (N, heads, Q, M) of tokens (N · M, width) → (N · Q, width)."""
        v = self._by_head_onnx(graph, self.values.onnx(graph, there), valid, [0, 2, 1, 3])
        mixed = graph.node("Transpose", graph.node("MatMul", p, v), perm=[0, 2, 1, 3])
        return self.out.onnx(graph, rows_onnx(graph, mixed, len(self.out.bias)))


def _softmax(z: jax.Array, valid: jax.Array) -> jax.Array:
    """Of the last axis where it is valid, else 0; 0 where nothing is."""
    return jnp.where(valid, jax.nn.softmax(jnp.where(valid, z, LOW), axis=-1), 0.0)


def _softmax_onnx(graph: OnnxGraph, z: str, valid: str) -> tuple[str, str]:
    """Of logits (N, heads, Q, M) where valid (N, M) is, and what is as (N, 1, 1, M)."""
    where = graph.node("Unsqueeze", valid, graph.node("Constant", value_ints=[1, 2]))
    # added, and of fewer numbers: quicker than a choice among all pairs
    low = graph.node("Where", where, graph.constant(0.0), graph.constant(LOW))
    return graph.node("Softmax", graph.node("Add", z, low), axis=-1), where


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
        mixed = self.attention.onnx(graph, normal, valid, bias)
        h = graph.node("Add", h, mixed)
        h = graph.node("Add", h, self.dense.onnx(graph, self.before_dense.onnx(graph, h)))
        return reshaped_onnx(graph, h, shape)
