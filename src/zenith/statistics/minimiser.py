"""How the minimum of -2 log L is found: Minuit's ladder, and what is beside it."""

import logging
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import iminuit
import numpy as np

from zenith.errors import FitError
from zenith.statistics.kinks import SMALLEST_RATE, Vector, minimum_on_kinks
from zenith.statistics.likelihood import Likelihood

log = logging.getLogger(__name__)

# Estimated distance to the minimum below 2e-7 (iminuit: 0.002 · tolerance), in units of -2 log L:
# it moves a parameter by less than a thousandth of its error.
TOLERANCE = 1e-4

# Values of -2 log L that differ by less are the same.
SAME = 1e-6

# Rates of empty bins below which kinks are searched, and those that are on one, in events.
NEARLY_ZERO, KINK = 1e-2, 1e-5


class Attempt(NamedTuple):
    """One rung of the ladder that every fit climbs until it converges."""

    strategy: Literal[0, 2]
    """Of Minuit: 2 computes second derivatives more carefully, 0 none at the end."""
    tolerance: float
    scipy: bool = False
    """Whether a sequential quadratic programme of SciPy finds the start values."""


# No fit here needs the second derivatives at its end, half of the calls of strategy 1. A tenth of
# them buys a tolerance that is ten times smaller: minima are three times as close.
LADDER = (
    Attempt(0, 0.1 * TOLERANCE),
    Attempt(2, TOLERANCE),
    Attempt(2, TOLERANCE, scipy=True),
)


class Minimum(NamedTuple):
    """Where -2 log L is least."""

    x: Vector
    twice_nll: float


def minimum(
    likelihood: Likelihood, held: Mapping[int, float] | None = None, start: Vector | None = None
) -> Minimum:
    """The least -2 log L with some parameters held at values, by index; see `descend`."""
    x, _ = descend(likelihood, held, start)
    return Minimum(x, likelihood.twice_nll(x))


def descend(
    likelihood: Likelihood, held: Mapping[int, float] | None = None, start: Vector | None = None
) -> tuple[Vector, bool]:
    """Where -2 log L is least with some parameters held, and whether it is smooth there.

    The ladder: from `start` (default: nominal), from nominal with Minuit's strategy 2, and that
    again from where SciPy ends; at last without parameters that change nothing once the others are
    held. Where an attempt ends near a kink, a minimum on it is looked for, where there are no
    derivatives. Raises FitError if nothing converges.
    """
    held = held or {}
    if not np.isfinite(likelihood.objective(likelihood.nominal)):
        raise _failure(likelihood, "the fit", likelihood.nominal)
    begin = likelihood.nominal if start is None else start
    for attempt in LADDER:
        minuit = _minuit(
            likelihood, scipy_start(likelihood, held) if attempt.scipy else begin, held
        )
        minuit.strategy, minuit.tol = attempt.strategy, attempt.tolerance
        minuit.migrad(ncall=likelihood.calls)
        x = np.array(minuit.values)
        converged = bool(minuit.valid and np.isfinite(minuit.fval))
        if near_kink(likelihood, x, held):
            found = _on_kinks(likelihood, held, x if converged else None)
            if found is not None:
                return found
        if converged:
            return x, True
        log.info("%s: %s did not converge, trying the next", likelihood.name, attempt)
        begin = likelihood.nominal
    idle = likelihood.without_effect(likelihood.at(held))
    if any(index not in held for index in idle):
        return descend(likelihood, {**{i: likelihood.nominal[i] for i in idle}, **held}, start)
    found = _on_kinks(likelihood, held)
    if found is None:
        names = ", ".join(f"{likelihood.names[i]} = {v:g}" for i, v in held.items())
        raise _failure(likelihood, f"a fit with {names} held" if held else "the fit", x)
    return found


