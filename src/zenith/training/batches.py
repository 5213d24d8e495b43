"""Batches of events, with their objects packed in places of a fixed number."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np

from zenith.core.networks.network import Objects
from zenith.core.networks.tokens import PackedObjects
from zenith.training.examples import Examples

Rooms = Mapping[str, int]  # of each collection, objects that a batch has place for
NONE: Rooms = MappingProxyType({})
SPREADS = 5.0  # standard deviations above the mean that a batch has place for
REPEATS = "repeats"  # the observable of events that a bootstrap repeats
GRAIN = 16  # objects, by which places are rounded up


class Batch(NamedTuple):
    """Events first, (N, …): whole events are picked from it."""

    x: jax.Array  # (N, features)
    label: jax.Array  # (N,)
    weight: jax.Array  # (N,)
    objects: Mapping[str, tuple[jax.Array, jax.Array]]  # values (N, M, fields), valid (N, M)
    observables: Mapping[str, jax.Array] = {}  # (N,), what the loss reads besides

    @classmethod
    def of(cls, events: Examples, multiple: int = 1) -> Self:
        """All events, and as many of weight 0 without objects as make a multiple."""
        added = -len(events.weight) % multiple

        def array(given: np.ndarray, dtype: Any) -> jax.Array:
            widths = [(0, added), *[(0, 0)] * (given.ndim - 1)]
            return jnp.asarray(np.pad(np.asarray(given, dtype), widths))

        objects = {
            name: (array(np.asarray(values).T, np.float32), array(np.asarray(valid).T, bool))
            for name, (values, valid) in events.objects.items()
        }
        x, weight = array(events.x.T, np.float32), array(events.weight, np.float32)
        observables = {
            name: array(values, np.float32) for name, values in events.observables.items()
        }
        return cls(x, array(events.label, np.int32), weight, objects, observables)

    def replicated(self, repeats: np.ndarray) -> "Batch":
        """With how often events count, (N, networks), by network, of a bootstrap."""
        widths = [(0, len(self.weight) - len(repeats)), (0, 0)]
        counted = jnp.asarray(np.pad(repeats, widths), jnp.float32)
        return self._replace(observables={**self.observables, REPEATS: counted})

    def of_network(self, number: jax.Array | int) -> "Batch":
        """As the network of this number sees it, in an ensemble; all alike without a bootstrap."""
        if REPEATS not in self.observables:
            return self
        return self._replace(weight=self.weight * self.observables[REPEATS][:, number])

    def picked(self, chosen: jax.Array) -> "Batch":
        """The events of these places."""
        picked: Batch = jax.tree.map(lambda array: array[chosen], self)
        return picked

    def parted(self, size: int) -> "Batch":
        """The same as batches of a size, of which there is a whole number: (batches, size, …)."""
        number = len(self.weight) // size
        parted: Batch = jax.tree.map(lambda a: a.reshape(number, size, *a.shape[1:]), self)
        return parted

    def inputs(self, rooms: Rooms) -> tuple[Any, ...]:
        """What a network reads: of a collection that has rooms the objects are packed."""
        objects: dict[str, Objects | PackedObjects] = {}
        for name, (values, valid) in self.objects.items():
            padded = Objects(jnp.transpose(values), valid.T)
            packed = name in rooms
            objects[name] = PackedObjects.of(padded, rooms[name]) if packed else padded
        return (self.x.T, objects) if objects else (self.x.T,)


def room(counts: np.ndarray, order: np.ndarray) -> int:
    """Objects, of events with these counts, that every batch has place for, of later orders too.

    Nearly: where a later batch has more, all batches get the place, and are compiled again.
    """
    size = order.shape[1]
    usual = size * counts.mean() + SPREADS * np.sqrt(size) * counts.std()
    return _rounded(max(min(usual, size * counts.max()), counts[order].sum(axis=1).max()))


def room_for_all(counts: np.ndarray, size: int) -> int:
    """Objects that the batches of events in their own order have."""
    return _rounded(np.add.reduceat(counts, np.arange(0, len(counts), size)).max())


def _rounded(room: float) -> int:
    return max(1, -int(-room // GRAIN)) * GRAIN
