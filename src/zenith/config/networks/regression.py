"""Numbers that a network predicts beside its classes (`zenith.core.networks.multi_task`)."""

from typing import Annotated, Literal

from pydantic import Field

from zenith.config.base import Name, Positive, Section

RESERVED = ("events", "scores", "shapes", "weight", "label", "event")  # datasets of scored sets


class Regression(Section):
    """An observable that a network predicts, like the mass of what decays."""

    target: Annotated[str, Field(description="observable that is predicted")]
    loss: Annotated[
        Literal["l1", "l2", "gaussian"],
        Field(
            description="`l1`, |difference|, which gives the median; `l2`, difference² / 2, which "
            "gives the mean; `gaussian`, which gives mean and logarithm of the variance: two "
            "outputs. Differences are in units of the target's standard deviation"
        ),
    ] = "l2"
    weight: Annotated[Positive, Field(description="factor beside the loss of the classes")] = 1.0
    classes: Annotated[
        tuple[Name, ...],
        Field(description="classes whose events teach it; none are named: all of them"),
    ] = ()

    @property
    def outputs(self) -> int:
        """The number of its outputs."""
        return 2 if self.loss == "gaussian" else 1
