"""Newton's method within bounds: exact steps, backtracking, and an honest convergence flag.

Projected Newton (Bertsekas 1982, doi:10.1137/0320018): parameters that sit on a bound and would
be pushed through it leave the system for that step, and trial points are clipped to the bounds.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array, lax

# Squared distance to the minimum, in standard deviations, before the last step, which squares it
TOLERANCE = 1e-7
# The convex approximation leads until the squared distance is below this: far away the exact one
# is often indefinite
FAR = 1.0
MAX_STEPS = 100
SHORTEST = 2.0**-40
SLOPE = 1e-4  # Armijo: the share of the predicted decrease that a step must achieve
# After an indefinite Hessian it leads again until the squared distance has shrunk by this
PATIENCE = 1e-2


class Minimum(NamedTuple):
    """Where the minimisation ended."""

    x: Array
    value: Array
    converged: Array
    """bool: the projected gradient vanishes and no direction has negative curvature."""
    escape: Array
    """(n,) where only the projected gradient vanishes, a direction of negative curvature, whose
    largest component is 1; else 0."""
    iterations: Array
    """Newton steps."""
    expansions: Array
    """Evaluations of gradient and Hessian; those of the value alone cost little."""


class Quadratic(NamedTuple):
    """The function near one point."""

    gradient: Array
    solve: Callable[[Array], Array]
    """Newton's step for the parameters that may move, 0 for the others; not finite where the
    Hessian is not positive definite."""
    lowest: Callable[[Array], tuple[Array, Array]]
    """Curvature and direction for the parameters that may move, negative if there is such a one."""


class Function(NamedTuple):
    """What is minimised: a function of x (n,)."""

    value: Callable[[Array], Array]
    expand: Callable[[Array, Array], Quadratic]
    """Of (x, convex): with the exact Hessian, or with a positive definite approximation."""


class _State(NamedTuple):
    x: Array
    value: Array
    convex: Array  # whether the next Hessian is the approximation
    release: Array  # the decrement below which the exact Hessian is tried again
    stationary: Array
    converged: Array
    escape: Array
    stuck: Array
    iterations: Array
    expansions: Array


def minimise(function: Function, start: Array, lower: Array, upper: Array, free: Array) -> Minimum:
    """Minimise from `start` over the free parameters; all arrays have shape (n,).

    The convex approximation serves far away, and where the exact Hessian does not descend.
    Converged means that the Newton decrement (the squared distance to the minimum in standard
    deviations) is below 1e-7 before the last step, that the gradient holds every parameter on a
    bound there, and that the exact Hessian of the others has no negative curvature. An infinite
    value at the start, a step that cannot decrease it, or 100 steps end without.
    """
    margin = 1e-9 * (upper - lower)

    def unfinished(state: _State) -> Array:
        return ~(state.converged | state.stuck) & (state.iterations < MAX_STEPS)

    def outwards(x: Array, push: Array) -> Array:
        """Whether a step of -push from x goes through a bound that x is on."""
        return jnp.where(push > 0, x <= lower + margin, (push < 0) & (x >= upper - margin))

    def direction(x: Array, at: Quadratic) -> tuple[Array, Array]:
        """Newton's step, and whether a bound holds a parameter that the gradient does not."""

        def again(trial: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            moving, step, _ = trial
            moving &= ~outwards(x, step)
            step = at.solve(moving)
            return moving, step, (moving & outwards(x, step)).any()

        moving = free & ~outwards(x, at.gradient)
        first = moving, jnp.zeros_like(x), jnp.array(True)
        left, step, _ = lax.while_loop(lambda trial: trial[2], again, first)
        return step, (left != moving).any()

    def move(x: Array, step: Array) -> Array:
        return jnp.where(free, jnp.clip(x - step, lower, upper), x)

    def search(state: _State, at: Quadratic, step: Array, near: Array) -> tuple[Array, ...]:
        """The first of step, step / 2, step / 4, … that decreases the value enough."""
        x, value = state.x, state.value
        # near the minimum a step changes the value by less than its last digits
        rounding = 1e-14 * (1 + jnp.abs(value))

        def refused(trial: tuple[Array, Array, Array]) -> Array:
            length, x_new, value_new = trial
            enough = value - SLOPE * (at.gradient * (x - x_new)).sum() + rounding
            untried = length > 1
            return untried | (~(value_new <= enough) & ~near & (length >= SHORTEST))

        def shorten(trial: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            length = trial[0] / 2
            x_new = move(x, length * step)
            return length, x_new, function.value(x_new)

        return lax.while_loop(refused, shorten, (jnp.array(2.0), x, value))

    def advance(state: _State) -> _State:
        at = function.expand(state.x, state.convex)
        step, held = direction(state.x, at)
        descends = jnp.isfinite(step).all()
        step = jnp.where(descends, step, 0.0)
        decrement = (at.gradient * step).sum()
        near = descends & ~held & (decrement <= TOLERANCE)
        length, x, value = search(state, at, step, near)
        accepted = descends & (length >= SHORTEST)

        def look() -> tuple[Array, Array]:
            return at.lowest(free & (state.x > lower + margin) & (state.x < upper - margin))

        indefinite = state.stationary & ~descends
        nothing = jnp.array(0.0), jnp.zeros_like(step)
        bend, escape = lax.cond(indefinite, look, lambda: nothing)
        saddle = indefinite & (bend < 0)
        # the first decrement after an indefinite Hessian says how long the convex one leads
        first = descends & jnp.isinf(state.release)
        release = jnp.where(first, PATIENCE * decrement, state.release)
        return _State(
            x=jnp.where(accepted, x, state.x),
            value=jnp.where(accepted, value, state.value),
            convex=jnp.where(state.convex, ~near & (decrement > release), ~descends),
            release=jnp.where(state.convex, release, jnp.inf),
            stationary=near & state.convex,
            converged=(near & ~state.convex) | (indefinite & (bend >= 0)),
            escape=jnp.where(saddle, escape, 0.0),
            stuck=indefinite | ((state.convex | descends) & ~accepted & ~near),
            iterations=state.iterations + accepted,
            expansions=state.expansions + 1,
        )

    no = jnp.array(False)
    value = function.value(start)
    initial = _State(
        x=start,
        value=value,
        convex=jnp.array(True),
        release=jnp.array(FAR),
        stationary=no,
        converged=no,
        escape=jnp.zeros_like(start),
        stuck=~jnp.isfinite(value),
        iterations=jnp.array(0),
        expansions=jnp.array(0),
    )
    last = lax.while_loop(unfinished, advance, initial)
    return Minimum(
        last.x, last.value, last.converged, last.escape, last.iterations, last.expansions
    )