def _on_kinks(
    likelihood: Likelihood, held: Mapping[int, float], known: Vector | None = None
) -> tuple[Vector, bool] | None:
    """The minimum found on kinks, and whether it is on none; None if that known is deeper.

    A kink that is as deep is better than what Minuit found beside it.
    """
    moving = np.flatnonzero(likelihood.moving(held))
    x = minimum_on_kinks(
        likelihood.objective,
        likelihood.rates,
        likelihood.counts,
        likelihood.at(held),
        moving,
        likelihood.bounds,
    )
    if x is None:
        return None
    kink = near_kink(likelihood, x, held, on_it=True)
    if known is not None:
        gain = likelihood.twice_nll(known) - likelihood.twice_nll(x)
        if gain < (-SAME if kink else SAME):
            return None
    if kink:
        return x, False
    minuit = _minuit(likelihood, x, held)
    minuit.migrad(ncall=likelihood.calls)
    return (np.array(minuit.values), True) if minuit.valid else (x, False)


def near_kink(
    likelihood: Likelihood, x: Vector, held: Mapping[int, float], on_it: bool = False
) -> bool:
    """Whether a bin without counts has next to no rate (`on_it`: none) and can have one below zero.

    It can if a first step of a parameter that is not held, within its bounds, takes it there.
    """
    empty = likelihood.counts <= SMALLEST_RATE
    rates = likelihood.rates(x)[empty]
    close = np.abs(rates) < KINK if on_it else rates < NEARLY_ZERO
    if not close.any():
        return False
    low, high = np.array(likelihood.bounds).T
    steps = np.diag(np.where(likelihood.fixed, 0.0, likelihood.steps))
    steps[list(held)] = 0.0
    moved = np.clip([*(x + steps), *(x - steps)], np.minimum(low, x), np.maximum(high, x))
    return any((likelihood.rates(point)[empty][close] < -KINK).any() for point in moved)


def scipy_start(likelihood: Likelihood, held: Mapping[int, float] | None = None) -> Vector:
    """Where a sequential quadratic programme of SciPy ends, from nominal."""
    minuit = _minuit(likelihood, likelihood.nominal, held or {})
    minuit.scipy(method="SLSQP", ncall=likelihood.calls)
    return np.array(minuit.values)


def _minuit(likelihood: Likelihood, start: Vector, held: Mapping[int, float]) -> iminuit.Minuit:
    x = np.array(start, float)
    limits = list(likelihood.bounds)
    for index, value in held.items():
        x[index], limits[index] = value, (-np.inf, np.inf)  # it may lie outside of its bounds
    offset = likelihood.objective(x)  # differences that matter are not lost beside a large constant
    moving = likelihood.moving(held)
    minuit = iminuit.Minuit(
        lambda at: likelihood.objective(at) - offset,
        x,
        grad=lambda at: likelihood.gradient(at, moving),
    )
    minuit.errordef, minuit.tol = 1.0, TOLERANCE
    minuit.limits, minuit.errors = limits, likelihood.steps
    minuit.fixed = ~moving
    return minuit


def _failure(likelihood: Likelihood, what: str, x: Any) -> FitError:
    """The error of a fit that did not converge, with the parameters that look suspicious."""
    values = np.asarray(x, float)
    low, high = np.array(likelihood.bounds).T
    edge = 1e-3 * (high - low)
    suspects = [
        f"{name} = {value:.3g} (bounds {lower:g} to {upper:g})"
        for name, value, lower, upper, near, fixed in zip(
            likelihood.names,
            values,
            low,
            high,
            ~((values > low + edge) & (values < high - edge)),
            likelihood.fixed,
            strict=True,
        )
        if near and not fixed
    ]
    hint = f"; at a bound: {', '.join(suspects[:5])}" if suspects else ""
    return FitError(
        f"{likelihood.name}: {what} did not converge after {len(LADDER)} attempts{hint}; look at "
        "what the sanitiser reported, merge bins without background, raise statistics.prune, "
        "or widen statistics.signal_bounds"
    )
