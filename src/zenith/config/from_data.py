"""Processes that come from data: loose events, times a fake factor (`statistics/fake_factors`)."""

from typing import Annotated

from pydantic import Field, model_validator

from zenith.comparison import parse
from zenith.config.base import Fraction, Name, Positive, Section
from zenith.config.marks import concerns
from zenith.config.selection import Axis, FixedCut
from zenith.config.steps import TEMPLATES

COUNTED = concerns("fakes")
MODELLED = concerns("fakes", *TEMPLATES)  # says which nuisance parameters there are


class Learning(Section):
    """A factor that networks learn as a ratio of densities."""

    features: Annotated[
        tuple[str, ...],
        Field(description="observables that the networks read; default: those of `bins`"),
    ] = ()
    hidden: Annotated[
        tuple[Annotated[int, Field(ge=1)], ...],
        Field(min_length=1, description="widths of the hidden layers"),
    ] = (8,)
    steps: Annotated[
        int, Field(ge=4, description="number of steps of the gradient descent, each of all events")
    ] = 200
    learning_rate: Annotated[Positive, Field(description="Adam's initial learning rate")] = 0.02


class FromData(Section):
    """Events of a process that come from data: loose ones, each times a fake factor.

    The factor is measured in a region whose data no fit reads,
    (data - prompt simulation)_tight / (data - prompt simulation)_loose, in bins or by networks.
    """

    tight: Annotated[
        FixedCut,
        Field(description="what events of regions fulfil, an equality: `muon_tight == 1`"),
        concerns("fakes"),
    ]
    loose: Annotated[
        FixedCut,
        Field(description="what those fulfil that stand for fakes: `muon_tight == 0`"),
        concerns("fakes"),
    ]
    prompt: Annotated[
        tuple[Name, ...],
        Field(description="samples of prompt objects, which are subtracted from data"),
        COUNTED,
    ]
    measurement: Annotated[
        Name,
        Field(description="region, `in_fit: false`, whose data measure the factor"),
        COUNTED,
    ]
    validation: Annotated[
        Name | None,
        Field(
            description="region, `in_fit: false`, where predicted and observed fakes are compared: "
            "the difference is an uncertainty; none: there is none"
        ),
        MODELLED,
    ] = None
    bins: Annotated[
        dict[str, Axis],
        Field(
            min_length=1,
            description="bins of the factor in one or more observables, and of its figures",
        ),
        COUNTED,
    ]
    learn: Annotated[
        Learning | None,
        Field(description="networks in place of bins; none: the factor is binned"),
        COUNTED,
    ] = None
    maximum: Annotated[
        Positive, Field(description="fake factor above which something is wrong"), COUNTED
    ]
    prompt_uncertainty: Annotated[
        Fraction, Field(description="relative uncertainty of the prompt simulation"), COUNTED
    ] = 0.1
    replicas: Annotated[
        int, Field(ge=2, description="number of bootstrap replicas of the measurement"), COUNTED
    ] = 50
    components: Annotated[
        int,
        Field(
            ge=1,
            description="number of nuisance parameters that the bootstrap becomes: the first is "
            "along the predicted yield, the others are principal components",
        ),
        MODELLED,
    ] = 3

    @model_validator(mode="after")
    def _check(self) -> "FromData":
        tight, loose = parse(self.tight), parse(self.loose)
        for key, cut in (("tight", tight), ("loose", loose)):
            if cut.direction != "==":
                raise ValueError(
                    f"{key}: {cut} is no equality; let an observable be 1 for tight events and 0 "
                    f"for loose ones, and write '{cut.observable} == {int(key == 'tight')}'"
                )
        if tight.observable != loose.observable or tight.threshold == loose.threshold:
            raise ValueError(
                f"loose: {loose} and tight: {tight} must be two values of one observable"
            )
        for key, names in (("bins", self.bins), ("learn.features", self.features)):
            if tight.observable in names:
                raise ValueError(f"{key}: {tight.observable!r} tells tight from loose; remove it")
        return self

    @property
    def flag(self) -> str:
        """The observable that tells tight events from loose ones."""
        return parse(self.tight).observable

    @property
    def uncertainties(self) -> dict[str, str]:
        """Where nuisance parameters come from, by the end of their name, in words."""
        of_factor = {f"factor_{k}": f"fake factor {k}" for k in range(1, self.components + 1)}
        closure = {} if self.validation is None else {"closure": "closure"}
        return {**of_factor, "prompt": "prompt subtraction", **closure}

    @property
    def features(self) -> tuple[str, ...]:
        """The observables that the factor is a function of."""
        return (self.learn.features if self.learn else ()) or tuple(self.bins)

    @property
    def observables(self) -> dict[str, None]:
        """All that the factor and its figures read of an event."""
        return dict.fromkeys([self.flag, *self.features, *self.bins])
