"""Objects, observables, cuts and regions: what an event has, and which events are kept."""

import re
from itertools import pairwise
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, Field, ValidationError, model_validator

from zenith.comparison import DIRECTION, Comparison, parse
from zenith.config.base import Name, Positive, Section
from zenith.config.marks import concerns
from zenith.config.memberships import Categories
from zenith.config.steps import DRAWN, OBJECTIVE, REGIONS, SELECTION

_OBJECT_CUT = re.compile(rf"^\s*(?:(abs)\((\w+)\)|(\w+))\s*(?:({DIRECTION})\s*(\S+))?\s*$")

Operator = Literal[">", ">=", "<", "<=", "==", "!="]


class ObjectCut(Section):
    """A requirement on one field of an object, `pt > 30`, `abs(eta) < 2.4` or a flag `tightId`."""

    field: str
    absolute: bool = False
    operator: Operator | None = None
    value: float = 0.0

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, data: Any) -> Any:
        if not isinstance(data, str):
            return data
        match = _OBJECT_CUT.match(data)
        if match is None:
            raise ValueError(f"{data!r} is not a requirement like 'abs(eta) < 2.4' or 'tightId'")
        absolute, inner, plain, operator, value = match.groups()
        try:
            number = float(value) if value is not None else 0.0
        except ValueError:
            raise ValueError(f"{data!r}: {value!r} is not a number") from None
        return {
            "field": inner or plain,
            "absolute": absolute is not None,
            "operator": operator,
            "value": number,
        }


class PhysicsObject(Section):
    """One kind of object: a collection of NanoAOD or of the format and what is required of it."""

    collection: Annotated[
        str, Field(description="collection of NanoAOD, or object of `format`, for example Muon")
    ]
    cuts: Annotated[
        tuple[ObjectCut, ...],
        Field(description="requirements, all of which hold; pt and mass in GeV"),
    ] = ()
    aliases: Annotated[
        dict[Name, str],
        Field(description="other names of fields, for example btag: btagDeepB"),
    ] = {}
    away_from: Annotated[
        dict[Name, Positive],
        Field(description="other objects (already selected) and the smallest allowed ΔR to them"),
    ] = {}


class _Range(Section):
    start: float
    stop: float
    bins: Annotated[int, Field(ge=1, le=100_000)]


class Axis(Section):
    """Bin edges: a list, or start, stop and number of bins."""

    edges: Annotated[tuple[float, ...], Field(min_length=2, description="bin edges")]

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, data: Any) -> Any:
        if isinstance(data, list | tuple):
            return {"edges": tuple(data)}
        if isinstance(data, dict) and "edges" not in data:
            if set(data) != set(_Range.model_fields):
                raise ValueError("edges are a list of numbers, or {start: …, stop: …, bins: …}")
            try:
                axis = _Range.model_validate(data)
            except ValidationError as errors:
                wrong = [f"{e['loc'][0]}: {e['msg']}, not {e['input']!r}" for e in errors.errors()]
                raise ValueError("; ".join(wrong)) from None
            return {"edges": tuple(np.linspace(axis.start, axis.stop, axis.bins + 1).tolist())}
        return data

    @model_validator(mode="after")
    def _increasing(self) -> "Axis":
        if any(low >= high for low, high in pairwise(self.edges)):
            raise ValueError(f"edges must increase, not {list(self.edges)}")
        return self


class Observable(Section):
    """An observable of the analysis module, and the axis on which it is drawn."""

    label: Annotated[
        str,
        Field(description="axis label, LaTeX between dollars, without the unit"),
        concerns(*DRAWN, "summary"),
    ]
    edges: Annotated[
        Axis,
        Field(description="bins of the control plot, in the observable's unit"),
        concerns("mva_figures", "efficient_score_figures", "histogram"),
    ]
    log: Annotated[
        bool, Field(description="whether the axis of events is logarithmic"), concerns(*DRAWN)
    ] = False


def _fixed(text: str) -> str:
    if not parse(text).is_fixed:
        raise ValueError(f"{text!r}: the threshold must be a number")
    return text


# A cut at a number, `met > 50`; `zenith.comparison.parse` has it parsed
FixedCut = Annotated[str, AfterValidator(_fixed)]


