"""Other weights for the same events: of corrections, of functions of the module, of branches."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal

import awkward as ak
import numpy as np
from pydantic import Field, model_validator

from zenith.config import Analysis
from zenith.config.base import Name, known
from zenith.config.marks import concerns
from zenith.config.selection import ObjectCut
from zenith.config.steps import TEMPLATES
from zenith.config.systematics import KIND, WEIGHTS, Side, WeightBranch
from zenith.errors import ConfigError, InputError
from zenith.events.corrections import Evaluator
from zenith.events.formats import fields
from zenith.events.objects import Objects
from zenith.events.weights import Factor, Reweighting, Vector, Weights

_BRANCH = re.compile(r"^(\w+)(?:\[(\d+)\])?$")
_THEORY = re.compile(r"^(LHE|PS)\w*Weight")  # LHEScaleWeight, LHEPdfWeight, PSWeight, …


class WeightSystematic(Reweighting):
    """Other weights for the same events: variations of a correction or a weight, or branches."""

    type: Annotated[Literal["weight"], Field(description=KIND), WEIGHTS, concerns(*TEMPLATES)]
    correction: Annotated[
        Name | None, Field(description="correction of the eras whose variations these are"), WEIGHTS
    ] = None
    weight: Annotated[
        Name | None,
        Field(description="weight under `weights` whose variations these are"),
        WEIGHTS,
        concerns(*TEMPLATES),
    ] = None
    variations: Annotated[
        dict[Side, str] | None,
        Field(
            description="names of up and down in the file of the correction, or in the function of "
            "the weight; default: those that the correction gives, and up and down"
        ),
        WEIGHTS,
    ] = None
    where: Annotated[
        tuple[ObjectCut, ...],
        Field(
            description="requirements on the objects of the correction that vary, for example "
            "hadronFlavour == 4; the others keep their nominal factor"
        ),
        WEIGHTS,
    ] = ()
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
        sources = (self.correction, self.weight, self.branches)
        if sum(source is not None for source in sources) != 1:
            raise ValueError("give exactly one of correction, weight and branches")
        if self.branches is None and self.normalise is not None:
            raise ValueError("normalise is for branches, not for a correction or a weight")
        if self.where and self.correction is None:
            raise ValueError("where is for the objects of a correction")
        if self.branches is not None and self.variations is not None:
            raise ValueError("variations are those of a correction or a weight; branches name them")
        for key in ("branches", "variations"):
            given = getattr(self, key)
            for side in self.given if given is not None else ():
                if side not in given:
                    raise ValueError(f"{key}.{side}: missing, but the systematic has this side")
                if key == "branches" and _BRANCH.match(given[side]) is None:
                    raise ValueError(
                        f"{key}.{side}: {given[side]!r} is not a branch, or one entry like "
                        "PSWeight[0]"
                    )
        return self

    def agree(self, analysis: Analysis, key: str) -> None:
        """Every era has the correction, with the variations; the weight is applied."""
        super().agree(analysis, key)
        if self.weight is not None:
            known([self.weight], analysis.weights, f"{key}.weight")
            weighted = analysis.weights[self.weight].processes
            if weighted is not None:
                where = f"{key}.processes, process of weights.{self.weight}"
                known(self.processes or (), weighted, where)
        if self.correction is None:
            return
        for name, era in analysis.eras.items():
            correction = era.corrections.get(self.correction)
            where = f"eras.{name}.corrections"
            if correction is None:
                raise ValueError(f"{key}.correction: {where} has no {self.correction!r}")
            if self.where and correction.object is None:
                raise ValueError(
                    f"{key}.where: {where}.{self.correction} is of no object but of whole events"
                )
            lacking = set(self.given) - set(correction.variations) - set(self.variations or ())
            if lacking:
                raise ValueError(
                    f"{key}: {where}.{self.correction}.variations does not name "
                    f"{' and '.join(sorted(lacking))}"
                )

    @property
    def is_continuous(self) -> bool:
        """Always: between its sides, and beyond, weights are interpolated in the logarithm."""
        return True

    def varies(self, analysis: Analysis, process: str) -> bool:
        """A process that has the weight."""
        weighted = self.weight is None or analysis.weights[self.weight].acts_on(process)
        return weighted and super().varies(analysis, process)

    @property
    def functions(self) -> dict[str, list[str]]:
        """The weight of the analysis module, with the variations that are its up and down."""
        if self.weight is None:
            return {}
        return {self.weight: [(self.variations or {}).get(side, side) for side in self.given]}

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
        if self._factor is not None:
            factor = factors[self._factor]
            where = key if self.variations else factor.key
            for side in self.given:
                factor.require(self._variation(factor, side), f"{where}.variations.{side}")

    def weighted(self, weights: Weights, name: str, side: Side) -> Vector:
        """The product of all factors, one of them varied or times a branch."""
        if self._factor is not None:
            factor = weights.factors[self._factor]
            if self.where:
                assert isinstance(factor, Evaluator)
                factor = replace(factor, where=self.where)
            value = factor(weights.objects, self._variation(factor, side))
            return weights.varied(self._factor, value)
        return weights.nominal * self._branch(weights.objects, side, f"systematics.{name}")

    @property
    def _factor(self) -> str | None:
        """The name of the factor that varies, in `Weights.factors`."""
        if self.correction is not None:
            return f"corrections.{self.correction}"
        return None if self.weight is None else f"weights.{self.weight}"

    def _variation(self, factor: Factor, side: Side) -> str:
        """What the factor calls this side."""
        return (self.variations or factor.names)[side]

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
