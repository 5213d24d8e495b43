"""The statistical model and the figures."""

from typing import Annotated, Literal

from pydantic import Field

from zenith.config.base import Fraction, Name, Positive, Section
from zenith.config.marks import concerns
from zenith.config.steps import DRAWN, MODEL


class Statistics(Section):
    """How histograms become a model, and what is asked of it."""

    signal_strength: Annotated[
        Name, Field(description="name of the parameter of interest"), concerns(*MODEL)
    ] = "mu"
    signal_strengths: Annotated[
        dict[Name, Annotated[tuple[Name, ...], Field(min_length=1)]],
        Field(
            description="strength: the signal processes that it multiplies; of several signals, "
            "one that is not listed has its own, `{signal_strength}_{process}`; default: of one "
            "signal, `signal_strength`"
        ),
        concerns(*MODEL),
    ] = {}
    signal_bounds: Annotated[
        tuple[float, float],
        Field(description="bounds of the signal strengths in the fit"),
        concerns(*MODEL),
    ] = (-5.0, 10.0)
    free_normalisations: Annotated[
        dict[Name, tuple[Name, ...]],
        Field(description="free factor: the processes that it multiplies"),
        concerns(*MODEL),
    ] = {}
    mc_statistics: Annotated[
        bool,
        Field(description="one nuisance per bin for the number of simulated events"),
        concerns(*MODEL),
    ] = True
    mc_statistics_of_signals: Annotated[
        bool,
        Field(description="the simulated events of signals count there as well"),
        concerns(*MODEL),
    ] = False
    prune: Annotated[
        Fraction,
        Field(description="a variation below this, relative, in every bin is left out"),
        concerns(*MODEL),
    ] = 0.0
    minimum_yield: Annotated[
        Positive | None,
        Field(
            description="floor of the expected background in a bin of the fit, in events; "
            "default: what one simulated event stands for, as an empty bin proves no less"
        ),
        concerns(*MODEL),
    ] = None
    blind: Annotated[
        bool,
        Field(
            description="no data are filled, drawn or fitted, but in regions with `blind: false`; "
            "while a region of the fit is blind, its results are expected ones"
        ),
        concerns("histogram", "fit", "figures"),
    ] = False
    ranking: Annotated[
        bool, Field(description="impact of each nuisance parameter"), concerns("fit")
    ] = True
    scan_points: Annotated[
        int, Field(ge=0, description="points of the likelihood scan"), concerns("fit")
    ] = 21
    upper_limit: Annotated[
        bool, Field(description="95 % CLs limit on the strength"), concerns("fit")
    ] = True
    bootstrap: Annotated[
        int, Field(ge=0, description="replicas for the error of Z"), concerns("compare")
    ] = 200


class Plotting(Section):
    """What is drawn, and how."""

    formats: Annotated[
        tuple[Literal["png", "pdf"], ...],
        Field(min_length=1, description="of each figure"),
        concerns(*DRAWN),
    ] = ("png", "pdf")
    observables: Annotated[
        tuple[str, ...], Field(description="drawn in every region"), concerns("histogram")
    ] = ()
    experiment: Annotated[str, Field(description="name on each figure"), concerns(*DRAWN)] = (
        "Zenith"
    )
    status: Annotated[str, Field(description="text after the name"), concerns(*DRAWN)] = (
        "simulation"
    )
    energy: Annotated[
        Positive, Field(description="centre-of-mass energy in TeV"), concerns(*DRAWN)
    ] = 13.0
    signal_scale: Annotated[
        Positive, Field(description="the drawn signal is scaled by this"), concerns("figures")
    ] = 1.0
