"""Response surfaces, intervals and their coverage: what is asked of the fit that is quoted."""

from typing import Annotated

from pydantic import Field, field_validator

from zenith.config.base import Name, Positive, Section
from zenith.config.marks import concerns
from zenith.config.steps import SURFACES

Events = Annotated[int, Field(ge=1)]
Probability = Annotated[float, Field(gt=0.0, lt=1.0)]


class Surfaces(Section):
    """Response of yields to several nuisance parameters together.

    The simulated events are shifted, or weighted, to four points on the axis of every nuisance
    parameter and to random ones between; a polynomial of second order is fitted to ln(yield ratio).
    """

    systematics: Annotated[
        tuple[Name, ...] | None,
        Field(
            min_length=1,
            description="keys of the systematic uncertainties whose nuisance parameters these are, "
            "of the types `shift` and `weight` and energy scales; default: all of the type `shift`",
        ),
        concerns(*SURFACES),
        concerns("skim", of="simulation"),
    ] = None
    random: Annotated[
        int | None,
        Field(
            ge=0,
            description="number of random points, drawn from the priors, that the polynomials are "
            "fitted to; default: twice as many as there are pairs of nuisance parameters",
        ),
        concerns("surface"),
    ] = None
    unseen: Annotated[
        int,
        Field(ge=1, description="number of further random points, which only judge them"),
        concerns("surface"),
    ] = 4
    reach: Annotated[
        Positive,
        Field(description="largest distance of a point on an axis, in standard deviations"),
        concerns("surface"),
        concerns("skim", of="simulation"),
    ] = 2.0
    events: Annotated[
        Events | dict[Name, Events] | None,
        Field(
            description="largest number of simulated events of each sample that are shifted, or of "
            "samples by name; default: all"
        ),
        concerns(*SURFACES),
    ] = None
    effective_events: Annotated[
        float,
        Field(
            ge=1.0,
            description="fewest effective events of a process in a bin, (Σw)² / Σw²; one with "
            "fewer responds as all bins of its region together",
        ),
        concerns(*SURFACES),
    ] = 20.0

    def most(self, sample: str) -> int | None:
        """Largest number of events of a sample that are shifted; None: all."""
        return self.events.get(sample) if isinstance(self.events, dict) else self.events


class IntervalSettings(Section):
    """Intervals of parameters, from the profile likelihood of the fit that is quoted."""

    parameters: Annotated[
        tuple[str, ...],
        Field(description="parameters of the fit; none: the signal strength of interest"),
        concerns("interval"),
    ] = ()
    levels: Annotated[
        tuple[Probability, ...],
        Field(min_length=1, description="probabilities of the intervals"),
        concerns("interval"),
    ] = (0.6826894921370859, 0.95)

    @field_validator("levels")
    @classmethod
    def _once(cls, levels: tuple[float, ...]) -> tuple[float, ...]:
        if len(set(levels)) < len(levels):
            raise ValueError(f"{list(levels)}: give each level once")
        return levels


class CoverageSettings(Section):
    """Pseudo-experiments that count how often the intervals of the signal strength hold the truth.

    What is expected at a truth comes from the simulated events where surfaces describe the shifts:
    weighted by the ratio of intensities if the module knows it (`@exact_ratio`), else shifted. It
    comes from the fit's own model without surfaces.
    """

    truths: Annotated[
        int,
        Field(ge=0, description="number of truths that are drawn from the priors"),
        concerns("pseudo_experiments", "inference_figures"),
    ] = 100
    experiments: Annotated[
        int,
        Field(ge=2, description="number of pseudo-experiments of each of these"),
        concerns("pseudo_experiments"),
    ] = 10
    interest: Annotated[
        tuple[float, float],
        Field(description="range of the signal strength in them, drawn uniformly"),
        concerns("pseudo_experiments"),
    ] = (0.1, 3.0)
    fixed: Annotated[
        tuple[dict[Name, float], ...],
        Field(
            description="further truths, each with values of parameters of the fit by name; what "
            "is not named is nominal"
        ),
        concerns("pseudo_experiments"),
    ] = ()
    fixed_experiments: Annotated[
        int,
        Field(ge=2, description="number of pseudo-experiments of each of these"),
        concerns("pseudo_experiments"),
    ] = 200
    variations: Annotated[
        bool,
        Field(
            description="whether pseudo-experiments are fitted with variations at ±1 standard "
            "deviation as well, where there are surfaces in their place"
        ),
        concerns("pseudo_experiments"),
    ] = False
    jobs: Annotated[
        int, Field(ge=1, description="number of jobs that share the truths"), concerns("coverage")
    ] = 4

    @field_validator("interest")
    @classmethod
    def _rises(cls, interest: tuple[float, float]) -> tuple[float, float]:
        if not interest[0] < interest[1]:
            raise ValueError(f"{list(interest)}: the first end must be below the second")
        return interest

    @property
    def number(self) -> int:
        """Of all truths."""
        return self.truths + len(self.fixed)
