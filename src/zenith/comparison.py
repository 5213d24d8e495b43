"""A comparison of an observable with a threshold, `met > 50`: what every cut is, once parsed."""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from math import isfinite
from typing import Any

Array = Any  # (N,) of numpy or of JAX: comparisons take either

COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
DIRECTION = "|".join(sorted(COMPARE, reverse=True))  # in a regular expression, `>=` before `>`
_TEXT = re.compile(rf"^\s*([A-Za-z][\w:]*)\s*({DIRECTION})\s*(\S+)\s*$")


@dataclass(frozen=True)
class Comparison:
    """`observable direction threshold`; the threshold is a value, or the name of one."""

    observable: str
    direction: str
    threshold: float | str

    def __str__(self) -> str:
        return f"'{self.observable} {self.direction} {self.threshold}'"

    @property
    def is_fixed(self) -> bool:
        """Whether the threshold is a value, not the name of one."""
        return not isinstance(self.threshold, str)

    @property
    def keeps(self) -> str:
        """The side of the threshold that passes: `above`, `below`, or none of an equality."""
        return {">": "above", ">=": "above", "<": "below", "<=": "below"}.get(self.direction, "")

    def value(self, thresholds: Mapping[str, Any]) -> Any:
        """The threshold: its own value, or the one of its name."""
        return thresholds[self.threshold] if isinstance(self.threshold, str) else self.threshold

    def hard(self, x: Array, thresholds: Mapping[str, Any]) -> Array:
        """Mask of the events that pass, (N,) bool."""
        return COMPARE[self.direction](x, in_precision_of(x, self.value(thresholds)))


@cache
def parse(text: str) -> Comparison:
    """The comparison that a text says. Raises ValueError if it says none."""
    match = _TEXT.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not a cut like 'met > 50'")
    observable, direction, written = match.groups()
    try:
        threshold = float(written)
    except ValueError:
        return Comparison(observable, direction, written)
    if not isfinite(threshold):
        raise ValueError(f"{text!r}: the threshold is not a finite number")
    return Comparison(observable, direction, threshold)


def in_precision_of(x: Array, value: Any) -> Any:
    """A threshold in the precision of a column.

    Python's numbers take it; a NumPy or JAX float64 would widen the column, and the float32 reading
    of `x > t` would then differ from the histogram's.
    """
    return float(value) if isinstance(value, float | int) else value.astype(x.dtype)
