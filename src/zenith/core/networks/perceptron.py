"""A multi-layer perceptron, which standardises its own inputs."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zenith.core.networks.network import Network, Objects, OnnxGraph, mean_and_deviation
from zenith.errors import ConfigError

ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh, "silu": jax.nn.silu}


class Perceptron(Network):
    """Dense layers from `features` to one score, or to one score for each of `classes`.

    The scaler is part of the network but is never learned: no gradient reaches it.
    """

    features: tuple[str, ...] = eqx.field(static=True)
    classes: tuple[str, ...] = eqx.field(static=True)
    weights: tuple[jax.Array, ...]  # (outputs, inputs) each
    biases: tuple[jax.Array, ...]  # (outputs,) each
    mean: jax.Array  # (features,), in the unit of each feature
    scale: jax.Array  # (features,), above 0
    activation: str = eqx.field(static=True, default="relu")

    @classmethod
    def create(
        cls,
        key: jax.Array,
        features: Sequence[str],
        hidden: Sequence[int],
        classes: Sequence[str] = (),
        activation: str = "relu",
        mean: np.ndarray | None = None,
        scale: np.ndarray | None = None,
    ) -> Self:
        """Draw the weights from N(0, 2 / inputs) (He et al., arXiv:1502.01852), biases 0.

        The scaler is the identity unless `mean` and `scale` are given. Raises `ConfigError` for an
        unknown activation, a single class, and a scale that is not above 0.
        """
        if activation not in ACTIVATIONS:
            raise ConfigError(f"activation must be one of {', '.join(ACTIVATIONS)}: {activation}")
        if len(classes) == 1:
            raise ConfigError(f"a network of one class, {classes[0]}, separates nothing")
        mean = np.zeros(len(features)) if mean is None else np.asarray(mean)
        scale = np.ones(len(features)) if scale is None else np.asarray(scale)
        for name, value in zip(features, scale, strict=True):
            if not value > 0:
                raise ConfigError(f"feature {name}: the scale must be above 0, it is {value}")
        sizes = (len(features), *hidden, len(classes) or 1)
        layers = list(zip(jax.random.split(key, len(sizes) - 1), sizes, sizes[1:], strict=False))
        return cls(
            weights=tuple(
                jax.random.normal(k, (n, m), jnp.float32) * np.float32(np.sqrt(2 / m))
                for k, m, n in layers
            ),
            biases=tuple(jnp.zeros(n, jnp.float32) for _, _, n in layers),
            mean=jnp.asarray(mean, jnp.float32),
            scale=jnp.asarray(scale, jnp.float32),
            features=tuple(features),
            classes=tuple(classes),
            activation=activation,
        )

    def scaled_to(self, events: np.ndarray, weight: np.ndarray) -> Self:
        """Standardised to mean 0 and standard deviation 1 on weighted events."""
        mean, scale = mean_and_deviation(events, weight)
        return dataclasses.replace(
            self, mean=jnp.asarray(mean, jnp.float32), scale=jnp.asarray(scale, jnp.float32)
        )

    def scaled(self, events: np.ndarray) -> np.ndarray:
        """(x − mean) / scale."""
        mean, scale = np.asarray(self.mean), np.asarray(self.scale)
        return np.asarray((events - mean[:, None]) / scale[:, None])

    def logits(self, events: jax.Array, objects: Mapping[str, Objects] = {}) -> jax.Array:
        """(features, N) → (1 or classes, N), before the sigmoid or softmax."""
        # one product and one sum for each input: x · (1/σ) − μ/σ
        inverse = 1 / jax.lax.stop_gradient(self.scale)
        shift = jax.lax.stop_gradient(self.mean) * inverse
        h = events * inverse.astype(events.dtype)[:, None] - shift.astype(events.dtype)[:, None]
        last = len(self.weights) - 1
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            h = weight.astype(events.dtype) @ h + bias.astype(events.dtype)[:, None]
            if k < last:
                h = ACTIVATIONS[self.activation](h)
        return h

    def onnx(self, graph: OnnxGraph, events: str, objects: Mapping[str, tuple[str, str]]) -> str:
        """One node for each operation of `logits`."""
        inverse = 1 / np.asarray(self.scale)
        h = graph.node("Mul", events, graph.constant(inverse))
        h = graph.node("Sub", h, graph.constant(np.asarray(self.mean) * inverse))
        last = len(self.weights) - 1
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            h = graph.node("Gemm", h, graph.constant(weight), graph.constant(bias), transB=1)
            if k < last and self.activation == "silu":  # x · σ(x), which this opset has no node for
                h = graph.node("Mul", h, graph.node("Sigmoid", h))
            elif k < last:
                h = graph.node({"relu": "Relu", "tanh": "Tanh"}[self.activation], h)
        return h
