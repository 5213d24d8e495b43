"""Shifts of events by a function of the analysis module, at any value of its parameter."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from zenith.config import Analysis
from zenith.config.base import Name
from zenith.config.marks import concerns
from zenith.config.priors import Prior
from zenith.config.steps import MODEL, SURFACES, TEMPLATES
from zenith.config.systematics import BOUNDS, KIND, SHAPES, Side
from zenith.events import function_shifts
from zenith.events.formats.arrays import Events
from zenith.events.shifts import Shift

LARGEST = 5.0  # pull of nuisance parameters that nothing bounds, as in pyhf


class FunctionShift(Shift):
    """Other numbers of the same events, by a function of the analysis module (`@shift`)."""

    type: Annotated[Literal["shift"], Field(description=KIND), SHAPES, concerns(*TEMPLATES)]
    shift: Annotated[
        Name | None,
        Field(description="parameter of a shift of the module; default: its key"),
        SHAPES,
    ] = None
    prior: Annotated[
        Prior,
        Field(description="what is known of the value of the parameter"),
        SHAPES,
        concerns(*TEMPLATES),
    ]
    bounds: Annotated[
        tuple[float, float] | None,
        Field(description=BOUNDS),
        concerns(*MODEL, "response", "efficient_score_figures", *SURFACES),
        concerns("skim", "columns", of="simulation"),  # copies are within
    ] = None

    def parameter(self, name: str) -> str:
        """Which parameter of a shift it is."""
        return self.shift or name

    @property
    def is_continuous(self) -> bool:
        """Always."""
        return True

    def value(self, pull: float) -> float:
        """The value of the parameter at a pull."""
        return self.prior.value(pull)

    @property
    def pulls(self) -> tuple[float, float] | None:
        """Where `bounds` do not say it, between which pulls the value moves."""
        low, high = np.clip(self.prior.pulls, -LARGEST, LARGEST).tolist()
        return self.bounds or (None if high == -low == LARGEST else (low, high))

    def collections(self, analysis: Analysis) -> set[str]:
        """None: numbers of events change."""
        return set()

    def shifted(self, events: Events, analysis: Analysis, name: str, side: Side) -> Events:
        """The events with the value at one standard deviation, and others of the functions at 0."""
        return function_shifts.at(events, analysis, {name: 1.0 if side == "up" else -1.0})
