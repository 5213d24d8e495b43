"""A multi-layer perceptron, which transforms and standardises its own inputs."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zenith.core.networks import transforms
from zenith.core.networks.layers import ACTIVATIONS, activation_onnx
from zenith.core.networks.network import Network, Objects, OnnxGraph, mean_and_deviation
from zenith.errors import ConfigError, InputError


class Perceptron(Network):
    """Dense layers from `features` to one score, or to one score for each of `classes`.

    The scaler is part of the network but is never learned: no gradient reaches it.
    """

    features: tuple[str, ...] = eqx.field(static=True)
    classes: tuple[str, ...] = eqx.field(static=True)
    weights: tuple[jax.Array, ...]  # (outputs, inputs) each
    biases: tuple[jax.Array, ...]  # (outputs,) each
    mean: jax.Array  # (inputs,), in the unit of each feature or of its transform
    scale: jax.Array  # (inputs,), above 0
    activation: str = eqx.field(static=True, default="relu")
    reads: transforms.Inputs = eqx.field(static=True, kw_only=True)

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
        transform: Mapping[str, Sequence[str]] = {},
    ) -> Self:
        """Draw the weights from N(0, 2 / inputs) (He et al., arXiv:1502.01852), biases 0.

        Features are read as they are, but for those that `transform` names: as one or more of
        `zenith.core.networks.transforms.TRANSFORMS`. The scaler is the identity unless `mean` and
        `scale` are given. Raises `ConfigError` for an unknown activation, a single class, and a
        scale that is not above 0.
        """
        if activation not in ACTIVATIONS:
            raise ConfigError(f"activation must be one of {', '.join(ACTIVATIONS)}: {activation}")
        if len(classes) == 1:
            raise ConfigError(f"a network of one class, {classes[0]}, separates nothing")
        inputs = transforms.inputs(features, transform)
        mean = np.zeros(len(inputs)) if mean is None else np.asarray(mean)
        scale = np.ones(len(inputs)) if scale is None else np.asarray(scale)
        for (_, number), value in zip(inputs, scale, strict=True):
            if not value > 0:
                raise ConfigError(
                    f"feature {features[number]}: the scale must be above 0, it is {value}"
                )
        sizes = (len(inputs), *hidden, len(classes) or 1)
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
            reads=inputs,
        )

    @property
    def inputs(self) -> tuple[tuple[str, str], ...]:
        """What the first layer reads: of each input the feature, and its transform or `raw`."""
        return tuple((self.features[number], name) for name, number in self.reads)

    def scaled_to(
        self, events: np.ndarray, weight: np.ndarray, objects: Mapping[str, Objects] = {}
    ) -> Self:
        """Standardised to mean 0 and standard deviation 1 on weighted events.

        Raises `InputError` for a transform that never varies.
        """
        x = self._transformed(events)
        for (feature, transform), row in zip(self.inputs, x, strict=True):
            if row.min() == row.max():
                raise InputError(
                    f"the {transform} of the feature {feature!r} is {row[0]:g} in all training "
                    f"events: remove it from transforms.{feature}"
                )
        mean, scale = mean_and_deviation(x, weight)
        return dataclasses.replace(
            self, mean=jnp.asarray(mean, jnp.float32), scale=jnp.asarray(scale, jnp.float32)
        )

    def scaled(self, events: np.ndarray) -> np.ndarray:
        """(x − mean) / scale of each input x."""
        mean, scale = np.asarray(self.mean), np.asarray(self.scale)
        return np.asarray((self._transformed(events) - mean[:, None]) / scale[:, None])

    def _transformed(self, events: np.ndarray) -> np.ndarray:
        return np.asarray(transforms.transformed(jnp.asarray(events), self.reads))

    def logits(self, events: jax.Array, objects: Mapping[str, Objects] = {}) -> jax.Array:
        """(features, N) → (1 or classes, N), before the sigmoid or softmax."""
        # one product and one sum for each input: x · (1/σ) − μ/σ
        inverse = 1 / jax.lax.stop_gradient(self.scale)
        shift = jax.lax.stop_gradient(self.mean) * inverse
        h = transforms.transformed(events, self.reads)
        h = h * inverse.astype(events.dtype)[:, None] - shift.astype(events.dtype)[:, None]
        last = len(self.weights) - 1
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            h = weight.astype(events.dtype) @ h + bias.astype(events.dtype)[:, None]
            if k < last:
                h = ACTIVATIONS[self.activation](h)
        return h

    def combined(
        self, matrix: np.ndarray, offsets: np.ndarray, classes: tuple[str, ...]
    ) -> "Perceptron":
        """The last layer of the new outputs is `matrix` times that of the old ones."""
        last = matrix @ np.asarray(self.weights[-1], np.float64)
        bias = matrix @ np.asarray(self.biases[-1], np.float64) + offsets
        return dataclasses.replace(
            self,
            weights=(*self.weights[:-1], jnp.asarray(last, self.weights[-1].dtype)),
            biases=(*self.biases[:-1], jnp.asarray(bias, self.biases[-1].dtype)),
            classes=classes,
        )

    def onnx(self, graph: OnnxGraph, events: str, objects: Mapping[str, tuple[str, str]]) -> str:
        """One node for each operation of `logits`."""
        inverse = 1 / np.asarray(self.scale)
        h = transforms.onnx(graph, events, len(self.features), self.reads)
        h = graph.node("Mul", h, graph.constant(inverse))
        h = graph.node("Sub", h, graph.constant(np.asarray(self.mean) * inverse))
        last = len(self.weights) - 1
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            h = graph.node("Gemm", h, graph.constant(weight), graph.constant(bias), transB=1)
            if k < last:
                h = activation_onnx(graph, self.activation, h)
        return h
