"""What of a profile likelihood lies apart from its best fit: other minima, and other regions.

The profile is followed over the whole range of the parameter, from the best fit outwards, each fit
from the last, and from the bounds back inwards; the lower of the two counts, since all others may
have two best values as well.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from numpy.typing import NDArray
from scipy.optimize import brentq

from zenith.core.likelihood.histfactory import Data, Model
from zenith.core.likelihood.structure import Structure
from zenith.errors import FitError
from zenith.inference.intervals import LOWER, Interval, profile

POINTS = 100  # over the range of the parameter
# q above both neighbours by less is rounding
ROUNDING = 1e-6


class Scan(NamedTuple):
    """The profile over the range of a parameter."""

    values: NDArray[np.float64]
    """(M,), increasing, the best fit among them."""
    q: NDArray[np.float64]
    """(M,); infinite where no other parameters make the data possible."""
    minima: tuple[float, ...]
    """Where q is lower than at the points beside, besides the best fit."""
    regions: tuple[tuple[tuple[float, float], ...], ...]
    """Of each level the other regions with q below it, from low to high."""


@partial(jax.jit, static_argnums=0)
def _followed(
    structure: Structure, model: Model, data: Data, index: Array, values: Array, start: Array
) -> tuple[Array, Array]:
    """Deviance (M,) and parameters (M, n) of the profile at values (M,), each from the last."""

    def go_on(x: Array, value: Array) -> tuple[Array, tuple[Array, Array]]:
        found = profile(structure, model, data, index, value, x)
        good = found.converged & jnp.isfinite(found.value)
        x = jnp.where(good, found.x, x)
        return x, (jnp.where(good, found.value, jnp.inf), x)

    _, (deviances, points) = lax.scan(go_on, start, values)
    return deviances, points


def scan(
    structure: Structure,
    model: Model,
    data: Data,
    index: int,
    found: Interval,
    levels: Sequence[float],
    points: int = POINTS,
) -> Scan:
    """Follow the profile of a parameter; `found` are its intervals at `levels` of q.

    Raises FitError where it is lower than the best fit somewhere.
    """
    parameters, best = structure.parameters, float(found.best)
    grid = np.linspace(parameters.lower[index], parameters.upper[index], points)
    above, below = grid[grid > best], grid[grid < best][::-1]

    def follow(
        to: NDArray[np.float64], start: Array
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """As `_followed`, of at most `points` values: of one number there is one compilation."""
        padded = np.append(to, np.repeat(to[-1], points - len(to)))
        found = _followed(structure, model, data, jnp.asarray(index), padded, start)
        deviances, x = (np.asarray(each)[: len(to)] for each in found)
        return deviances, x

    sides = []
    for side in (below, above):
        if not len(side):
            sides.append((side, np.zeros(0), np.zeros((0, found.parameters.size))))
            continue
        out, at_out = follow(side, found.parameters)
        back, at_back = follow(side[::-1], at_out[-1])
        back, at_back = back[::-1], at_back[::-1]
        x = np.where((back < out)[:, None], at_back, at_out)
        sides.append((side, np.minimum(out, back), x))
    low, high = sides
    value = float(found.value)
    values = np.concatenate([low[0][::-1], [best], high[0]])
    deviances = np.concatenate([low[1][::-1], [value], high[1]])
    x = np.concatenate([low[2][::-1], found.parameters[None], high[2]])
    if deviances.min() < value - LOWER * (1.0 + abs(value)):
        lowest = float(values[deviances.argmin()])
        raise FitError(
            f"the best fit of '{parameters.names[index]}' at {best:g} is a local minimum: the "
            f"likelihood is larger at {lowest:g}; ask for more starts"
        )
    q = 2.0 * np.maximum(deviances - value, 0.0)

    def at(mu: float) -> float:
        """q at any value, from the nearest point."""
        near = int(np.abs(values - mu).argmin())
        deviance, _ = follow(np.array([mu]), x[near])
        return 2.0 * max(float(deviance[0]) - value, 0.0)

    ends = zip(levels, np.asarray(found.lower), np.asarray(found.upper), strict=True)
    regions = tuple(
        tuple(_regions(values, q, at, level, float(lower), float(upper)))
        for level, lower, upper in ends
    )
    return Scan(values, q, _minima(values, q, best), regions)


def _minima(values: NDArray[np.float64], q: NDArray[np.float64], best: float) -> tuple[float, ...]:
    padded = np.concatenate([[np.inf], q, [np.inf]])
    beside = np.minimum(padded[:-2], padded[2:])
    lower = np.isfinite(q) & (q < beside - ROUNDING) & (values != best)
    return tuple(values[lower].tolist())


def _regions(
    values: NDArray[np.float64],
    q: NDArray[np.float64],
    at: Callable[[float], float],
    level: float,
    lower: float,
    upper: float,
) -> list[tuple[float, float]]:
    """Where q is below a level at points outside of the interval from `lower` to `upper`."""

    def end(within: float, beyond: float) -> float:
        def distance(mu: float) -> float:
            return min(at(mu) - level, 1e6)

        return float(brentq(distance, *sorted((within, beyond)), xtol=1e-9))

    outside = (values < lower) | (values > upper)
    below = np.flatnonzero(outside & (q < level))
    found = []
    for run in np.split(below, np.flatnonzero(np.diff(below) > 1) + 1):
        if not len(run):
            continue
        first, last = run[0], run[-1]
        # the interval itself ends where q is at the level; a little beyond it is above
        beyond = 1e-6 * (1.0 + abs(upper - lower))
        before = values[first - 1] if first else None
        after = values[last + 1] if last + 1 < len(values) else None
        if before is not None and before < upper < values[first]:
            before = max(before, upper + beyond)
        if after is not None and values[last] < lower < after:
            after = min(after, lower - beyond)
        found.append(
            (
                float(values[first]) if before is None else end(values[first], before),
                float(values[last]) if after is None else end(values[last], after),
            )
        )
    return found
