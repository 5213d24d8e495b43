"""Splits, the climb and the search: what is learnt from which events."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from zenith.config.base import Fraction, Positive, Section
from zenith.config.marks import concerns
from zenith.config.steps import OBJECTIVE


class Split(Section):
    """Fractions of the simulated events, by a hash of (run, luminosityBlock, event)."""

    train: Annotated[
        Fraction, Field(description="fraction of the events that networks are trained on")
    ] = 0.25
    optimise: Annotated[
        Fraction, Field(description="fraction of the events that the significance is climbed on")
    ] = 0.3
    validate_: Annotated[
        Fraction,
        Field(alias="validate", description="fraction of the events that the step is chosen on"),
    ] = 0.15
    test: Annotated[
        Fraction,
        Field(
            description="fraction of the events to quote from; all are used where nothing "
            "was learned"
        ),
    ] = 0.3

    @model_validator(mode="after")
    def _sum(self) -> "Split":
        total = self.train + self.optimise + self.validate_ + self.test
        if abs(total - 1.0) > 1e-9:
            raise ValueError(f"the four fractions add up to {total:g}, not 1")
        if self.test == 0.0:
            raise ValueError("test: a fraction of 0 leaves no event for the quoted result")
        return self

    @property
    def fractions(self) -> dict[str, float]:
        """By part, in the order in which the parts are numbered in a columns file."""
        return {
            "train": self.train,
            "optimise": self.optimise,
            "validate": self.validate_,
            "test": self.test,
        }


class LearningRates(Section):
    """Of Adam, for each group of parameters at the first step; they decay to a tenth."""

    thresholds: Annotated[
        Positive,
        Field(
            description="Adam's initial learning rate of the cuts, which move in units of "
            "their width"
        ),
        concerns("optimise"),
    ] = 0.1
    edges: Annotated[
        Positive,
        Field(
            description="Adam's initial learning rate of the bin edges, which move in "
            "logarithms of bin widths"
        ),
        concerns("optimise"),
    ] = 0.05
    networks: Annotated[
        Positive,
        Field(description="Adam's initial learning rate of the weights of fine-tuned networks"),
        concerns("optimise"),
    ] = 3e-4


class Optimise(Section):
    """The climb of the expected significance."""

    objective: Annotated[
        Literal["significance", "precision"],
        Field(description="objective of the climb"),
        concerns(*OBJECTIVE),
    ] = "significance"
    nuisances: Annotated[
        bool,
        Field(description="whether the systematics are part of the objective"),
        concerns(*OBJECTIVE),
    ] = True
    steps: Annotated[
        int, Field(ge=1, description="number of steps of a climb"), concerns("optimise", "search")
    ] = 200
    starts: Annotated[
        int,
        Field(ge=1, description="number of climbs, from different start values"),
        concerns("optimise", "search"),
    ] = 1
    learning_rates: Annotated[
        LearningRates, Field(description="initial learning rates, by group of parameters")
    ] = LearningRates()
    temperature: Annotated[
        tuple[Positive, Positive],
        Field(description="temperature of the soft cuts at the first and the last step"),
        concerns("optimise"),
    ] = (1.0, 0.01)
    bandwidth: Annotated[
        tuple[Positive, Positive],
        Field(
            description="bandwidth of the soft histograms in bin widths at the first and the "
            "last step"
        ),
        concerns("optimise"),
    ] = (0.5, 0.01)
    clip: Annotated[
        Positive, Field(description="largest norm of the gradient"), concerns("optimise")
    ] = 1.0
    validate_every: Annotated[
        int,
        Field(ge=1, description="number of steps between validations with hard cuts"),
        concerns("optimise"),
    ] = 1
    checkpoint_every: Annotated[
        int, Field(ge=1, description="number of steps between checkpoints"), concerns()
    ] = 20


class Search(Section):
    """The black-box search that the climb is compared to: Optuna's TPE on the hard cuts."""

    trials: Annotated[
        int | None,
        Field(ge=1, description="number of evaluations; default: as many as the climb had"),
        concerns("search"),
    ] = None
