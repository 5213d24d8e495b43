"""Other samples in place of the nominal ones: generators, tunes, masses."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from zenith.config.base import Name
from zenith.config.marks import concerns
from zenith.config.steps import TEMPLATES
from zenith.config.systematics import KIND, SIDES, Replacement, Side, Sides


class SampleSystematic(Replacement):
    """Another sample in place of the nominal one (another generator, another tune)."""

    type: Annotated[Literal["sample"], Field(description=KIND), concerns(*TEMPLATES)]
    sides: Annotated[Sides, Field(description=SIDES), concerns(*TEMPLATES)] = "up"
    up: Annotated[
        dict[Name, Name],
        Field(description="nominal sample: sample in its place"),
        concerns(*TEMPLATES),
    ] = {}
    down: Annotated[
        dict[Name, Name],
        Field(description="nominal sample: sample in its place"),
        concerns(*TEMPLATES),
    ] = {}

    @model_validator(mode="after")
    def _sides_given(self) -> "SampleSystematic":
        for side in ("up", "down"):
            if (side in self.given) != bool(getattr(self, side)):
                raise ValueError(f"sides: {self.sides} does not fit what `{side}` gives")
        return self

    def replaced(self, side: Side) -> dict[str, str]:
        """Nominal sample: the sample in its place."""
        return self.up if side == "up" else self.down
