"""Expected discovery significance of a counting experiment in each of several categories.

The Asimov formula of Cowan et al., arXiv:1007.1727, equation 97, and its form for a background of
known relative uncertainty (G. Cowan, "Discovery sensitivity for a counting experiment with
background uncertainty", 2012, equation 20). With x = s/b and c = r²b, where r is the relative
uncertainty, both are q0 = 2 b g(x) with

    g(x) = (1 + x) ln(1 + x / (1 + c (1 + x))) − ln(1 + c x / (1 + c)) / c
         = x² / 2(1 + c) − (1 + 2c) x³ / 6(1 + c)² + O(x⁴),

and c → 0 gives (1 + x) ln(1 + x) − x. The series serves where the two terms would cancel.
"""

from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from zenith.core.categories.yields import Yields
from zenith.errors import ConfigError

SMALLEST = 1e-9  # events: a background below this counts as this
_SERIES = 1e-4  # x below which the series is the more precise of the two
_NO_UNCERTAINTY = 1e-12  # c below which the uncertainty changes no digit


def discovery(signal: ArrayLike, background: ArrayLike, uncertainty: ArrayLike = 0.0) -> Array:
    """q0 of Asimov data at μ = 1 in every category, of the shape of its arguments; differentiable.

    `signal` and `background` are expected events, `uncertainty` the relative uncertainty of the
    background. A signal that is not above 0 gives 0: negative weights are no evidence.
    """
    s, b = jnp.asarray(signal, float), jnp.maximum(jnp.asarray(background, float), SMALLEST)
    x = jnp.maximum(s, 0.0) / b
    c = jnp.asarray(uncertainty, float) ** 2 * b
    small = x < _SERIES
    # each branch sees an argument that it can differentiate, whichever is chosen
    far = jnp.where(small, 1.0, x)
    divisor = jnp.maximum(c, _NO_UNCERTAINTY)
    nuisance = jnp.where(
        c > _NO_UNCERTAINTY, jnp.log1p(divisor * far / (1 + divisor)) / divisor, far
    )
    closed = (1 + far) * jnp.log1p(far / (1 + c * (1 + far))) - nuisance
    # g'' = 1 / ((1 + x) (1 + c (1 + x))) gives every coefficient
    third, fourth = -(1 + 2 * c) / (1 + c) ** 2, 2 * (1 + 3 * c + 3 * c**2) / (1 + c) ** 3
    near = jnp.where(small, x, 0.0)
    series = near**2 * (0.5 / (1 + c) + near * (third / 6 + near * fourth / 24))
    return 2 * b * jnp.where(small, series, closed)


def combined(q0: ArrayLike) -> Array:
    """Z of all categories together, √Σ q0 over the last axis; 0, with gradient 0, for no signal."""
    total = jnp.sum(jnp.asarray(q0), axis=-1)
    return jnp.where(total > 0, jnp.sqrt(jnp.where(total > 0, total, 1.0)), 0.0)


