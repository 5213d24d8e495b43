"""Rates: relative uncertainties on the yields of processes."""

from typing import Annotated, Literal

from pydantic import Field

from zenith.config.marks import concerns
from zenith.config.steps import TEMPLATES
from zenith.config.systematics import KIND, Rate


class NormalisationSystematic(Rate):
    """A relative uncertainty on the rate of processes."""

    type: Annotated[
        Literal["normalisation"],
        Field(description=KIND),
        concerns(*TEMPLATES),
    ]
    up: Annotated[
        float, Field(gt=-1.0, lt=10.0, description="relative change at +1 σ"), concerns(*TEMPLATES)
    ]
    down: Annotated[
        float | None,
        Field(gt=-1.0, lt=10.0, description="at −1 σ; default: minus `up`"),
        concerns(*TEMPLATES),
    ] = None

    @property
    def change(self) -> tuple[float, float]:
        """The relative changes of the yield at +1 and -1 standard deviation."""
        return self.up, -self.up if self.down is None else self.down
