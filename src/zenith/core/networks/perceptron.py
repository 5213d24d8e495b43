"""A multi-layer perceptron as a pytree, which standardises its own inputs.

Arrays are features first, (features, events), as the event chain has them. The scaler is part of
the network but is never learned: no gradient reaches it.
"""

from collections.abc import Mapping, Sequence
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zenith.errors import ConfigError, InputError

ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh, "silu": jax.nn.silu}


class Network(eqx.Module):
    """Dense layers from `features` to one score, or to one score for each of `classes`.

    Without classes the score is a sigmoid, else a softmax over the classes.
    """

    weights: tuple[jax.Array, ...]  # (outputs, inputs) each
    biases: tuple[jax.Array, ...]  # (outputs,) each
    mean: jax.Array  # (features,), in the unit of each feature
    scale: jax.Array  # (features,), above 0
    features: tuple[str, ...] = eqx.field(static=True)
    classes: tuple[str, ...] = eqx.field(static=True, default=())
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

    def logits(self, x: jax.Array) -> jax.Array:
        """(features, N) → (1 or classes, N), before the sigmoid or softmax."""
        # one product and one sum for each input: x · (1/σ) − μ/σ
        inverse = 1 / jax.lax.stop_gradient(self.scale)
        shift = jax.lax.stop_gradient(self.mean) * inverse
        h = x * inverse.astype(x.dtype)[:, None] - shift.astype(x.dtype)[:, None]
        last = len(self.weights) - 1
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            h = weight.astype(x.dtype) @ h + bias.astype(x.dtype)[:, None]
            if k < last:
                h = ACTIVATIONS[self.activation](h)
        return h

    def scores(self, x: jax.Array) -> jax.Array:
        """(features, N) → (1 or classes, N), each in [0, 1]; softmax scores add up to 1."""
        logits = self.logits(x)
        return jax.nn.softmax(logits, axis=0) if self.classes else jax.nn.sigmoid(logits)

    def observables(self, name: str) -> tuple[str, ...]:
        """What a cut calls the rows of `scores`: `name`, or `name:class` for each class."""
        return tuple(f"{name}:{c}" for c in self.classes) or (name,)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The parameters by name: `layers.0.weight`, `layers.0.bias`, …, `mean`, `scale`."""
        return {name: np.asarray(array) for name, array in self._parameters().items()}

    def _parameters(self) -> dict[str, jax.Array]:
        arrays = {"mean": self.mean, "scale": self.scale}
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            arrays[f"layers.{k}.weight"] = weight
            arrays[f"layers.{k}.bias"] = bias
        return arrays

    def with_arrays(self, arrays: Mapping[str, np.ndarray]) -> Self:
        """The parameters that `to_arrays` named in this network, of which only the shapes count.

        Raises `InputError` that names the array that is missing, unexpected or of another shape.
        """
        mine = self._parameters()
        if wrong := sorted(mine.keys() ^ arrays.keys()):
            state = "is missing" if wrong[0] in mine else "belongs to another network"
            raise InputError(f"network: array {wrong[0]} {state}; train the network again")
        for name, array in mine.items():
            if np.shape(arrays[name]) != array.shape:
                raise InputError(
                    f"network: array {name} has shape {np.shape(arrays[name])}, the configuration "
                    f"asks for {array.shape}; train the network again"
                )
            if not np.isfinite(arrays[name]).all():
                raise InputError(f"network: array {name} is not finite; train the network again")
        new = {name: jnp.asarray(arrays[name], jnp.float32) for name in mine}
        count = range(len(self.weights))
        return type(self)(
            weights=tuple(new[f"layers.{k}.weight"] for k in count),
            biases=tuple(new[f"layers.{k}.bias"] for k in count),
            mean=new["mean"],
            scale=new["scale"],
            features=self.features,
            classes=self.classes,
            activation=self.activation,
        )
