"""What a network is: a pytree of arrays that gives scores by name to events.

Arrays have features first, (features, events), as the event chain has them.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from zenith.errors import InputError


class Objects(NamedTuple):
    """The objects of one collection in N events, padded to M."""

    values: jax.Array  # (fields, M, N), in the unit of each field
    valid: jax.Array  # (M, N) bool; what is not valid is padding, whatever its values


class OnnxGraph(Protocol):
    """Where a network writes its nodes; tensors are known by their names."""

    def constant(self, value: ArrayLike) -> str:
        """A tensor of fixed numbers, float32."""

    def node(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """The first result of an operator of ONNX (onnx.ai/onnx/operators).

        Of opset 17, ai.onnx.ml 3; `outputs` is how many results the operator has.
        """


class Network(eqx.Module):
    """A network with one score, or one score for each of its `classes`.

    A type of network is a subclass with at least `features`, `classes`, `logits` and `onnx`. Its
    leaves are floating-point arrays of a shape that its settings determine, and all that is learnt
    is among them; what is not learnt, like a scaling, is read behind `jax.lax.stop_gradient`. The
    other fields are static. Files, training, scores and the climb know no more of a network.

    Attributes
    ----------
    features
        The observables of an event that it reads, in the order of its inputs.
    classes
        Those that have a score each; none for two classes, of which the last is scored.
    """

    features: eqx.AbstractVar[tuple[str, ...]]
    classes: eqx.AbstractVar[tuple[str, ...]]

    @property
    def collections(self) -> Mapping[str, tuple[str, ...]]:
        """The collections of objects that it reads, with their fields; none unless overridden."""
        return {}

    @property
    def inputs(self) -> tuple[tuple[str, str], ...]:
        """The rows of `scaled`: of each the feature, and its transform or `raw`."""
        return tuple((feature, "raw") for feature in self.features)

    @property
    def packs(self) -> bool:
        """Whether it reads objects that are packed as well (`zenith.core.networks.tokens`)."""
        return False

    @property
    def uncalibrated(self) -> "Network":
        """What it was before its calibration; itself, if it has none."""
        return self

    def may_lack(self, collection: str | None = None) -> tuple[str, ...]:
        """Features of events, or fields of a collection, that are NaN where there is no value."""
        return ()

    @abstractmethod
    def logits(self, events: jax.Array, objects: Mapping[str, Objects] = {}) -> jax.Array:
        """(features, N), and objects by collection → (1 or classes, N), in the dtype of `events`.

        Scores are their sigmoid, or their softmax.
        """

    @property
    def regressions(self) -> Mapping[str, int]:
        """The numbers that it predicts besides, with the outputs of each; none unless overridden.

        One output is the prediction; the second of two is the logarithm of its variance.
        """
        return {}

    def outputs(self, events: jax.Array, objects: Mapping[str, Objects] = {}) -> jax.Array:
        """(features, N) → the rows of `logits`, then those of `regressions` in their units."""
        return self.logits(events, objects)

    @abstractmethod
    def onnx(self, graph: OnnxGraph, events: str, objects: Mapping[str, tuple[str, str]]) -> str:
        """Write the nodes of `logits`: from (N, features) to (N, 1 or classes).

        `objects` are the names of values (N, M, fields) and of `valid` (N, M) by collection.
        """

    def onnx_outputs(
        self, graph: OnnxGraph, events: str, objects: Mapping[str, tuple[str, str]]
    ) -> tuple[str, dict[str, str]]:
        """As `onnx`, and the nodes of each regression by its name, (N, outputs)."""
        return self.onnx(graph, events, objects), {}

    def scaled_to(
        self, events: np.ndarray, weight: np.ndarray, objects: Mapping[str, Objects] = {}
    ) -> Self:
        """The same with its scaling learnt from events (features, N) of weights (N,), none below 0.

        A network without a scaling is as it was.
        """
        return self

    def scaled(self, events: np.ndarray) -> np.ndarray:
        """(features, N) → (inputs, N) as the first layer sees them, for figures."""
        return events

    def scaled_objects(
        self, collection: str, values: np.ndarray
    ) -> tuple[tuple[tuple[str, str], ...], np.ndarray]:
        """The same of objects, (fields, n) → (inputs, n), and each row's field and transform."""
        return tuple((field, "raw") for field in self.collections[collection]), values

    def scores(self, events: jax.Array, objects: Mapping[str, Objects] = {}) -> jax.Array:
        """(features, N) → (1 or classes, N), each in [0, 1]; softmax scores add up to 1."""
        return self.of_logits(self.logits(events, objects))

    def of_logits(self, logits: jax.Array) -> jax.Array:
        """The scores of logits, of the same shape: their softmax over classes, or their sigmoid."""
        return jax.nn.softmax(logits, axis=0) if self.classes else jax.nn.sigmoid(logits)

    def combined(
        self, matrix: np.ndarray, offsets: np.ndarray, classes: tuple[str, ...]
    ) -> "Network":
        """The same with other outputs: logits `matrix` (K, outputs) @ logits + `offsets` (K,).

        A type whose last layer is linear overrides it, so that each new output can move by itself.
        """
        raise InputError(
            f"a network of type {type(self).__name__} has no last layer that other outputs could "
            "be of: use a single perceptron"
        )

    def observables(self, name: str) -> tuple[str, ...]:
        """What a cut calls the rows of `scores`: `name`, or `name:class` for each class."""
        return tuple(f"{name}:{c}" for c in self.classes) or (name,)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The arrays by their place in the network: `weights.0`, `mean`."""
        return {name: np.asarray(array) for name, array in _leaves(self)}

    def with_arrays(self, arrays: Mapping[str, np.ndarray]) -> Self:
        """The arrays that `to_arrays` named in this network, of which only the shapes count.

        Raises `InputError` that names the array that is missing, unexpected, of another shape or
        not finite.
        """
        mine = dict(_leaves(self))
        if wrong := sorted(mine.keys() ^ arrays.keys()):
            state = "is missing" if wrong[0] in mine else "belongs to another network"
            raise InputError(f"network: array {wrong[0]} {state}; train the network again")
        for name, array in mine.items():
            if np.shape(arrays[name]) != array.shape:
                raise InputError(
                    f"network: array {name} has shape {np.shape(arrays[name])} in place of "
                    f"{array.shape}; train the network again"
                )
            if not np.isfinite(arrays[name]).all():
                raise InputError(f"network: array {name} is not finite; train the network again")
        new = [jnp.asarray(arrays[name], jnp.float32) for name in mine]
        network: Self = jax.tree.unflatten(jax.tree.structure(self), new)
        return network


def require_events_alone(name: str, network: Network) -> None:
    """Raises `InputError` for a network that reads objects, where there are flat columns only."""
    if network.collections:
        raise InputError(
            f"network {name}: it reads objects ({', '.join(network.collections)}), of which "
            "columns have none; use a network of event features alone"
        )


def _leaves(network: Network) -> list[tuple[str, Any]]:
    paths = jax.tree_util.tree_leaves_with_path(network)
    return [(jax.tree_util.keystr(path, simple=True, separator="."), leaf) for path, leaf in paths]


def mean_and_deviation(events: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each feature, (features,) float64, over weighted events."""
    x = events.astype(np.float64)
    mean = np.average(x, axis=1, weights=weight)
    return mean, np.sqrt(np.average((x - mean[:, None]) ** 2, axis=1, weights=weight))
