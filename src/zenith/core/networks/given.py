"""A network that has been evaluated already: its logits are columns of the events."""

from collections.abc import Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp

from zenith.core.networks.network import Network, Objects, OnnxGraph
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
        of_folds = events.reshape(len(self.fold), -1, events.shape[1])
        chosen = jax.lax.stop_gradient(self.fold).astype(events.dtype)
        return (chosen[:, None, None] * of_folds).sum(axis=0)  # exact, as no matrix product is

    def onnx(self, graph: OnnxGraph, events: str, objects: Mapping[str, tuple[str, str]]) -> str:
        """Raises `InputError`: what evaluates events is the network itself."""
        raise InputError(
            f"the logits {', '.join(self.features)} are given; export the network that made them"
        )
