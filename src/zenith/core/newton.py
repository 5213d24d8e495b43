"""Newton's method within bounds: exact steps, backtracking, and an honest convergence flag.

Projected Newton (Bertsekas 1982, doi:10.1137/0320018): parameters that sit on a bound and are
pushed outwards leave the system for that step, and trial points are clipped to the bounds.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array, lax

# Squared distance to the minimum, in standard deviations, before the last step; Newton squares it
TOLERANCE = 1e-16
MAX_STEPS = 100
SHORTEST = 2.0**-40
SLOPE = 1e-4  # Armijo: the share of the predicted decrease that a step must achieve


class Minimum(NamedTuple):
    """Where the minimisation ended."""

    x: Array
    value: Array
    converged: Array
    iterations: Array


class _State(NamedTuple):
    x: Array
    value: Array
    decrement: Array
    iterations: Array
    stuck: Array


# the gradient at x, and the Newton step for the parameters that may move (0 for the others)
Expansion = Callable[[Array], tuple[Array, Callable[[Array], Array]]]


def minimise(
    value: Callable[[Array], Array],
    expand: Expansion,
    start: Array,
    lower: Array,
    upper: Array,
    free: Array,
) -> Minimum:
    """Minimise `value` from `start` over the free parameters; all arrays have shape (n,).

    Converged means that the Newton decrement (the squared distance to the minimum in standard
    deviations) is below 1e-16; an infinite or NaN value, a step that cannot decrease it, or 100
    steps end without convergence.
    """

    def unfinished(state: _State) -> Array:
        return (state.decrement > TOLERANCE) & (state.iterations < MAX_STEPS) & ~state.stuck

    def step(state: _State) -> _State:
        gradient, solve = expand(state.x)
        margin = 1e-9 * (upper - lower)
        outwards = jnp.where(gradient > 0, state.x <= lower + margin, state.x >= upper - margin)
        moving = free & ~outwards
        newton = solve(moving)
        decrement = jnp.where(moving, gradient * newton, 0.0).sum()

        def trial(length: Array) -> tuple[Array, Array, Array]:
            x = jnp.where(free, jnp.clip(state.x - length * newton, lower, upper), state.x)
            new = value(x)
            predicted = (gradient * (state.x - x)).sum()
            # rounding: near the minimum a step changes the value by less than its last digits
            rounding = 1e-14 * (1 + jnp.abs(state.value))
            return x, new, new <= state.value - SLOPE * predicted + rounding

        def shorten(carry: tuple[Array, tuple[Array, Array, Array]]):  # type: ignore[no-untyped-def]
            length = carry[0] / 2
            return length, trial(length)

        def rejected(carry: tuple[Array, tuple[Array, Array, Array]]) -> Array:
            return ~carry[1][2] & (carry[0] > SHORTEST)

        one = jnp.ones(())
        _, (x, new, accepted) = lax.while_loop(rejected, shorten, (one, trial(one)))
        return _State(
            jnp.where(accepted, x, state.x),
            jnp.where(accepted, new, state.value),
            decrement,
            state.iterations + 1,
            ~accepted | ~jnp.isfinite(decrement),
        )

    first = value(start)
    initial = _State(start, first, jnp.inf * jnp.ones(()), jnp.zeros((), int), ~jnp.isfinite(first))
    last = lax.while_loop(unfinished, step, initial)
    converged = (last.decrement <= TOLERANCE) & ~last.stuck
    return Minimum(last.x, last.value, converged, last.iterations)
