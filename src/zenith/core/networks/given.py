"""Networks that have been evaluated already: columns of the events have their logits.

Or what the head of one reads, its embedding: then the head is left to be evaluated, and moves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zenith.core.networks.calibrated import Calibrated
from zenith.core.networks.layers import Layers
from zenith.core.networks.network import Network, Objects, OnnxGraph
from zenith.core.networks.set_network import SetNetwork
from zenith.errors import InputError


def logit_columns(name: str, classes: Sequence[str], fold: int) -> tuple[str, ...]:
    """What columns call the logits of the network that reads a fold."""
    return tuple(f"{name}@{fold}:{output}" for output in (classes or ("logit",)))


class GivenLogits(Network):
    """What stands for a network that reads objects where there are flat columns only.

    Its features are its logits, by the network of each of some folds. Which fold is meant is an
    array, so that those of several folds can be stacked like other networks. It never learns.
    """

    features: tuple[str, ...] = eqx.field(static=True)
    classes: tuple[str, ...] = eqx.field(static=True)
    fold: jax.Array  # (folds,) 1 for the one that it reads, 0 for the others

    @classmethod
    def of(
        cls, name: str, classes: tuple[str, ...], fold: int, among: Sequence[int]
    ) -> "GivenLogits":
        """Of the network `name` that reads a fold, among those of the folds that columns have."""
        features = [column for f in among for column in logit_columns(name, classes, f)]
        return cls(tuple(features), classes, jnp.array([f == fold for f in among], jnp.float32))

    def logits(self, events: jax.Array, objects: Mapping[str, Objects] = {}) -> jax.Array:
        """(folds · outputs, N) → (outputs, N)."""
        return _chosen(self.fold, events)

    def onnx(self, graph: OnnxGraph, events: str, objects: Mapping[str, tuple[str, str]]) -> str:
        """Raises `InputError`: what evaluates events is the network itself."""
        raise InputError(
            f"the logits {', '.join(self.features)} are given; export the network that made them"
        )


class GivenEmbedding(Network):
    """The head of a network that reads objects, on columns of what its frozen trunk makes of them.

    Its features are the embedding, by the network of each of some folds, as of `GivenLogits`. The
    head alone learns.
    """

    features: tuple[str, ...] = eqx.field(static=True)
    classes: tuple[str, ...] = eqx.field(static=True)
    fold: jax.Array  # (folds,) 1 for the one that it reads, 0 for the others
    head: Layers

    def logits(self, events: jax.Array, objects: Mapping[str, Objects] = {}) -> jax.Array:
        """(folds · embedding, N) → (1 or classes, N)."""
        return self.head(_chosen(self.fold, events))

    def combined(
        self, matrix: np.ndarray, offsets: np.ndarray, classes: tuple[str, ...]
    ) -> "GivenEmbedding":
        """The last layer of the new outputs is `matrix` times that of the old ones."""
        return replace(self, head=self.head.combined(matrix, offsets), classes=classes)

    def onnx(self, graph: OnnxGraph, events: str, objects: Mapping[str, tuple[str, str]]) -> str:
        """Raises `InputError`: what evaluates events is the network with its trunk."""
        raise InputError("an embedding is given; export the network that made it")


def embedding_columns(name: str, rows: int, fold: int) -> tuple[str, ...]:
    """What columns call the embedding of the network that reads a fold."""
    return tuple(f"{name}@{fold}:embedding_{row}" for row in range(rows))


def trunk_of(network: Network) -> SetNetwork:
    """The network with an embedding, without its calibration. Raises `InputError` without one."""
    found = network.uncalibrated
    if not isinstance(found, SetNetwork):
        raise InputError(
            f"a network of type {type(found).__name__} has no embedding that a single head reads"
        )
    return found


def on_embedding(network: Network, name: str, fold: int, among: Sequence[int]) -> Network:
    """The head of the network `name` that reads a fold, and its calibration, on columns."""
    trunk = trunk_of(network)
    columns = tuple(c for f in among for c in embedding_columns(name, trunk.embedded, f))
    chosen = jnp.array([f == fold for f in among], jnp.float32)
    head = GivenEmbedding(columns, trunk.classes, chosen, trunk.head)
    if not isinstance(network, Calibrated):
        return head
    return replace(network, features=columns, network=head)


def with_trunk(moved: Network, network: Network) -> Network:
    """The network with the head, and the calibration, of what `on_embedding` made and was moved."""
    trunk = trunk_of(network)
    if isinstance(moved, Calibrated):
        whole = with_trunk(moved.network, network)
        return replace(moved, features=trunk.features, network=whole)
    assert isinstance(moved, GivenEmbedding)
    return replace(trunk, head=moved.head, classes=moved.classes)


def _chosen(fold: jax.Array, events: jax.Array) -> jax.Array:
    """(folds · rows, N) → (rows, N) of the fold that is 1, exactly, as no matrix product is."""
    of_folds = events.reshape(len(fold), -1, events.shape[1])
    chosen = jax.lax.stop_gradient(fold).astype(events.dtype)
    return (chosen[:, None, None] * of_folds).sum(axis=0)
