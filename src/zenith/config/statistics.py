"""The statistical model and the figures."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from zenith.config.base import Fraction, Name, Positive, Section
from zenith.config.marks import concerns
from zenith.config.steps import DRAWN, MODEL, NAMED


class FreeNormalisation(Section):
    """A factor on the yields of processes without a constraint; a list is its `processes` alone."""

    processes: Annotated[
        tuple[Name, ...], Field(description="processes that the factor multiplies")
    ]
    label: Annotated[
        str | None,
        Field(description="name on figures; default: by the labels of the processes"),
        concerns(*NAMED),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, data: Any) -> Any:
        return {"processes": data} if isinstance(data, list | tuple) else data


class Statistics(Section):
    """How histograms become a model, and what is asked of it."""

    signal_strength: Annotated[
        Name,
        Field(description="name of the parameter of interest"),
        concerns(*MODEL, "efficient_score_figures", "inference_figures"),
    ] = "mu"
    signal_strengths: Annotated[
        dict[Name, Annotated[tuple[Name, ...], Field(min_length=1)]],
        Field(
            description="signal processes that each strength multiplies, by its name; of several "
            "signals, one that is not listed has its own, `{signal_strength}_{process}`; default: "
            "of one signal, `signal_strength`"
        ),
        concerns(*MODEL, "efficient_score_figures"),
    ] = {}
    signal_bounds: Annotated[
        tuple[float, float],
        Field(description="bounds of the signal strengths in the fit"),
        concerns(*MODEL),
    ] = (-5.0, 10.0)
    free_normalisations: Annotated[
        dict[Name, FreeNormalisation],
        Field(description="free factors on the yields of processes, by name"),
        concerns(*MODEL, "efficient_score_figures"),
    ] = {}
    mc_statistics: Annotated[
        bool,
        Field(
            description="whether each bin has a nuisance parameter for the number of "
            "simulated events"
        ),
        concerns(*MODEL),
    ] = True
    mc_statistics_of_signals: Annotated[
        bool,
        Field(description="whether the simulated events of signals count there as well"),
        concerns(*MODEL),
    ] = False
    prune: Annotated[
        Fraction,
        Field(description="relative size below which, in every bin, a variation is left out"),
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
            description="whether data are neither filled nor drawn nor fitted, but in regions with "
            "`blind: false`; while a region of the fit is blind, its results are expected ones"
        ),
        concerns("histogram", "fit", "figures", "inference_figures"),
    ] = False
    least_error: Annotated[
        Positive | None,
        Field(
            description="smallest error of the signal strength that any analysis of the events can "
            "have, where it is known: results are also quoted over it"
        ),
        concerns("summary", "inference_figures"),
    ] = None
    ranking: Annotated[
        bool,
        Field(description="whether to compute the impacts of nuisance parameters and their groups"),
        concerns("fit"),
    ] = True
    scan_points: Annotated[
        int, Field(ge=0, description="number of points of the likelihood scan"), concerns("fit")
    ] = 21
    upper_limit: Annotated[
        bool,
        Field(description="whether to compute the 95 % CLs limit on the strength"),
        concerns("fit"),
    ] = True
    bootstrap: Annotated[
        int,
        Field(ge=0, description="number of bootstrap replicas for the error of Z"),
        concerns("compare"),
    ] = 200


class Plotting(Section):
    """What is drawn, and how."""

    formats: Annotated[
        tuple[Literal["png", "pdf"], ...],
        Field(min_length=1, description="file formats of each figure"),
        concerns(*DRAWN),
    ] = ("png", "pdf")
    observables: Annotated[
        tuple[str, ...],
        Field(description="observables to draw in every region"),
        concerns("histogram"),
    ] = ()
    experiment: Annotated[
        str, Field(description="experiment's name on each figure"), concerns(*DRAWN)
    ] = "Zenith"
    status: Annotated[
        str, Field(description="text after the experiment's name"), concerns(*DRAWN)
    ] = "simulation"
    energy: Annotated[
        Positive, Field(description="centre-of-mass energy in TeV"), concerns(*DRAWN, "summary")
    ] = 13.0
    signal_scale: Annotated[
        Positive, Field(description="factor on the drawn signal"), concerns("figures")
    ] = 1.0
