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
# The last step is not taken if it increases the value by more, relative to it
BEYOND = 1e-9
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
    """Evaluations of gradient and Hessian; those of the value alone cost less."""


class Quadratic(NamedTuple):
    """The function near one point."""

    value: Array
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
    gradient: Array
    step: Array  # Newton's, of which a share is tried
    trial: Array  # the point to expand next
    length: Array  # of the share; 2 before a step of which the value alone is tried first
    held: Array  # (n,) parameters on a bound that the step would go through, not the gradient
    convex: Array  # whether the next Hessian is the approximation
    release: Array  # the decrement below which the exact Hessian is tried again
    near: Array  # whether the trial point needs no lower value
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

    def move(x: Array, step: Array) -> Array:
        return jnp.where(free, jnp.clip(x - step, lower, upper), x)

    def lower_enough(state: _State, x: Array, value: Array) -> Array:
        # near the minimum a step changes the value by less than its last digits
        rounding = 1e-14 * (1 + jnp.abs(state.value))
        return value <= state.value - SLOPE * (state.gradient @ (state.x - x)) + rounding

    def shorten(state: _State, needed: Array) -> _State:
        """The first of step / 2, step / 4, … that decreases the value enough, if it is needed."""

        def refused(trial: tuple[Array, Array, Array]) -> Array:
            length, x, value = trial
            return needed & ~lower_enough(state, x, value) & (length >= SHORTEST)

        def halve(trial: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            length = trial[0] / 2
            x = move(state.x, length * state.step)
            return length, x, function.value(x)

        first = state.length, state.trial, jnp.array(jnp.inf)
        length, trial, _ = lax.while_loop(refused, halve, first)
        return state._replace(length=length, trial=trial, stuck=state.stuck | (length < SHORTEST))

    def turn(state: _State, at: Quadratic) -> _State:
        """The state at its trial point, with Newton's step from there."""
        x = state.trial
        moving = free & ~outwards(x, at.gradient)
        step = at.solve(moving & ~state.held)
        decrement = at.gradient @ step
        descends = jnp.isfinite(decrement)  # else a component of the step is not
        through = moving & ~state.held & outwards(x, step)
        again = through.any()  # a bound holds more parameters: the same point once more
        goes = descends & ~again
        step, decrement = jnp.where(goes, step, 0.0), jnp.where(goes, decrement, 0.0)
        near = goes & (decrement <= TOLERANCE) & ~(moving & state.held).any()

        def look() -> tuple[Array, Array]:
            return at.lowest(free & (x > lower + margin) & (x < upper - margin))

        indefinite = state.near & ~descends
        nothing = jnp.array(0.0), jnp.zeros_like(step)
        bend, escape = lax.cond(indefinite, look, lambda: nothing)
        saddle = indefinite & (bend < 0)
        # the first decrement after an indefinite Hessian says how long the convex one leads
        release = jnp.where(goes & jnp.isinf(state.release), PATIENCE * decrement, state.release)
        release = jnp.where(state.convex, release, jnp.where(again, state.release, jnp.inf))
        convex = jnp.where(state.convex, ~near & (decrement > release), ~descends)
        last = near & ~state.convex
        return _State(
            x=x,
            value=at.value,
            gradient=at.gradient,
            step=step,
            trial=move(x, step),
            length=jnp.where(goes & (state.length < 1), 2.0, 1.0),
            held=jnp.where(again, state.held | through, False),
            convex=jnp.where(again, state.convex, convex),
            release=release,
            near=jnp.where(again, state.near, near & state.convex),
            converged=last | (indefinite & (bend >= 0)),
            escape=jnp.where(saddle, escape, 0.0),
            stuck=indefinite | (state.convex & ~descends) | ~jnp.isfinite(at.value),
            iterations=state.iterations + goes,
            expansions=state.expansions,
        )

    def advance(state: _State) -> _State:
        at = function.expand(state.trial, state.convex)
        lower_here = state.near | lower_enough(state, state.trial, at.value)
        new = lax.cond(lower_here, lambda: turn(state, at), lambda: state)
        new = new._replace(expansions=state.expansions + 1)
        # where the last full step was too long, that of the next one is not expanded at once
        return shorten(new, ~lower_here | (new.length > 1))

    none, no = jnp.zeros_like(start), jnp.array(False)
    initial = _State(
        x=start,
        value=jnp.array(jnp.inf),
        gradient=none,
        step=none,
        trial=start,
        length=jnp.array(1.0),
        held=jnp.zeros(start.shape, bool),
        convex=jnp.array(True),
        release=jnp.array(FAR),
        near=no,
        converged=no,
        escape=none,
        stuck=no,
        iterations=jnp.array(0),
        expansions=jnp.array(0),
    )
    last = lax.while_loop(unfinished, advance, initial)
    # the last step may end beyond a kink, where the expansion says nothing
    value = function.value(last.trial)
    taken = last.converged & (value <= last.value + BEYOND * (1 + jnp.abs(last.value)))
    return Minimum(
        x=jnp.where(taken, last.trial, last.x),
        value=jnp.where(taken, value, last.value),
        converged=last.converged,
        escape=last.escape,
        iterations=last.iterations,
        expansions=last.expansions,
    )
