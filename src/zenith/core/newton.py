"""Newton's method within bounds: exact steps, backtracking, and an honest convergence flag.

Projected Newton (Bertsekas 1982, doi:10.1137/0320018): parameters that sit on a bound and are
pushed outwards leave the system for that step, and trial points are clipped to the bounds.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array, lax

# Squared distance to the minimum, in standard deviations, before the last step: an exact Newton
# step squares it, one with an approximate Hessian only shortens it
TOLERANCE, TOLERANCE_CONVEX = 1e-9, 1e-16
MAX_STEPS = 100
SHORTEST = 2.0**-40
HIGHEST = 1e300  # more than any finite value, and less than infinity when rounded up
SLOPE = 1e-4  # Armijo: the share of the predicted decrease that a step must achieve


class Minimum(NamedTuple):
    """Where the minimisation ended."""

    x: Array
    value: Array
    converged: Array
    iterations: Array


class Quadratic(NamedTuple):
    """The function near one point."""

    value: Array
    gradient: Array
    solve: Callable[[Array], Array]
    """Newton's step for the parameters that may move, 0 for the others; not finite where the
    Hessian is not positive definite."""


class _State(NamedTuple):
    x: Array
    value: Array
    gradient: Array
    step: Array
    length: Array  # of the trial step from x; 0 repeats x with the convex approximation
    decrement: Array
    near: Array
    iterations: Array
    stuck: Array


def minimise(
    expand: Callable[[Array, Array], Quadratic],
    start: Array,
    lower: Array,
    upper: Array,
    free: Array,
) -> Minimum:
    """Minimise from `start` over the free parameters; all arrays have shape (n,).

    `expand(x, convex)` takes the exact Hessian, or a positive definite approximation where convex
    is true: it is asked for that where the exact one does not descend. Converged means that the
    Newton decrement (the squared distance to the minimum in standard deviations) is below 1e-9
    before the last step (1e-16 if that is not exact). An infinite value at the start, a step that
    cannot decrease it, or 100 steps end without convergence.
    """

    def unfinished(state: _State) -> Array:
        return ~state.near & (state.iterations < MAX_STEPS) & ~state.stuck

    def move(state: _State, length: Array) -> Array:
        return jnp.where(free, jnp.clip(state.x - length * state.step, lower, upper), state.x)

    def advance(state: _State) -> _State:
        x = move(state, state.length)
        convex = state.length == 0
        at = expand(x, convex)
        predicted = (state.gradient * (state.x - x)).sum()
        # near the minimum a step changes the value by less than its last digits
        rounding = 1e-14 * (1 + jnp.abs(state.value))
        accepted = at.value <= state.value - SLOPE * predicted + rounding
        margin = 1e-9 * (upper - lower)
        outwards = jnp.where(at.gradient > 0, x <= lower + margin, x >= upper - margin)
        moving = free & ~outwards
        step = at.solve(moving)
        descends = jnp.isfinite(step).all()
        length = jnp.where(accepted, jnp.where(descends, 1.0, 0.0), state.length / 2)
        decrement = jnp.where(moving, at.gradient * step, 0.0).sum()
        near = decrement <= jnp.where(convex, TOLERANCE_CONVEX, TOLERANCE)
        return _State(
            x=jnp.where(accepted, x, state.x),
            value=jnp.where(accepted, at.value, state.value),
            gradient=jnp.where(accepted, at.gradient, state.gradient),
            step=jnp.where(accepted, jnp.where(descends, step, 0.0), state.step),
            length=length,
            decrement=decrement,
            near=accepted & descends & near,
            iterations=state.iterations + (accepted & descends),
            stuck=jnp.where(accepted, convex & ~descends, length < SHORTEST),
        )

    none = jnp.zeros_like(start)
    initial = _State(
        x=start,
        value=jnp.array(HIGHEST),
        gradient=none,
        step=none,
        length=jnp.array(1.0),
        decrement=jnp.array(jnp.inf),
        near=jnp.array(False),
        iterations=jnp.array(0),
        stuck=jnp.array(False),
    )
    last = lax.while_loop(unfinished, advance, initial)
    x = jnp.where(last.near, move(last, jnp.array(1.0)), last.x)
    value = last.value - jnp.where(last.near, last.decrement / 2, 0.0)
    return Minimum(x, value, last.near, last.iterations)
