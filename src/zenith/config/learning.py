"""Splits, networks and the climb: what is learnt from which events."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from zenith.config.base import Fraction, Name, Positive, Section
from zenith.config.marks import concerns
from zenith.config.selection import Cut
from zenith.config.steps import OBJECTIVE, SELECTION

# What a network is: of those that read it as well.
NETWORK = concerns("mva", "mva_figures", *SELECTION, "histogram", "scored", order=True)


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


class Mva(Section):
    """One network: a score of events, learnt from simulated samples."""

    framework: Annotated[
        Literal["jax", "keras"],
        Field(
            description="framework of the training; a network that Keras trained is never "
            "fine-tuned"
        ),
        concerns("mva"),
    ] = "jax"
    classes: Annotated[
        dict[Name, Annotated[tuple[Name, ...], Field(min_length=1)]],
        Field(
            min_length=2,
            description="samples of each class, by its name; of two, the last is scored 1",
        ),
        NETWORK,
    ]
    features: Annotated[
        tuple[str, ...],
        Field(min_length=1, description="observables that the network reads"),
        NETWORK,
    ]
    hidden: Annotated[
        tuple[Annotated[int, Field(ge=1)], ...],
        Field(description="widths of the hidden layers"),
        NETWORK,
    ] = (16, 16)
    cuts: Annotated[
        tuple[str, ...],
        Field(description="cuts on the events that train and test the network"),
        concerns("mva", "mva_figures"),
    ] = ()
    balance: Annotated[
        Literal["none", "undersample", "oversample", "class_weights"],
        Field(
            description="treatment of classes of unequal size: all but none give every class "
            "the same sum of weights, sampling also the same number of events"
        ),
        concerns("mva"),
    ] = "class_weights"
    negative_weights: Annotated[
        Literal["keep", "absolute", "drop"],
        Field(
            description="treatment of events of negative weight in the training; AUC and "
            "figures keep them"
        ),
        concerns("mva"),
    ] = "absolute"
    learning_rate: Annotated[
        Positive, Field(description="Adam's initial learning rate"), concerns("mva")
    ] = 3e-3
    schedule: Annotated[
        Literal["constant", "cosine"],
        Field(description="schedule of the learning rate"),
        concerns("mva"),
    ] = "cosine"
    batch: Annotated[
        int,
        Field(ge=1, description="approximate number of events in a mini-batch"),
        concerns("mva"),
    ] = 256
    epochs: Annotated[
        int,
        Field(ge=1, description="largest number of passes over the training events"),
        concerns("mva"),
    ] = 100
    patience: Annotated[
        int,
        Field(
            ge=1,
            description="number of epochs without a better validation loss before the "
            "training stops",
        ),
        concerns("mva"),
    ] = 10
    fine_tune: Annotated[
        bool,
        Field(
            description="whether the climb of the significance moves the network's weights as well"
        ),
        concerns(*SELECTION),
    ] = True

    @model_validator(mode="before")
    @classmethod
    def _freeze(cls, data: Any) -> Any:
        """A network trained by Keras is frozen, unless the file says otherwise: then an error."""
        if isinstance(data, dict) and data.get("framework") == "keras":
            return {"fine_tune": False} | data
        return data

    @model_validator(mode="after")
    def _check(self) -> "Mva":
        if self.framework == "keras" and self.fine_tune:
            raise ValueError("fine_tune: framework keras only pretrains; use jax, or false")
        samples = [sample for group in self.classes.values() for sample in group]
        for kind, names in (("sample", samples), ("feature", self.features)):
            if twice := sorted({name for name in names if list(names).count(name) > 1}):
                raise ValueError(f"the {kind} {twice[0]!r} is given twice")
        for text in self.cuts:
            cut = Cut.model_validate(text)
            if cut.reference is not None:
                raise ValueError(f"cuts: {text!r}: the threshold must be a number")
        return self


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
