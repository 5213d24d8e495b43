"""The background under a peak, from an exponential fitted to the events on both sides of it.

With t the mass in units of the sideband's range, the density in the sideband is e^(−λt) / N(λ) and
the unbinned maximum of the likelihood is where its mean is that of the events,

    E_λ[t] = Σ w t / Σ w,        dE_λ[t] / dλ = −Var_λ[t],

one equation in λ whose sufficient statistics are two sums. On an interval of centre c and half
width d the integral is 2d e^(−λc) sinh(λd) / λd, the mean c − d L(λd) and the variance d² L'(λd),
with Langevin's function L(x) = coth x − 1/x. The background in the window is Σ w R(λ), where R is
the ratio of the two integrals. An event changes it by (to first order in its weight)

    dB / dw = R (1 + g (t − E_λ[t])),    g = (E_λ[t in the window] − E_λ[t]) / Var_λ[t],

so that its variance is Σ w² (dB/dw)²: that of the number of events and that of the slope.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike

from zenith.errors import ConfigError

STEEPEST = 60.0  # |λ|: a background that falls by e⁶⁰ within the range is one of very few events
SMALLEST = 1e-9  # events
_SERIES = 0.1  # x below which series are the more precise
_STEPS = 100
_CLOSE = 1e-9  # in λ; one more step squares it


_Bracket = tuple[Array, Array, Array, Array, Array]  # low, here, high, last change, steps


class Interval(NamedTuple):
    """Of t: centre and half of the width."""

    centre: float
    half: float

    def log_integral(self, slope: Array) -> Array:
        """Of e^(−λt)."""
        norm: Array = np.log(2 * self.half) - slope * self.centre
        return norm + _log_sinhc(slope * self.half)

    def mean(self, slope: Array) -> Array:
        """E[t]."""
        return self.centre - self.half * _langevin(slope * self.half)[0]

    def variance(self, slope: Array) -> Array:
        """Var[t]."""
        return self.half**2 * _langevin(slope * self.half)[1]


@dataclass(frozen=True)
class Sideband:
    """Where a signal peaks, and the range around it in which its background is fitted; GeV.

    The sideband is `range` without `window`. Raises `ConfigError` for a window that is not inside
    of the range, or that leaves nothing of it.
    """

    window: tuple[float, float]
    range: tuple[float, float]

    def __post_init__(self) -> None:
        (low, high), (first, last) = self.window, self.range
        if not (np.isfinite([low, high, first, last]).all() and low < high and first < last):
            raise ConfigError(
                f"window {low:g} to {high:g} and sideband {first:g} to {last:g}: both need a lower "
                "and a higher end"
            )
        if not (first <= low and high <= last) or self.window == self.range:
            raise ConfigError(
                f"the window {low:g} to {high:g} must be inside of the sideband's range "
                f"{first:g} to {last:g} and leave a part of it"
            )

    @property
    def _inside(self) -> Interval:
        return self._interval(*self.window)

    @property
    def _beside(self) -> list[Interval]:
        sides = (self.range[0], self.window[0]), (self.window[1], self.range[1])
        return [self._interval(*side) for side in sides if side[0] < side[1]]

    def _interval(self, low: float, high: float) -> Interval:
        first, last = self.range
        centre, half = (low + high) / 2, (high - low) / 2
        return Interval((centre - first) / (last - first), half / (last - first))

    def position(self, mass: np.ndarray) -> np.ndarray:
        """t of masses in GeV: 0 to 1 in the range."""
        return (mass - self.range[0]) / (self.range[1] - self.range[0])

    def in_window(self, mass: np.ndarray) -> np.ndarray:
        """Whether masses are in the window; the lower end is, the upper one is not."""
        return (mass >= self.window[0]) & (mass < self.window[1])

    def in_sideband(self, mass: np.ndarray) -> np.ndarray:
        """Whether masses are in the sideband."""
        return np.asarray((mass >= self.range[0]) & (mass < self.range[1]) & ~self.in_window(mass))

    def moments(self, slope: Array) -> tuple[Array, Array, Array]:
        """Logarithm of N(λ), mean and variance of t in the sideband."""
        sides = self._beside
        logs = jnp.stack([side.log_integral(slope) for side in sides])
        top = lax.stop_gradient(logs.max(axis=0))
        parts = jnp.exp(logs - top)
        total = parts.sum(axis=0)
        means = jnp.stack([side.mean(slope) for side in sides])
        mean = (parts * means).sum(axis=0) / total
        spread = jnp.stack([side.variance(slope) for side in sides]) + (means - mean) ** 2
        return top + jnp.log(total), mean, (parts * spread).sum(axis=0) / total

    def slope(self, mean: ArrayLike) -> Array:
        """λ of events with this mean t; elementwise, differentiable.

        Newton's method in a shrinking bracket, for E falls with λ. Beyond ±`STEEPEST` it is that.
        """
        mean = jnp.asarray(mean, float)
        wanted = lax.stop_gradient(mean)

        def unfinished(state: _Bracket) -> Array:
            return (state[3] > _CLOSE) & (state[4] < _STEPS)

        def step(state: _Bracket) -> _Bracket:
            low, here, high, _, count = state
            _, found, variance = self.moments(here)
            low = jnp.where(found > wanted, here, low)
            high = jnp.where(found > wanted, high, here)
            there = jnp.clip(here + (found - wanted) / variance, -STEEPEST, STEEPEST)
            inside = (low <= there) & (there <= high)
            there = jnp.where(inside, there, (low + high) / 2)
            return low, there, high, jnp.abs(there - here).max(initial=0.0), count + 1

        edge = jnp.full(mean.shape, STEEPEST)
        begin = (-edge, 0 * edge, edge, jnp.array(jnp.inf), jnp.array(0))
        here = lax.while_loop(unfinished, step, begin)[1]
        # the implicit function theorem: the last step alone knows how λ follows the mean
        _, found, variance = (lax.stop_gradient(part) for part in self.moments(here))
        return jnp.clip(here + (found - mean) / variance, -STEEPEST, STEEPEST)

    def background(
        self, total: ArrayLike, first: ArrayLike, squares: tuple[ArrayLike, ArrayLike, ArrayLike]
    ) -> tuple[Array, Array]:
        """Expected background in the window and its variance; elementwise, differentiable.

        Sums over the events of a sideband: `total` Σ w, `first` Σ w t, and `squares` Σ w², Σ w² t
        and Σ w² t². Where Σ w is not above 0 there is no estimate: it is 0.
        """
        total, first = jnp.asarray(total, float), jnp.asarray(first, float)
        known = total > SMALLEST
        mean = jnp.where(known, first, 0.5) / jnp.where(known, total, 1.0)
        slope = self.slope(mean)
        log_beside, expected, variance = self.moments(slope)
        ratio = jnp.exp(self._inside.log_integral(slope) - log_beside)
        lever = (self._inside.mean(slope) - expected) / variance
        q0, q1, q2 = (jnp.asarray(q, float) for q in squares)
        spread = q0 + 2 * lever * (q1 - mean * q0) + lever**2 * (q2 - mean * (2 * q1 - mean * q0))
        return jnp.where(known, total * ratio, 0.0), ratio**2 * jnp.maximum(spread, 0.0)


def _langevin(x: Array) -> tuple[Array, Array]:
    """coth x − 1/x and its derivative 1/x² − 1/sinh² x."""
    near = jnp.abs(x) < _SERIES
    far = jnp.where(near, 1.0, x)
    decay = jnp.exp(-2 * jnp.abs(far))
    value = jnp.sign(far) * (1 + decay) / (1 - decay) - 1 / far
    slope = 1 / far**2 - 4 * decay / (1 - decay) ** 2
    y = jnp.where(near, x, 0.0) ** 2
    series = jnp.where(near, x, 0.0) * (1 / 3 - y * (1 / 45 - y * (2 / 945 - y / 4725)))
    bend = 1 / 3 - y * (1 / 15 - y * (2 / 189 - y / 675))
    return jnp.where(near, series, value), jnp.where(near, bend, slope)


def _log_sinhc(x: Array) -> Array:
    """ln (sinh x / x)."""
    near = jnp.abs(x) < _SERIES
    far = jnp.abs(jnp.where(near, 1.0, x))
    y = jnp.where(near, x, 0.0) ** 2
    series = y * (1 / 6 - y * (1 / 180 - y * (1 / 2835 - y / 37800)))
    return jnp.where(near, series, far + jnp.log1p(-jnp.exp(-2 * far)) - jnp.log(2 * far))
