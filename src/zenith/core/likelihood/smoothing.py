"""Smoothing of binned ratios by 353QH, twice; in JAX, differentiable almost everywhere.

J. Friedman, "Data analysis techniques for high energy particle physics", CERN 74-23 (1974), page
292: running medians of 3, 5 and 3 bins, a parabola through flat segments, running means; and once
more on what these left over, so that peaks keep their height. Medians choose a bin, and that choice
is what the derivative takes as given.
"""

import jax.numpy as jnp
from jax import Array


def smooth_353qh_twice(values: Array) -> Array:
    """Smooth along the last axis, (…, B); fewer than three bins stay as they are.

    Without a negative value, none comes out.
    """
    if values.shape[-1] < 3:
        return values
    smooth = _smooth_353qh(values)
    smooth += _smooth_353qh(values - smooth)
    positive = values.min(axis=-1, keepdims=True) >= 0.0
    return jnp.where(positive, smooth.clip(0.0), smooth)


def _smooth_353qh(z: Array) -> Array:
    y = z
    z = z.at[..., 1:-1].set(_median(y[..., :-2], y[..., 1:-1], y[..., 2:]))
    # the ends: beside their own value, the neighbour and the line through the two next ones
    first = _median(3 * z[..., 1] - 2 * z[..., 2], y[..., 0], z[..., 1])
    last = _median(z[..., -2], y[..., -1], 3 * z[..., -2] - 2 * z[..., -3])
    y = z = z.at[..., 0].set(first).at[..., -1].set(last)
    if z.shape[-1] > 4:
        windows = jnp.stack([y[..., k : y.shape[-1] - 4 + k] for k in range(5)])
        z = z.at[..., 2:-2].set(jnp.sort(windows, axis=0)[2])
    z = z.at[..., 1].set(_median(*(y[..., k] for k in (0, 1, 2))))
    y = z = z.at[..., -2].set(_median(*(y[..., k] for k in (-3, -2, -1))))
    z = z.at[..., 1:-1].set(_median(y[..., :-2], y[..., 1:-1], y[..., 2:]))
    y = _unflattened(z)
    return y.at[..., 1:-1].set(0.25 * y[..., :-2] + 0.5 * y[..., 1:-1] + 0.25 * y[..., 2:])


def _median(a: Array, b: Array, c: Array) -> Array:
    return jnp.maximum(jnp.minimum(a, b), jnp.minimum(jnp.maximum(a, b), c))


def _unflattened(z: Array) -> Array:
    """Three equal bins between two that are both higher, or both lower, become a parabola."""
    if z.shape[-1] < 5:
        return z
    below, left, middle, right, above = (z[..., k : z.shape[-1] - 4 + k] for k in range(5))
    flat = (left == middle) & (middle == right) & ((below - middle) * (above - middle) > 0.0)
    to_left = jnp.abs(above - middle) > jnp.abs(below - middle)  # the flatter side
    near, far = jnp.where(to_left, above, below), jnp.where(to_left, below, above)
    centre = jnp.where(flat, -0.5 * near + middle / 0.75 + far / 6.0, z[..., 2:-2])
    side = 0.5 * (far - near) + middle
    y = z.at[..., 2:-2].set(centre)
    y = y.at[..., 1:-3].set(jnp.where(flat & to_left, side, y[..., 1:-3]))
    return y.at[..., 3:-1].set(jnp.where(flat & ~to_left, side, y[..., 3:-1]))
