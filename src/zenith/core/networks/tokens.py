"""The objects of events as tokens, in two layouts: padded, or one after another.

Layers that act on each token see (features, T). What relates tokens of an event, like attention,
sees (features, M, N), from which both layouts come and to which they go; so a network has one set
of weights and one definition. Of padded objects T is M · N. Packed ones are those that are valid,
and layers do not spend time on padding: training has them, export does not.
"""

from collections.abc import Sequence
from typing import NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np

from zenith.core.networks.network import Objects


class Layout(NamedTuple):
    """Where the tokens of N events are, of which each has up to M."""

    valid: jax.Array  # (M, N) bool
    places: jax.Array | None = None  # (M, N) int32: of what is valid its number among the packed
    slots: jax.Array | None = None  # (T,) int32: of each packed its m · N + n; past the last −1

    def padded(self, h: jax.Array) -> jax.Array:
        """(features, T) → (features, M, N); what is not valid has any finite value."""
        if self.places is None or self.slots is None:
            return h.reshape(-1, *self.valid.shape)
        return _padded(h, self.valid, self.places, self.slots)

    def packed(self, x: jax.Array) -> jax.Array:
        """(features, M, N) → (features, T)."""
        if self.places is None or self.slots is None:
            return x.reshape(len(x), -1)
        return _packed(x, self.valid, self.places, self.slots)


class PackedObjects(NamedTuple):
    """The valid objects of one collection in N events, one after another."""

    values: jax.Array  # (fields, T), in the unit of each field
    layout: Layout

    @classmethod
    def of(cls, objects: Objects, room: int) -> Self:
        """The same objects, of which no more than `room` may be valid."""
        flat = objects.valid.reshape(-1)
        places = jnp.cumsum(flat, dtype=jnp.int32) - 1
        (slots,) = jnp.nonzero(flat, size=room, fill_value=-1)
        values = objects.values.reshape(len(objects.values), -1)[:, slots]
        layout = Layout(objects.valid, places.reshape(objects.valid.shape), slots.astype(jnp.int32))
        return cls(jnp.where(slots >= 0, values, 0.0), layout)


def tokens(objects: Objects | PackedObjects) -> tuple[jax.Array, Layout]:
    """The values (fields, T) of objects, 0 for padding, and their layout."""
    if isinstance(objects, PackedObjects):
        return objects.values, objects.layout
    values = jnp.where(objects.valid, objects.values, 0.0)
    return values.reshape(len(values), -1), Layout(objects.valid)


def joined(layouts: Sequence[Layout], sizes: Sequence[int]) -> Layout:
    """The layout of tokens of several collections, T of each, one after another."""
    if len(layouts) == 1:
        return layouts[0]
    valid = jnp.concatenate([layout.valid for layout in layouts])
    if layouts[0].places is None:
        return Layout(valid)
    places, slots, before = [], [], 0
    starts = np.cumsum([0, *sizes])
    for layout, start in zip(layouts, starts, strict=False):
        assert layout.places is not None
        assert layout.slots is not None
        places.append(layout.places + start)
        slots.append(jnp.where(layout.slots < 0, -1, layout.slots + before))
        before += layout.valid.size
    return Layout(valid, jnp.concatenate(places), jnp.concatenate(slots))


# Packing is one to one: the derivative of each way is the other way, where autodiff would scatter.
@jax.custom_vjp
def _padded(h: jax.Array, valid: jax.Array, places: jax.Array, slots: jax.Array) -> jax.Array:
    return jnp.where(valid, h[:, places], 0.0)


@jax.custom_vjp
def _packed(x: jax.Array, valid: jax.Array, places: jax.Array, slots: jax.Array) -> jax.Array:
    return jnp.where(slots >= 0, x.reshape(len(x), -1)[:, slots], 0.0)


_Indices = tuple[jax.Array, jax.Array, jax.Array]
_Cotangents = tuple[jax.Array, None, None, None]


def _padded_forward(h: jax.Array, *indices: jax.Array) -> tuple[jax.Array, _Indices]:
    return _padded(h, *indices), indices  # type: ignore[return-value]


def _padded_backward(indices: _Indices, cotangent: jax.Array) -> _Cotangents:
    return _packed(cotangent, *indices), None, None, None


def _packed_forward(x: jax.Array, *indices: jax.Array) -> tuple[jax.Array, _Indices]:
    return _packed(x, *indices), indices  # type: ignore[return-value]


def _packed_backward(indices: _Indices, cotangent: jax.Array) -> _Cotangents:
    return _padded(cotangent, *indices), None, None, None


_padded.defvjp(_padded_forward, _padded_backward)
_packed.defvjp(_packed_forward, _packed_backward)
