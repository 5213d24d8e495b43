"""The search of a network's settings: which of them are tried, by whom, and for how long."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from zenith.config.base import Name, Positive, Section, known
from zenith.config.explanation import explain
from zenith.config.merging import merge, nested
from zenith.config.networks.settings import Mva

Number = int | float
FIXED = {  # what no trial may change, and why
    "type": "a search is of one type; search each by itself",
    "classes": "trials would be judged by other events",
    "cuts": "trials would be judged by other events",
    "calibration": "it follows the training; choose it by its figures",
}
OF_THE_LOSS = ("loss", "balance", "negative_weights")
TRIALS = 20
COMBINATIONS = 1000  # of other settings that are tried to find one that a value goes with


class Range(Section):
    """Numbers from `low` to `high`: whole ones where both are."""

    low: Annotated[Number, Field(description="smallest value")]
    high: Annotated[Number, Field(description="largest value")]
    log: Annotated[bool, Field(description="whether values are spread evenly in the logarithm")] = (
        False
    )
    step: Annotated[
        Positive | None,
        Field(description="distance of values from `low` on; none: any number, or any whole one"),
    ] = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.low >= self.high:
            how = "empty" if self.low == self.high else "reversed"
            raise ValueError(
                f"the range from low: {self.low:g} to high: {self.high:g} is {how}; write the "
                "smaller number first, or leave the key out"
            )
        if self.log and self.low <= 0:
            raise ValueError(f"log: the logarithm begins above 0, low is {self.low:g}; raise it")
        if self.log and self.step is not None:
            raise ValueError("step: a range is in steps or in the logarithm; remove one of them")
        if self.step is not None and self.step > self.high - self.low:
            raise ValueError(f"step: {self.step:g} is larger than the range; write a smaller one")
        if self.whole and self.step is not None and self.step != int(self.step):
            raise ValueError(f"step: {self.step:g} is no whole number, low and high are")
        return self

    @property
    def whole(self) -> bool:
        """Whether its numbers are whole."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def values(self) -> list[Number] | None:
        """All of them, where they can be counted."""
        if self.whole:
            return list(range(int(self.low), int(self.high) + 1, int(self.step or 1)))
        if self.step is None:
            return None
        steps = math.floor((self.high - self.low) / self.step * (1 + 1e-12))
        return [self.low + k * self.step for k in range(steps + 1)]


Space = dict[str, tuple[Any, ...] | Range]


class Tune(Section):
    """A search of the settings of one network, by Optuna."""

    network: Annotated[Name, Field(description="network whose settings are searched")]
    space: Annotated[
        Space,
        Field(
            min_length=1,
            description="settings by their keys below `mva.NETWORK`, with dots between them: a "
            "list of choices, or a range, {low, high, log, step}",
        ),
    ]
    objective: Annotated[
        Literal["loss", "auc"],
        Field(
            description="what the validation part judges: the `loss` of the epoch that is kept, or "
            "its area under the curve, `auc`, of more than two classes in the mean"
        ),
    ] = "loss"
    sampler: Annotated[
        Literal["tpe", "random", "cma_es", "grid"],
        Field(
            description="what proposes settings: a tree-structured Parzen estimator, chance, an "
            "evolution strategy for ranges, or all combinations"
        ),
    ] = "tpe"
    pruner: Annotated[
        Literal["median", "successive_halving", "none"],
        Field(
            description="what ends a trial early by its loss after an epoch: if it is above the "
            "`median` of others, or not among the best quarter after 4, 16, … epochs"
        ),
    ] = "median"
    trials: Annotated[
        int | None,
        Field(ge=1, description=f"largest number of trials; default: {TRIALS} without `seconds`"),
    ] = None
    seconds: Annotated[
        Positive | None,
        Field(description="wall time after which no trial begins; none: only `trials` ends it"),
    ] = None
    storage: Annotated[
        str,
        Field(
            pattern=r"^[\w.-]+$",
            description="SQLite file in the output folder, with which a search continues",
        ),
    ] = "trials.db"

    @field_validator("space", mode="before")
    @classmethod
    def _choices_or_ranges(cls, space: Any) -> Any:
        for key, values in space.items() if isinstance(space, Mapping) else ():
            if isinstance(values, list | tuple):
                if not values:
                    raise ValueError(
                        f"{key}: is empty; give a choice at least, or leave the key out"
                    )
                if twice := [value for value in values if list(values).count(value) > 1]:
                    raise ValueError(f"{key}: {twice[0]!r} is given twice; remove one")
            if not isinstance(values, list | tuple | Mapping | Range):
                raise ValueError(
                    f"{key}: {values!r} is neither a list of choices nor a range; write "
                    f"[{values}], or {{low: …, high: …}}"
                )
        return space

    @model_validator(mode="after")
    def _check(self) -> Self:
        ranges = [key for key, values in self.space.items() if isinstance(values, Range)]
        if self.sampler == "cma_es" and len(ranges) < 2:
            raise ValueError(
                "sampler: cma_es needs two ranges at least, there "
                f"{'is' if len(ranges) == 1 else 'are'} {len(ranges)}; write tpe"
            )
        for key, values in self.space.items():
            if self.sampler == "grid" and isinstance(values, Range) and values.values is None:
                raise ValueError(f"space.{key}: a grid needs a step, or choices")
        return self

    @property
    def most(self) -> int | None:
        """The largest number of trials; none: time alone ends the search."""
        wanted = TRIALS if self.trials is None and self.seconds is None else self.trials
        if self.sampler != "grid":
            return wanted
        grid = math.prod(len(counted(values) or ()) for values in self.space.values())
        return grid if wanted is None else min(grid, wanted)


