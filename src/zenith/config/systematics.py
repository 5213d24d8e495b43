"""Systematic uncertainties: what varies, for which processes, and how it enters the fit."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from zenith.config.base import Name, Positive, Section


class _Systematic(Section):
    processes: Annotated[
        tuple[str, ...] | None, Field(description="processes that vary; default: all simulated")
    ] = None
    regions: Annotated[
        tuple[str, ...] | None, Field(description="regions in which it acts; default: all")
    ] = None
    correlated: Annotated[bool, Field(description="one nuisance parameter for all eras")] = True
    label: Annotated[str | None, Field(description="name on figures; default: its key")] = None


class _Templates(_Systematic):
    """A systematic that is a pair of varied templates."""

    sides: Annotated[
        Literal["two", "up", "down"],
        Field(description="which variations exist; one side is mirrored about the nominal"),
    ] = "two"
    smooth: Annotated[
        bool, Field(description="smooth varied over nominal with the 353QH algorithm")
    ] = False


class WeightSystematic(_Templates):
    """Other weights for the same events: a correction's up and down, or branches of weights."""

    type: Literal["weight"]
    correction: Annotated[
        Name | None, Field(description="correction of the eras whose variations these are")
    ] = None
    branches: Annotated[
        dict[Literal["up", "down"], str] | None,
        Field(description="branches that multiply genWeight; PSWeight[0] is one entry of a list"),
    ] = None

    @model_validator(mode="after")
    def _one_source(self) -> "WeightSystematic":
        if (self.correction is None) == (self.branches is None):
            raise ValueError("give exactly one of correction and branches")
        return self


class ShapeSystematic(_Templates):
    """Other objects: momenta of jets, by scale or by resolution, propagated to MET."""

    type: Literal["shape"]
    kind: Annotated[
        Literal["energy_scale", "energy_resolution"], Field(description="what is shifted")
    ]
    objects: Annotated[tuple[Name, ...], Field(min_length=1, description="objects that shift")]
    size: Annotated[
        Positive,
        Field(
            lt=1.0,
            description="relative shift (scale), or relative width of added smearing (resolution)",
        ),
    ]


class NormalisationSystematic(_Systematic):
    """A relative uncertainty on the rate of processes."""

    type: Literal["normalisation"]
    up: Annotated[float, Field(gt=-1.0, lt=10.0, description="relative change at +1 σ")]
    down: Annotated[
        float | None, Field(gt=-1.0, lt=10.0, description="at −1 σ; default: minus `up`")
    ] = None


class SampleSystematic(_Templates):
    """Another sample in place of the nominal one (another generator, another tune)."""

    type: Literal["sample"]
    sides: Literal["two", "up", "down"] = "up"
    up: Annotated[dict[Name, Name], Field(description="nominal sample: sample in its place")] = {}
    down: Annotated[dict[Name, Name], Field(description="nominal sample: sample in its place")] = {}

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
