"""Rates: relative uncertainties on the yields of processes."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from zenith.config.marks import concerns
from zenith.config.steps import TEMPLATES
from zenith.config.systematics import KIND, ZERO_WIDTH, Rate


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

    prior: Annotated[
        Literal["gaussian", "log_normal"],
        Field(
            description="of the rate: `log_normal` is a factor (1 + `up`)^ν with Gaussian ν, and "
            "`down` is not given"
        ),
        concerns(*TEMPLATES),
    ] = "gaussian"

    @model_validator(mode="after")
    def _size(self) -> "NormalisationSystematic":
        if self.up == 0.0 and not self.down:
            raise ValueError(f"up: {ZERO_WIDTH}")
        if self.prior == "log_normal" and self.down is not None:
            raise ValueError("down: a log-normal prior has 1 / (1 + up) there; remove it")
        return self

    @property
    def change(self) -> tuple[float, float]:
        """The relative changes of the yield at +1 and -1 standard deviation."""
        if self.prior == "log_normal":
            return self.up, 1.0 / (1.0 + self.up) - 1.0
        return self.up, -self.up if self.down is None else self.down