@dataclass(frozen=True)
class Counting:
    """The objective of a counting experiment with one signal or several.

    Each signal is sought against the backgrounds and all the other signals. The significances are
    combined as geometric mean, or as mean weighted by `weights` (one for each signal; default:
    equal). `uncertainty` is the relative uncertainty of the background in every category.

    Raises `ConfigError` for an unknown combination, and for numbers below 0.
    """

    uncertainty: float = 0.0
    combination: Literal["geometric", "weighted"] = "geometric"
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.combination not in ("geometric", "weighted"):
            raise ConfigError(
                f"combination of signals: {self.combination!r} is neither geometric nor weighted"
            )
        if not self.uncertainty >= 0:
            raise ConfigError(f"the background uncertainty must not be below 0: {self.uncertainty}")
        if self.weights and not (min(self.weights) >= 0 and max(self.weights) > 0):
            raise ConfigError(f"weights of signals must not be below 0 nor all 0: {self.weights}")

    @property
    def detailed(self) -> bool:
        """All backgrounds together are enough."""
        return False

    @property
    def additive(self) -> bool:
        """Squared significances of categories add up."""
        return True

    @property
    def counting(self) -> "Counting":
        """Itself."""
        return self

    def discovery(self, signals: ArrayLike, background: ArrayLike) -> Array:
        """q0 of every signal in every category, (..., signals, categories).

        `signals` has that shape, `background` is (..., categories).
        """
        signals, background = jnp.asarray(signals, float), jnp.asarray(background, float)
        others = signals.sum(axis=-2, keepdims=True) - signals + background[..., None, :]
        return discovery(signals, others, self.uncertainty)

    def combine(self, z: ArrayLike) -> Array:
        """One number of the significances (..., signals)."""
        z = jnp.asarray(z)
        if z.shape[-1] == 1:
            return z[..., 0]
        if self.combination == "weighted":
            weights = np.asarray(self.weights or np.ones(z.shape[-1]))
            if len(weights) != z.shape[-1]:
                raise ConfigError(
                    f"{len(weights)} weights are given for {z.shape[-1]} signals: give one for each"
                )
            mean: Array = (z * (weights / weights.sum())).sum(axis=-1)
            return mean
        found = (z > 0).all(axis=-1)
        return jnp.where(
            found, jnp.exp(jnp.log(jnp.where(found[..., None], z, 1.0)).mean(axis=-1)), 0.0
        )

    def __call__(self, signals: ArrayLike, background: ArrayLike) -> Array:
        """The objective of yields as `discovery` takes them; the leading shape remains."""
        return self.combine(combined(self.discovery(signals, background)))

    def significances(self, yields: Yields) -> Array:
        """Z of every signal, (A,)."""
        return combined(self.discovery(yields.signals, yields.background))

    def value(self, yields: Yields) -> Array:
        """The objective of yields, a scalar."""
        return self.combine(self.significances(yields))


@dataclass(frozen=True)
class Requirements:
    """What every category must have: expected background, and its relative statistical uncertainty.

    Raises `ConfigError` for a floor below 0 and an uncertainty that is not above 0.
    """

    background: float = 0.0
    uncertainty: float = np.inf

    def __post_init__(self) -> None:
        if not 0 <= self.background < np.inf:
            raise ConfigError(
                f"the minimum background must be finite, not below 0: {self.background}"
            )
        if not self.uncertainty > 0:
            raise ConfigError(f"the maximum uncertainty must be above 0: {self.uncertainty}")

    def __str__(self) -> str:
        """In words, for messages."""
        return f"background of {self.background:g}, relative uncertainty of {self.uncertainty:g}"

    def met(self, background: ArrayLike, variance: ArrayLike) -> np.ndarray:
        """Whether background yields with such a variance (Σ w²) will do, elementwise.

        A background that is not above 0 never does: no significance can be stated over it.
        """
        background, variance = np.asarray(background), np.asarray(variance)
        enough = background >= max(self.background, SMALLEST)
        relative = np.sqrt(np.maximum(variance, 0)) / np.where(enough, background, 1.0)
        return enough & (relative <= self.uncertainty)

    def shortfall(self, background: ArrayLike, variance: ArrayLike) -> Array:
        """How far from being met: 0 where they are, growing from 0 to 1 and above; smooth."""
        background = jnp.asarray(background)
        floor = max(self.background, SMALLEST)
        missing = jax.nn.relu(1 - background / floor) ** 2
        if not np.isfinite(self.uncertainty):
            return missing
        # in terms of Σ w² / (U B)², of which no root can go wrong at 0
        relative = (
            jnp.asarray(variance) / (self.uncertainty * jnp.maximum(background, SMALLEST)) ** 2
        )
        return missing + jax.nn.relu(1 - 1 / jnp.maximum(relative, 1.0)) ** 2
