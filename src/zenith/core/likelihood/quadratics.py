"""Second-order polynomials, with all cross terms, that vanish where all their variables do.

Of A variables they have F = A (A + 3) / 2 terms: ν_A in their order, then ν_A ν_B for A ≤ B in the
order (0, 0), (0, 1), …, (1, 1), …; a cross term is there once.
"""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array


def number(variables: int) -> int:
    """F."""
    return variables * (variables + 3) // 2


def pairs(variables: int) -> tuple[np.ndarray, np.ndarray]:
    """The first and the second variable of every term of second order."""
    return np.triu_indices(variables)


def names(variables: Sequence[str]) -> tuple[str, ...]:
    """The terms in words: `t`, `j`, `t²`, `t × j`, `j²`."""
    found = [*variables]
    for a, b in zip(*pairs(len(variables)), strict=True):
        found.append(f"{variables[a]}²" if a == b else f"{variables[a]} × {variables[b]}")
    return tuple(found)


def monomials(values: Any) -> Any:
    """The terms, (…, A) → (…, F), of an array of NumPy or of JAX."""
    first, second = pairs(values.shape[-1])
    numpy = np if isinstance(values, np.ndarray) else jnp
    return numpy.concatenate([values, values[..., first] * values[..., second]], axis=-1)


def symmetric(coefficients: Array, variables: int) -> Array:
    """The matrices of second derivatives, (F, …) → (A, A, …)."""
    first, second = pairs(variables)
    half = jnp.zeros((variables, variables, *coefficients.shape[1:]))
    half = half.at[first, second].set(coefficients[variables:])
    return half + jnp.swapaxes(half, 0, 1)
