"""What is asked of categories of scored events, and how they are found."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from zenith.config.base import Positive, Section
from zenith.config.marks import concerns


class CategorySettings(Section):
    """What is asked of categories and how they are found: what one job of `categorise` is given.

    Each key is an option of `zenith categorise` too, `--minimum-background` of
    `minimum_background`; `zenith.categorisation.ascent.Settings` takes those that it has a field
    of the same name for.
    """

    method: Annotated[
        Literal["exact", "gradient"] | None,
        Field(
            description="method that finds the categories; default: exact for one score and one "
            "signal, else gradient"
        ),
        concerns("categorise", "category_scan"),
    ] = None
    objective: Annotated[
        Literal["counting", "histfactory"],
        Field(
            description="significance that is maximised: the Asimov formula of counting "
            "experiments, or the profiled one with all nuisance parameters of the events"
        ),
        concerns("categorise", "category_scan", "category_figures"),
    ] = "counting"
    minimum_background: Annotated[
        float, Field(ge=0.0, description="expected background that every category must have")
    ] = 1.0
    maximum_uncertainty: Annotated[
        Positive | None,
        Field(description="largest relative statistical uncertainty of a category's background"),
    ] = None
    background_uncertainty: Annotated[
        float,
        Field(
            ge=0.0,
            description="relative systematic uncertainty of the background: of each category for "
            "itself, or with histfactory of all backgrounds together",
        ),
    ] = 0.0
    window: Annotated[
        tuple[float, float] | None,
        Field(description="range of `mass` in which the signal peaks, GeV; goes with `sideband`"),
    ] = None
    sideband: Annotated[
        tuple[float, float] | None,
        Field(
            description="range of `mass`, GeV, in which an exponential fitted beside the window "
            "estimates the background in it"
        ),
    ] = None
    combination: Annotated[
        Literal["geometric", "weighted"],
        Field(description="mean of the significances of several signals"),
        concerns("categorise", "category_figures"),
    ] = "geometric"
    signal_weights: Annotated[
        tuple[Annotated[float, Field(ge=0.0)], ...],
        Field(description="weights of the mean, in the order of signal_labels; empty: equal ones"),
    ] = ()
    steps: Annotated[int, Field(ge=1, description="number of steps of the gradient ascent")] = 300
    starts: Annotated[
        int, Field(ge=1, description="number of starts of the gradient ascent, climbed at once")
    ] = 6

    @model_validator(mode="after")
    def _weights(self) -> "CategorySettings":
        if self.signal_weights and self.combination != "weighted":
            raise ValueError("signal_weights: they belong to combination: weighted")
        return self

    @model_validator(mode="after")
    def _peak(self) -> "CategorySettings":
        if (self.window is None) != (self.sideband is None):
            raise ValueError("window and sideband are needed together")
        return self
