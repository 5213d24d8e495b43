"""Folds, the climb and the search: what is learnt from which events."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from zenith.config.base import Positive, Section
from zenith.config.marks import concerns
from zenith.config.steps import SELECTION


class Folds(Section):
    """Folds of all events, simulated and observed, by a hash of (run, luminosityBlock, event).

    What reads a fold has learned from the others: networks are trained and selections climbed on
    all but one of them, the validation fold, which chooses the epoch and the step.
    """

    number: Annotated[int, Field(description="number of folds, at least 3")] = 5
    salt: Annotated[
        int, Field(ge=0, description="number that is hashed too: another one gives other folds")
    ] = 1

    @field_validator("number")
    @classmethod
    def _enough(cls, number: int) -> int:
        if number < 3:
            raise ValueError(
                f"{number} is too few: one fold is read, another chooses the step and the others "
                "teach; write 3 or more"
            )
        return number

    def validation(self, fold: int) -> int:
        """The fold that chooses the epoch and the step of what reads a fold."""
        return (fold - 1) % self.number

    def learning(self, fold: int) -> tuple[int, ...]:
        """The folds that networks are trained and selections climbed on, to read a fold."""
        return tuple((fold + 1 + k) % self.number for k in range(self.number - 2))

    def others(self, fold: int) -> tuple[int, ...]:
        """All but the one that is read."""
        return (*self.learning(fold), self.validation(fold))


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


class Ascent(Section):
    """How a climb goes."""

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
    keep: Annotated[
        Literal["best", "last"],
        Field(
            description="step that is kept: the `best` one on the validation fold, or the `last` "
            "one; all folds but the one that is read are then climbed"
        ),
        concerns("optimise"),
    ] = "best"
    validate_every: Annotated[
        int,
        Field(ge=1, description="number of steps between validations with hard cuts"),
        concerns("optimise"),
    ] = 1
    checkpoint_every: Annotated[
        int, Field(ge=1, description="number of steps between checkpoints"), concerns()
    ] = 20


class Optimise(Ascent):
    """The climb of the expected significance."""

    objective: Annotated[
        Literal["significance", "precision"],
        Field(
            description="objective of the climb: the expected significance, or the expected error "
            "of the signal strength, which is then compared as well"
        ),
        concerns(*SELECTION, "efficient_score"),
    ] = "significance"
    nuisances: Annotated[
        bool,
        Field(description="whether the systematics are part of the objective"),
        # histograms and scored events may begin at the best edges
        concerns(*SELECTION, "efficient_score", "histogram", "scored"),
    ] = True


Method = Literal["tpe", "cma_es"]


class Search(Section):
    """The black-box searches on the hard cuts that the climb is compared to, by Optuna."""

    methods: Annotated[
        tuple[Method, ...],
        Field(
            min_length=1,
            description="methods: `tpe`, a tree-structured Parzen estimator, and `cma_es`, an "
            "evolution strategy, which needs two tunable cuts or more",
        ),
        concerns("compare", "optimisation_figures"),
    ] = ("tpe", "cma_es")

    trials: Annotated[
        int | None,
        Field(ge=1, description="number of evaluations; default: as many as the climb had"),
        concerns("search"),
    ] = None
