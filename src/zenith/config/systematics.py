"""Systematic uncertainties: what varies, for which processes, and how it enters the fit."""

import re
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from zenith.config.base import Name, Positive, Section
from zenith.config.marks import concerns
from zenith.config.steps import MODEL, TEMPLATES

# What makes the variations of columns.
WEIGHTS = concerns("columns", of="simulation")
SHAPES = concerns("skim", "columns", of="simulation")

Sides = Literal["two", "up", "down"]
SIDES = "which variations exist; one side is mirrored about the nominal"

Side = Literal["up", "down"]

_WEIGHT = re.compile(r"^(\w+)(?:\[(\d+)\])?$")
_THEORY = re.compile(r"^(LHE|PS)\w*Weight")  # LHEScaleWeight, LHEPdfWeight, PSWeight, …


class WeightBranch(NamedTuple):
    """A branch of weights: one number in each event, or one entry of a list."""

    name: str
    entry: int | None


class _Systematic(Section):
    processes: Annotated[
        tuple[str, ...] | None,
        Field(description="processes that vary; default: all simulated"),
        concerns(*TEMPLATES),
    ] = None
    regions: Annotated[
        tuple[str, ...] | None,
        Field(description="regions in which it acts; default: all"),
        concerns(*TEMPLATES),
    ] = None
    correlated: Annotated[
        bool, Field(description="one nuisance parameter for all eras"), concerns(*TEMPLATES)
    ] = True
    label: Annotated[
        str | None, Field(description="name on figures; default: its key"), concerns("figures")
    ] = None


class _Templates(_Systematic):
    """A systematic that is a pair of varied templates."""

    sides: Annotated[Sides, Field(description=SIDES), concerns(*TEMPLATES)] = "two"
    smooth: Annotated[
        bool,
        Field(description="smooth varied over nominal with the 353QH algorithm"),
        concerns(*MODEL),
    ] = False

    @property
    def given(self) -> tuple[Side, ...]:
        """The variations that exist."""
        return ("up", "down") if self.sides == "two" else (self.sides,)


class WeightSystematic(_Templates):
    """Other weights for the same events: a correction's up and down, or branches of weights."""

    type: Annotated[Literal["weight"], WEIGHTS, concerns(*TEMPLATES)]
    sides: Annotated[Sides, Field(description=SIDES), WEIGHTS, concerns(*TEMPLATES)] = "two"
    correction: Annotated[
        Name | None, Field(description="correction of the eras whose variations these are"), WEIGHTS
    ] = None
    branches: Annotated[
        dict[Side, str] | None,
        Field(description="branches that multiply genWeight; PSWeight[0] is one entry of a list"),
        WEIGHTS,
    ] = None
    normalise: Annotated[
        bool | None,
        Field(
            description="divide the weights of `branches` by their mean over all generated events, "
            "so that shape and acceptance vary and the cross-section does not; default: true for "
            "those of theory, LHE…Weight and PSWeight"
        ),
        WEIGHTS,
    ] = None

    @model_validator(mode="after")
    def _one_source(self) -> "WeightSystematic":
        if (self.correction is None) == (self.branches is None):
            raise ValueError("give exactly one of correction and branches")
        if self.branches is None:
            if self.normalise is not None:
                raise ValueError("normalise is for weights that are branches, not for a correction")
            return self
        for side in self.given:
            if side not in self.branches:
                raise ValueError(f"branches.{side}: missing, but the systematic has this side")
            if _WEIGHT.match(text := self.branches[side]) is None:
                raise ValueError(
                    f"branches.{side}: {text!r} is not a branch, or one entry like PSWeight[0]"
                )
        return self

    def branch(self, side: Side) -> WeightBranch:
        """What a systematic with `branches` names for a side that it has."""
        match = _WEIGHT.match((self.branches or {})[side])
        assert match is not None
        return WeightBranch(match[1], int(match[2]) if match[2] else None)

    @property
    def normalised(self) -> dict[Side, WeightBranch]:
        """The branches whose mean over all generated events is divided out, by side."""
        branches = {side: self.branch(side) for side in self.given if self.branches}
        return {
            side: branch
            for side, branch in branches.items()
            if (_THEORY.match(branch.name) if self.normalise is None else self.normalise)
        }


class ShapeSystematic(_Templates):
    """Other objects: momenta of jets, by scale or by resolution, propagated to MET."""

    type: Annotated[Literal["shape"], SHAPES, concerns(*TEMPLATES)]
    sides: Annotated[Sides, Field(description=SIDES), SHAPES, concerns(*TEMPLATES)] = "two"
    kind: Annotated[
        Literal["energy_scale", "energy_resolution"], Field(description="what is shifted"), SHAPES
    ]
    objects: Annotated[
        tuple[Name, ...], Field(min_length=1, description="objects that shift"), SHAPES
    ]
    size: Annotated[
        Positive,
        Field(
            lt=1.0,
            description="relative shift (scale), or relative width of added smearing (resolution)",
        ),
        SHAPES,
    ]


class NormalisationSystematic(_Systematic):
    """A relative uncertainty on the rate of processes."""

    type: Annotated[Literal["normalisation"], concerns(*TEMPLATES)]
    up: Annotated[
        float, Field(gt=-1.0, lt=10.0, description="relative change at +1 σ"), concerns(*TEMPLATES)
    ]
    down: Annotated[
        float | None,
        Field(gt=-1.0, lt=10.0, description="at −1 σ; default: minus `up`"),
        concerns(*TEMPLATES),
    ] = None


class SampleSystematic(_Templates):
    """Another sample in place of the nominal one (another generator, another tune)."""

    type: Annotated[Literal["sample"], concerns(*TEMPLATES)]
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
            wanted = self.sides in ("two", side)
            if wanted != bool(getattr(self, side)):
                raise ValueError(f"sides: {self.sides} does not fit what `{side}` gives")
        return self


Systematic = Annotated[
    WeightSystematic | ShapeSystematic | NormalisationSystematic | SampleSystematic,
    Field(discriminator="type"),
]