def counted(values: Sequence[Any] | Range) -> list[Any] | None:
    """All choices, or all numbers of a range where they can be counted."""
    return values.values if isinstance(values, Range) else list(values)


def with_settings(mva: Mva, settings: Mapping[str, Any]) -> Mva:
    """The network with other settings, by dotted keys; as a file with them on top is read.

    Raises pydantic's ValidationError.
    """
    return type(mva).model_validate(_written(mva, settings))


def _written(mva: Mva, settings: Mapping[str, Any]) -> dict[str, Any]:
    return merge(mva.model_dump(exclude_unset=True, by_alias=True), nested(settings))


def refusal(mva: Mva, settings: Mapping[str, Any], where: str) -> str | None:
    """What is wrong with settings, in one line that begins with `where`; None if nothing is."""
    try:
        with_settings(mva, settings)
    except ValidationError as errors:
        data = _written(mva, settings)
        return explain(errors.errors(), where, data, type(mva)).partition("\n")[0]
    return None


def space_fits(tune: Tune, networks: Mapping[str, Mva]) -> None:
    """Raises ValueError where the space has a key or a value that the network has not."""
    known([tune.network], networks, "tune.network")
    mva = networks[tune.network]
    for key, values in tune.space.items():
        first = key.partition(".")[0]
        if first in FIXED:
            raise ValueError(f"tune.space.{key}: {FIXED[first]}")
        if first in OF_THE_LOSS and tune.objective == "loss":
            raise ValueError(
                f"tune.space.{key}: it changes the loss itself, by which trials are judged; write "
                "objective: auc"
            )
        for value in _some(values):
            problem = refusal(mva, {key: value}, "tune.space")
            if problem and all(
                refusal(mva, {**others, key: value}, "tune.space")
                for others in _others(tune.space, key)
            ):
                raise ValueError(problem)


def _some(values: Sequence[Any] | Range) -> Sequence[Any]:
    """All choices; of a range its ends, and a number that no accident makes a whole one."""
    if not isinstance(values, Range):
        return values
    if values.values is not None:
        return (*values.values[:2], values.values[-1])
    return (values.low, values.low + (values.high - values.low) / math.pi, values.high)


def _others(space: Space, key: str) -> Iterator[dict[str, Any]]:
    """What other keys may be beside one: a value may be refused with some and not with others."""
    others = {name: _some(values) for name, values in space.items() if name != key}
    for chosen in itertools.islice(itertools.product(*others.values()), COMBINATIONS):
        yield dict(zip(others, chosen, strict=True))
