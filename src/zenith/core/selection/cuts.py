"""One cut, two readings: a hard mask, and a soft weight that tends to it as temperature → 0.

A region is the AND of its cuts, so its soft weight is the product of theirs. A threshold is a value
or the name of a parameter; two cuts that name the same parameter move together, as `btag_2 > t` in
a signal region and `btag_2 <= t` in its control region do.
"""

import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import jax

from zenith.comparison import COMPARE, Array, Comparison, in_precision_of
from zenith.errors import ConfigError


@dataclass(frozen=True)
class Cut(Comparison):
    """`observable direction threshold`.

    `width` is how soft the cut is at temperature 1, in the observable's unit; without a width the
    cut is a mask in both readings and no gradient passes through it. Raises `ConfigError` for an
    unknown direction, a width that is not positive, and an equality that would have to be soft.
    """

    width: float | None = None

    def __post_init__(self) -> None:
        if self.direction not in COMPARE:
            raise ConfigError(f"cut {self}: direction must be one of {', '.join(COMPARE)}")
        if self.width is not None and not self.width > 0:
            raise ConfigError(f"cut {self}: width must be above 0, it is {self.width}")
        if not self.keeps and not (self.width is None and self.is_fixed):
            raise ConfigError(f"cut {self}: an equality has no soft reading; use > or <")

    def soft(self, x: Array, thresholds: Mapping[str, Any], temperature: Any) -> Array:
        """Weight of every event, (N,) in [0, 1]: sigmoid(±(x − t) / (temperature · width))."""
        if self.width is None:
            return self.hard(x, thresholds).astype(x.dtype)
        sign = 1.0 if self.keeps == "above" else -1.0
        slope = in_precision_of(x, sign / (temperature * self.width))
        return jax.nn.sigmoid(slope * (x - in_precision_of(x, self.value(thresholds))))


def hard_mask(
    cuts: Iterable[Comparison], columns: Mapping[str, Array], thresholds: Mapping[str, Any]
) -> Array:
    """Mask of the events that pass every cut, (N,); `True` where there are no cuts."""
    return reduce(operator.and_, (c.hard(columns[c.observable], thresholds) for c in cuts), True)


def soft_weight(
    cuts: Iterable[Cut],
    columns: Mapping[str, Array],
    thresholds: Mapping[str, Any],
    temperature: Any,
) -> Array:
    """Product of the soft weights of every cut, (N,); 1 where there are no cuts."""
    softs = (c.soft(columns[c.observable], thresholds, temperature) for c in cuts)
    return reduce(operator.mul, softs, 1.0)
