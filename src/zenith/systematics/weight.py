"""Other weights for the same events: variations of corrections, and branches of weights."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

import awkward as ak
import numpy as np
from pydantic import Field, model_validator

from zenith.config import Analysis
from zenith.config.base import Name
from zenith.config.marks import concerns
from zenith.config.steps import TEMPLATES
from zenith.config.systematics import WEIGHTS, Side, WeightBranch
from zenith.errors import ConfigError, InputError
from zenith.events.formats import fields
from zenith.events.objects import Objects
from zenith.events.weights import Factor, Reweighting, Vector, Weights

_BRANCH = re.compile(r"^(\w+)(?:\[(\d+)\])?$")
_THEORY = re.compile(r"^(LHE|PS)\w*Weight")  # LHEScaleWeight, LHEPdfWeight, PSWeight, …


class WeightSystematic(Reweighting):
    """Other weights for the same events: a correction's up and down, or branches of weights."""

    type: Annotated[
        Literal["weight"],
        Field(description="kind of systematic uncertainty"),
        WEIGHTS,
        concerns(*TEMPLATES),
    ]
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
            description="whether the weights of `branches` are divided by their mean over all "
            "generated events, so that shape and acceptance vary and the cross-section does not; "
            "default: true for those of theory, LHE…Weight and PSWeight"
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
            if _BRANCH.match(text := self.branches[side]) is None:
                raise ValueError(
                    f"branches.{side}: {text!r} is not a branch, or one entry like PSWeight[0]"
                )
        return self

    def agree(self, analysis: Analysis, key: str) -> None:
        """Every era has the correction, with the variations."""
        super().agree(analysis, key)
        if self.correction is None:
            return
        for name, era in analysis.eras.items():
            correction = era.corrections.get(self.correction)
            where = f"eras.{name}.corrections"
            if correction is None:
                raise ValueError(f"{key}.correction: {where} has no {self.correction!r}")
            if lacking := set(self.given) - set(correction.variations):
                raise ValueError(
                    f"{key}: {where}.{self.correction}.variations does not name "
                    f"{' and '.join(sorted(lacking))}"
                )

    def branch(self, side: Side) -> WeightBranch:
        """What `branches` name for a side that exists."""
        match = _BRANCH.match((self.branches or {})[side])
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

    def require(self, factors: Mapping[str, Factor], key: str) -> None:
        """The file of the correction has the variations."""
        if self.correction is not None:
            factor = factors[self.correction]
            for side in self.given:
                factor.require(factor.names[side], f"{factor.key}.variations.{side}")

    def weight(self, weights: Weights, name: str, side: Side) -> Vector:
        """The product of all factors, one of them varied or times a branch."""
        if self.correction is not None:
            return weights.varied(self.correction, weights.factors[self.correction].names[side])
        return weights.nominal * self._branch(weights.objects, side, f"systematics.{name}")

    def _branch(self, objects: Objects, side: Side, key: str) -> Vector:
        """A weight in each event: a branch of numbers, or one entry of a branch of lists."""
        key = f"{key}.branches.{side}"
        name, entry = self.branch(side)
        value = fields.lookup(objects.event, name, key)
        if (value.ndim == 1) != (entry is None):
            remedy = "name one entry, [0] for example" if value.ndim > 1 else "leave out the entry"
            raise ConfigError(f"{key}: {name} holds {value.ndim - 1} lists an event: {remedy}")
        if entry is None:
            return np.asarray(ak.to_numpy(value), np.float64)
        if len(value) and (shortest := int(ak.min(ak.num(value)))) <= entry:
            raise InputError(f"{key}: {name}[{entry}]: an event has only {shortest} entries")
        return np.asarray(ak.to_numpy(value[:, entry]), np.float64)
