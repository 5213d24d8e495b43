"""The settings of a calibration (`zenith.core.networks.calibrated`)."""

from typing import Annotated, Literal

from pydantic import Field

from zenith.config.base import Positive, Section


class CalibrationSettings(Section):
    """What makes scores probabilities, learnt from validation events that choose no epoch."""

    type: Annotated[
        Literal["temperature", "vector", "matrix", "isotonic"],
        Field(
            description="one slope of all logits; a slope and an offset for each; a matrix and "
            "offsets; or any rising function of the log-odds of each class"
        ),
    ]
    share: Annotated[
        Positive,
        Field(
            le=1.0,
            description="share of the validation events of each class that calibrate, and choose "
            "no epoch; 1: all of them do both. Not read where a training set has a part "
            "`calibrate`",
        ),
    ] = 0.5
