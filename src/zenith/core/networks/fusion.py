"""What is known of an event and what is known of its objects, as one vector."""

from typing import Literal, Self, get_args

import equinox as eqx
import jax
import jax.numpy as jnp

from zenith.core.networks.attention import TransformerLayer
from zenith.core.networks.layers import Dense
from zenith.core.networks.network import OnnxGraph
from zenith.core.networks.tokens import Layout

Kind = Literal["concatenation", "sum", "gate", "attention"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Fusion(eqx.Module):
    """Of two vectors of one width: both, their sum, a mean whose shares are learned, or attention.

    A gate is g = σ(W [a, b] + c), and gives g a + (1 − g) b; attention is a transformer layer on
    the two as tokens, and gives both.
    """

    gate: Dense | None
    attention: TransformerLayer | None
    kind: Kind = eqx.field(static=True)

    @classmethod
    def create(cls, key: jax.Array, width: int, kind: Kind, heads: int, activation: str) -> Self:
        """The heads are those of attention."""
        return cls(
            Dense.create(key, 2 * width, width) if kind == "gate" else None,
            TransformerLayer.create(key, width, heads, activation) if kind == "attention" else None,
            kind,
        )

    @property
    def outputs(self) -> int:
        """How many times the width of an input the result is."""
        return 2 if self.kind in ("concatenation", "attention") else 1

    def __call__(self, a: jax.Array, b: jax.Array) -> jax.Array:
        """(width, N) twice → (outputs · width, N)."""
        if self.gate is not None:
            share = jax.nn.sigmoid(self.gate(jnp.concatenate([a, b])))
            return share * a + (1.0 - share) * b
        if self.attention is not None:
            layout = Layout(jnp.ones((2, a.shape[1]), bool))
            h = layout.packed(jnp.stack([a, b], axis=1))
            h = layout.padded(self.attention(h, layout))
            return jnp.concatenate([h[:, 0], h[:, 1]])
        return a + b if self.kind == "sum" else jnp.concatenate([a, b])

    def onnx(self, graph: OnnxGraph, a: str, b: str) -> str:
        """(N, width) twice → (N, outputs · width)."""
        if self.gate is not None:
            share = graph.node(
                "Sigmoid", self.gate.onnx(graph, graph.node("Concat", a, b, axis=-1))
            )
            rest = graph.node("Sub", graph.constant(1.0), share)
            return graph.node("Add", graph.node("Mul", share, a), graph.node("Mul", rest, b))
        if self.attention is not None:
            first = graph.node("Constant", value_ints=[1])
            rows = [graph.node("Unsqueeze", x, first) for x in (a, b)]
            h = graph.node("Concat", *rows, axis=1)
            some = graph.node("Shape", a, start=0, end=1)
            shape = graph.node("Concat", some, graph.node("Constant", value_ints=[2]), axis=0)
            ones = graph.node("Expand", graph.constant(1.0), shape)
            h = self.attention.onnx(graph, h, graph.node("Cast", ones, to=9))
            return graph.node("Flatten", h, axis=1)
        return graph.node("Add", a, b) if self.kind == "sum" else (
            graph.node("Concat", a, b, axis=-1)
        )  # fmt: skip