class RegionCut(Section):
    """A threshold on one observable, fixed or tunable: one definition, read hard and soft.

    `met > 50` is fixed. `{cut: met > 50, tune: [50, 250], width: 25}` may be moved within `tune`;
    `width` is the scale of its softness. In `btag_2 <= btag` the threshold is the tunable one
    that is named `btag` elsewhere, so that both move together.
    """

    cut: Annotated[
        str,
        Field(description="observable, operator, threshold or name of one"),
        concerns("fakes", *REGIONS),
    ]
    tune: Annotated[
        tuple[float, float] | None,
        Field(description="bounds of the threshold, in the observable's unit"),
        concerns(*OBJECTIVE),
    ] = None
    width: Annotated[
        Positive | None,
        Field(description="width of the soft cut, in the observable's unit"),
        concerns(*OBJECTIVE),
    ] = None
    name: Annotated[
        Name | None,
        Field(description="name of the threshold; default: the observable"),
        concerns(*REGIONS),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, data: Any) -> Any:
        return {"cut": data} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _check(self) -> "RegionCut":
        parse(self.cut)
        if (self.tune is None) != (self.width is None):
            raise ValueError("a tunable cut has both tune (its bounds) and width (its softness)")
        if self.tune is None:
            if self.name is not None:
                raise ValueError("name is for tunable cuts; give tune and width as well")
            return self
        if not self.comparison.keeps:
            raise ValueError(f"{self.cut!r} cannot be tuned: use >, >=, < or <=")
        if self.reference is not None:
            raise ValueError(f"{self.cut!r} takes its threshold from elsewhere: tune it there")
        low, high = self.tune
        if not low < high:
            raise ValueError(f"tune is [low, high] with low < high, not {list(self.tune)}")
        if not low <= self.threshold <= high:
            raise ValueError(f"the threshold {self.threshold:g} is outside tune {list(self.tune)}")
        return self

    @property
    def comparison(self) -> Comparison:
        """The cut as it is parsed."""
        return parse(self.cut)

    @property
    def observable(self) -> str:
        """The name of the observable, or of an MVA score (`name` or `name:class`)."""
        return self.comparison.observable

    @property
    def reference(self) -> str | None:
        """The name of the tunable threshold that this cut shares, or None."""
        threshold = self.comparison.threshold
        return threshold if isinstance(threshold, str) else None

    @property
    def threshold(self) -> float:
        """The value of the threshold; only for cuts without a reference."""
        return float(self.comparison.threshold)

    @property
    def parameter(self) -> str | None:
        """The name of the tunable threshold that this cut defines or shares; None if fixed."""
        if self.tune is not None:
            return self.name or self.observable.replace(":", "_")
        return self.reference


class FitObservable(Section):
    """What is histogrammed for the fit of a region."""

    observable: Annotated[str, Field(description="name of the observable"), concerns(*REGIONS)]
    edges: Annotated[
        Axis, Field(description="bin edges, in the observable's unit"), concerns(*REGIONS)
    ]
    overflow: Annotated[
        Literal["include", "drop"],
        Field(
            description="treatment of events outside the axis: into the first and last bin, "
            "or left out"
        ),
        concerns(*REGIONS),
    ] = "include"
    tune_edges: Annotated[
        Positive | None,
        Field(
            description="smallest step by which the optimisation moves the inner edges, in the "
            "observable's unit; no bin is narrower"
        ),
        concerns(*SELECTION),
    ] = None

    @model_validator(mode="after")
    def _on_grid(self) -> "FitObservable":
        if self.tune_edges is not None:
            edges = np.asarray(self.edges.edges)
            steps = (edges - edges[0]) / self.tune_edges
            if not np.allclose(steps, np.round(steps), atol=1e-6):
                raise ValueError(
                    f"tune_edges moves edges in steps of {self.tune_edges:g}, but the edges "
                    f"{edges.tolist()} are not whole steps apart; choose a step that divides them"
                )
        return self


class Region(Section):
    """A region (channel) of the analysis: the events that pass all its cuts."""

    label: Annotated[
        str,
        Field(description="label of the region on figures"),
        concerns("fakes_figures", "optimisation_figures", "figures", "summary"),
    ]
    cuts: Annotated[
        tuple[RegionCut, ...],
        Field(description="cuts of the region, all of which hold; []: all events"),
    ]
    fit: Annotated[FitObservable, Field(description="observable and bins of the region in the fit")]
    categories: Annotated[
        Categories | None,
        Field(description="channels that the events of the region are parted among"),
        concerns(*REGIONS),
    ] = None
    in_fit: Annotated[
        bool,
        Field(description="whether the region is fitted; false: it is drawn for validation alone"),
        concerns(*REGIONS),
    ] = True
    blind: Annotated[
        bool | None,
        Field(
            description="whether its data are neither filled nor drawn nor fitted; default: what "
            "statistics.blind says"
        ),
        concerns("histogram", "fit", "figures"),
    ] = None
    plots: Annotated[
        tuple[str, ...] | None,
        Field(description="observables to draw; default: all that plotting.observables names"),
        concerns("histogram"),
    ] = None
