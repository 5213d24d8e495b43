"""What is known of a nuisance parameter beforehand, where its value is more than a pull.

The model has pulls ν with a Gaussian constraint of unit width. A value x is a function of its pull:
x = mean + width · ν, or x = exp(mean + width · ν), which is a log-normal prior, within bounds. To a
fit, a prior that piles up what lies beyond its bounds is a bound on the pull.
"""

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from zenith.config.base import Positive, Section


class Prior(Section):
    """A Gaussian of a value or of its logarithm, within bounds."""

    type: Annotated[
        Literal["normal", "log_normal"],
        Field(description="whether the value or its logarithm has a Gaussian prior"),
    ] = "normal"
    mean: Annotated[float, Field(description="mean of the Gaussian")]
    width: Annotated[Positive, Field(description="standard deviation of the Gaussian")]
    bounds: Annotated[
        tuple[float, float] | None,
        Field(description="bounds of the value, to which what lies beyond is clipped"),
    ] = None

    @model_validator(mode="after")
    def _holds_its_nominal_value(self) -> "Prior":
        if self.bounds is not None:
            low, high = self.bounds
            if not low < self._unbounded(0.0) < high:
                raise ValueError(
                    f"bounds: {low:g} to {high:g} do not hold the nominal value "
                    f"{self._unbounded(0.0):g}"
                )
        return self

    def value(self, pull: float) -> float:
        """The value at a pull, in standard deviations from nominal."""
        low, high = self.bounds or (-math.inf, math.inf)
        return min(max(self._unbounded(pull), low), high)

    @property
    def pulls(self) -> tuple[float, float]:
        """The pulls between which the value moves: those of the bounds, else infinite."""
        if self.bounds is None:
            return -math.inf, math.inf
        return self._pull(self.bounds[0]), self._pull(self.bounds[1])

    def _unbounded(self, pull: float) -> float:
        x = self.mean + self.width * pull
        return math.exp(x) if self.type == "log_normal" else x

    def _pull(self, value: float) -> float:
        if self.type == "log_normal":
            value = math.log(value) if value > 0.0 else -math.inf
        return (value - self.mean) / self.width
