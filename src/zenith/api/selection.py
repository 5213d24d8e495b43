"""Soft cuts and histograms of a user's own arrays, differentiable, in the user's precision."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from zenith.core.selection.cuts import Cut
from zenith.errors import InputError


class Histogram(NamedTuple):
    """Yields of B bins; a pytree."""

    yields: jax.Array
    """Expected events, Σw, shape (B,)."""
    variance: jax.Array
    """Σw², shape (B,)."""


def histogram(values: ArrayLike, edges: ArrayLike, weights: ArrayLike) -> Histogram:
    """Sums of weights, and of their squares, in bins; differentiable in the weights.

    `values` and `weights` are (N,), in any order, `edges` (B + 1,) increase, in the unit of the
    values; weights are in expected events. As in NumPy the last bin has its upper edge too, and
    values beyond the edges are dropped. The bins are hard: a gradient comes through weights alone,
    as of a soft cut. Sums are over √N blocks of √N events, so that rounding grows as √N at most.

    Raises InputError for other shapes.

    >>> zenith.histogram([0.2, 0.7, 0.9], edges=[0.0, 0.5, 1.0], weights=[1.0, 2.0, 3.0])
    Histogram(yields=Array([1., 5.], dtype=float32), variance=Array([ 1., 13.], dtype=float32))
    """
    x, bounds, w = (jnp.asarray(part) for part in (values, edges, weights))
    if x.ndim != 1 or w.shape != x.shape:
        raise InputError(
            f"histogram: values have shape {x.shape}, weights {w.shape}: one list of values and "
            "one weight for each are needed"
        )
    if bounds.ndim != 1 or len(bounds) < 2:
        raise InputError(f"histogram: edges have shape {bounds.shape}: at least two are needed")
    if not jnp.issubdtype(w.dtype, jnp.floating):
        w = w.astype(float)
    bins, blocks = len(bounds) - 1, max(math.isqrt(len(x)), 1)
    index = jnp.searchsorted(bounds, x, side="right") - 1
    index = jnp.where(x == bounds[-1], bins - 1, index)
    dropped = (index < 0) | (index >= bins)
    cell = jnp.where(dropped, -1, index * blocks + jnp.arange(len(x)) % blocks)
    sums = jax.ops.segment_sum(jnp.stack([w, w**2], axis=1), cell, bins * blocks)
    return Histogram(*sums.reshape(bins, blocks, 2).sum(axis=1).T)


def above(x: ArrayLike, cut: ArrayLike, width: ArrayLike) -> jax.Array:
    """How much of each event passes `x > cut`, shape as `x`: sigmoid((x − cut) / width).

    `cut` and `width`, above 0, are in the unit of `x`. Differentiable in all three; it tends to the
    hard cut, 0 or 1, as the width goes to 0. Raises ConfigError for another width, but where the
    width is an argument of a function under `jit`, whose value is not known.

    >>> zenith.above(np.array([0.4, 0.5, 0.9]), 0.5, width=0.05).round(2)
    Array([0.12, 0.5 , 1.  ], dtype=float32)
    """
    return _soft(">", x, cut, width)


def below(x: ArrayLike, cut: ArrayLike, width: ArrayLike) -> jax.Array:
    """How much of each event passes `x < cut`, 1 − `above` of the same arguments.

    >>> zenith.below(np.array([0.4, 0.5, 0.9]), 0.5, width=0.05).round(2)
    Array([0.88, 0.5 , 0.  ], dtype=float32)
    """
    return _soft("<", x, cut, width)


def _soft(direction: str, x: ArrayLike, cut: ArrayLike, width: ArrayLike) -> jax.Array:
    column = jnp.asarray(x)
    if not jnp.issubdtype(column.dtype, jnp.floating):
        column = column.astype(float)
    threshold = {"cut": jnp.asarray(cut)}
    traced = isinstance(width, jax.core.Tracer)
    known = 1.0 if traced else float(np.asarray(width))
    temperature = width if traced else 1.0
    weight: jax.Array = Cut("x", direction, "cut", known).soft(column, threshold, temperature)
    return weight
