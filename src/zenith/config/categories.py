"""Categories of scored events: what is asked of them, and how many are tried."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from zenith.config.base import Fraction, Name, Positive, Section
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


class Categorise(CategorySettings):
    """Categories of scored events, of several numbers, and which of them is chosen.

    Of an analysis they are those of one region: found outside of the last of its folds, and quoted
    on this fold, which one network and one selection read.
    """

    numbers: Annotated[
        tuple[Annotated[int, Field(ge=1)], ...],
        Field(min_length=1, description="numbers of categories, each found by a job of its own"),
        concerns("category_scan", "category_figures"),
    ]
    region: Annotated[
        Name | None,
        Field(description="region of an analysis whose events are categorised"),
        concerns("scored"),
    ] = None
    scores: Annotated[
        tuple[str, ...],
        Field(description="observables or scores of networks of that region, one a dimension"),
        concerns("scored", "category_figures"),
    ] = ()
    selection: Annotated[
        Literal["initial", "optimised"] | None,
        Field(
            description="thresholds and networks of that region: those before or after the climb; "
            "default: after it, where the analysis has one"
        ),
        concerns("scored"),
    ] = None
    tolerance: Annotated[
        Fraction,
        Field(
            description="relative difference to the best Z on unseen events within which, or "
            "within its error, the smallest number is chosen"
        ),
        concerns("category_scan"),
    ] = 0.01
    bootstrap: Annotated[
        int,
        Field(ge=2, description="number of replicas for the errors of Z"),
        concerns("category_scan"),
    ] = 100

    @field_validator("numbers")
    @classmethod
    def _ascending(cls, numbers: tuple[int, ...]) -> tuple[int, ...]:
        if list(numbers) != sorted(set(numbers)):
            raise ValueError(f"numbers must increase: {list(numbers)}")
        return numbers
