"""Layers that networks are made of: dense ones, the normalisation of a layer, activations.

Arrays have features first, (features, …); in ONNX they come last, (…, features).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zenith.core.networks.network import OnnxGraph

ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh, "silu": jax.nn.silu}
EPSILON = 1e-5  # beside the variance of a layer


def activation_onnx(graph: OnnxGraph, name: str, h: str) -> str:
    """The nodes of an activation function."""
    if name == "silu":  # x · σ(x), which this opset has no node for
        return graph.node("Mul", h, graph.node("Sigmoid", h))
    return graph.node({"relu": "Relu", "tanh": "Tanh"}[name], h)


def rows_onnx(graph: OnnxGraph, h: str, width: int) -> str:
    """(…, width) → (rows, width): of rows a runtime makes a product with its bias in one go.

    Nor does onnxruntime 1.31 make one operator of the sum and the normalisation after it, which is
    five times as slow as the two.
    """
    return graph.node("Reshape", h, graph.node("Constant", value_ints=[-1, width]))


def reshaped_onnx(graph: OnnxGraph, h: str, shape: str) -> str:
    """To a shape, which may have zeros: of no events, or of events without places for objects."""
    return graph.node("Reshape", h, shape, allowzero=1)


class Dense(eqx.Module):
    """W h + b, with weights from N(0, gain / inputs) at the start, and b = 0."""

    weight: jax.Array  # (outputs, inputs)
    bias: jax.Array  # (outputs,)

    @classmethod
    def create(cls, key: jax.Array, inputs: int, outputs: int, gain: float = 1.0) -> Self:
        """The gain is 2 before a ReLU (He et al., arXiv:1502.01852)."""
        spread = np.float32(np.sqrt(gain / max(inputs, 1)))
        weight = jax.random.normal(key, (outputs, inputs), jnp.float32) * spread
        return cls(weight, jnp.zeros(outputs, jnp.float32))

    def __call__(self, h: jax.Array) -> jax.Array:
        """(inputs, …) → (outputs, …)."""
        flat = self.weight.astype(h.dtype) @ h.reshape(len(h), -1)
        flat = flat + self.bias.astype(h.dtype)[:, None]
        return flat.reshape(-1, *h.shape[1:])

    def onnx(self, graph: OnnxGraph, h: str) -> str:
        """(…, inputs) → (…, outputs)."""
        product = graph.node("MatMul", h, graph.constant(np.asarray(self.weight).T))
        return graph.node("Add", product, graph.constant(self.bias))


class LayerNorm(eqx.Module):
    """Mean 0 and variance 1 over the features of each token (arXiv:1607.06450), times a gain."""

    gain: jax.Array  # (features,)
    shift: jax.Array  # (features,)

    @classmethod
    def create(cls, width: int) -> Self:
        """Of gain 1 and shift 0."""
        return cls(jnp.ones(width, jnp.float32), jnp.zeros(width, jnp.float32))

    def __call__(self, h: jax.Array) -> jax.Array:
        """(features, …) → the same shape."""
        shape = (-1, *[1] * (h.ndim - 1))
        difference = h - h.mean(axis=0)
        scaled = difference * jax.lax.rsqrt((difference**2).mean(axis=0) + EPSILON)
        gain, shift = (array.astype(h.dtype).reshape(shape) for array in (self.gain, self.shift))
        return gain * scaled + shift

    def onnx(self, graph: OnnxGraph, h: str) -> str:
        """(…, features) → the same shape."""
        constants = graph.constant(self.gain), graph.constant(self.shift)
        return graph.node("LayerNormalization", h, *constants, axis=-1, epsilon=EPSILON)


class Layers(eqx.Module):
    """Dense layers with an activation function after each but the last."""

    dense: tuple[Dense, ...]
    activation: str = eqx.field(static=True)

    @classmethod
    def create(cls, key: jax.Array, sizes: Sequence[int], activation: str) -> Self:
        """The sizes are those of the inputs, of the hidden layers and of the outputs."""
        keys = jax.random.split(key, len(sizes) - 1)
        layers = zip(keys, sizes, sizes[1:], strict=False)
        return cls(tuple(Dense.create(k, m, n, gain=2.0) for k, m, n in layers), activation)

    def __call__(self, h: jax.Array) -> jax.Array:
        """(inputs, …) → (outputs, …)."""
        for layer in self.dense[:-1]:
            h = ACTIVATIONS[self.activation](layer(h))
        return self.dense[-1](h)

    def combined(self, matrix: np.ndarray, offsets: np.ndarray) -> Self:
        """The last layer of the new outputs is `matrix` times that of the old ones, + `offsets`."""
        *others, last = self.dense
        weight = matrix @ np.asarray(last.weight, np.float64)
        bias = matrix @ np.asarray(last.bias, np.float64) + offsets
        new = Dense(jnp.asarray(weight, jnp.float32), jnp.asarray(bias, jnp.float32))
        return replace(self, dense=(*others, new))

    def onnx(self, graph: OnnxGraph, h: str) -> str:
        """(…, inputs) → (…, outputs)."""
        for layer in self.dense[:-1]:
            h = activation_onnx(graph, self.activation, layer.onnx(graph, h))
        return self.dense[-1].onnx(graph, h)
