"""The results of the quoted fit: fit.json. What could not be had is null, and `reasons` say why."""

from collections.abc import Mapping
from typing import Annotated, NotRequired, cast

from typing_extensions import TypedDict

from zenith.artefacts.codec import Lines
from zenith.artefacts.json_codec import JsonCodec
from zenith.tables import measured, pairs, table

Number = float | None


class Parameter(TypedDict):
    """One parameter of the model."""

    name: Annotated[str, "pyhf's name"]
    kind: Annotated[str, "`signal_strength`, `constrained`, `mc_statistics`, `free` or `fixed`"]
    prefit_value: Annotated[float, "before the fit"]
    prefit_error: Annotated[Number, "standard deviation of its constraint; null without one"]
    value: Annotated[float, "best fit"]
    error: Annotated[Number, "from the Hessian; null on a bound"]
    expected_error: NotRequired[
        Annotated[Number, "the same for Asimov data at signal strength 1; null where unknown"]
    ]
    at_bound: NotRequired[Annotated[bool, "whether the best fit is on a bound of the parameter"]]


class Correlation(TypedDict):
    """Of all parameters."""

    names: Annotated[list[str], "of the rows and columns"]
    matrix: Annotated[list[list[float]], "coefficients"]


class Significance(TypedDict):
    """Discovery significance, sqrt(q0)."""

    expected: Annotated[Number, "of the Asimov data at signal strength 1"]
    observed: Annotated[Number, "of the data; null while a region is blind"]


class UpperLimit(TypedDict):
    """Upper limit on the signal strength, by CLs."""

    level: Annotated[float, "confidence level"]
    observed: Annotated[Number, "of the data"]
    expected: Annotated[list[Number], "without signal: at -2, -1, 0, 1, 2 standard deviations"]


class Parts(TypedDict):
    """What the error of the signal strength is made of; its square is the sum of the squares."""

    statistical: Annotated[float, "of the data: all constrained parameters at their best fit"]
    systematic: Annotated[float, "from constrained parameters, without simulated statistics"]
    simulation: Annotated[float, "from the number of simulated events"]


class ExpectedStrength(TypedDict):
    """What Asimov data at signal strength 1 say of the signal strength."""

    mu_error: Annotated[Number, "its error"]
    mu_parts: Annotated[Parts | None, "what the error is made of"]


class Impact(TypedDict):
    """How far the signal strength moves where a parameter is held.

    Of simulated statistics to first order, by the covariance of the fit.
    """

    name: Annotated[str, "of the parameter"]
    impact_up: Annotated[Number, "at its best fit plus its error"]
    impact_down: Annotated[Number, "at its best fit minus its error"]
    prefit_impact_up: Annotated[Number, "at its best fit plus the width of its constraint"]
    prefit_impact_down: Annotated[Number, "at its best fit minus the width of its constraint"]


class GroupImpact(TypedDict):
    """What some parameters cost together: what would be gained if they were known exactly."""

    parameters: Annotated[list[str], "of the group"]
    impact: Annotated[Number, "on the signal strength: the quadratic difference of its errors"]
    expected_impact: Annotated[Number, "the same of Asimov data at signal strength 1"]
    significance: Annotated[Number, "expected significance if they were known exactly"]
    gain: Annotated[Number, "the same less the expected significance"]


class Scan(TypedDict):
    """The likelihood against the signal strength."""

    mu: Annotated[list[float], "signal strengths"]
    delta_twice_nll: Annotated[list[Number], "-2 ln of the likelihood over that of the best fit"]


class Yield(TypedDict):
    """Expected events of a process in a region."""

    prefit: Annotated[float, "before the fit"]
    prefit_error: Annotated[Number, "its uncertainty"]
    postfit: Annotated[float, "after it"]
    postfit_error: Annotated[Number, "its uncertainty"]


RegionYields = dict[str, Yield | float | None]
"""By process, and of their sums, `total_background` and `total`; `data` is observed, or null."""


def total(yields: RegionYields) -> Yield:
    """That of all processes together."""
    return cast(Yield, yields["total"])


class RegionTemplates(TypedDict):
    """The bins of the fit observable of a region."""

    edges: Annotated[list[float], "of the bins"]
    observable: Annotated[str, "the fit observable"]
    prefit: Annotated[dict[str, list[float] | None], "by process; `error` of their sum"]
    postfit: Annotated[dict[str, list[float] | None], "the same after the fit"]
    data: Annotated[list[float] | None, "observed events"]


class Predictions(TypedDict):
    """What a model predicts."""

    yields: Annotated[dict[str, RegionYields], "by region and process, with `total` and `data`"]
    templates: Annotated[dict[str, RegionTemplates], "by region, bin by bin"]


class ControlFit(Predictions):
    """The background, fitted to the open regions alone, and what it predicts in the others."""

    regions: Annotated[list[str], "those that are open"]
    twice_nll: Annotated[float, "-2 ln of the likelihood at the best fit"]
    goodness_of_fit: Annotated[Number, "p-value of the saturated model"]
    parameters: Annotated[list[Parameter], "of the background model"]
    reasons: Annotated[dict[str, str], "why something is null, by its place"]


class Constraint(TypedDict):
    """A nuisance parameter that ends well below its prior."""

    name: Annotated[str, "of the nuisance parameter"]
    error: Annotated[float, "after the fit, over that of its prior"]
    share: Annotated[Number, "of the information on it that is noise of the simulation"]
    without: Annotated[Number, "the error without that share"]
    message: Annotated[str, "the same in words"]


class TemplateRepair(TypedDict):
    """A bin of a template that a fit could not digest."""

    channel: Annotated[str, "region"]
    sample: Annotated[str, "process"]
    variation: Annotated[str, "`nominal`, or nuisance parameter and side"]
    bin: Annotated[int, "from 0"]
    before: Annotated[float, "expected events"]
    after: Annotated[float, "expected events in the fit"]
    reason: Annotated[str, "why it was repaired"]


class Pruned(TypedDict):
    """What is too small an effect to be in the workspace."""

    name: Annotated[str, "of the nuisance parameter"]
    channel: Annotated[str, "region"]
    sample: Annotated[str, "process"]
    effect: Annotated[float, "its largest relative effect"]


class Deviation(TypedDict):
    """How far variations at ±1 standard deviation are from the surface at one point."""

    parameters: Annotated[
        dict[str, float], "nuisance parameters that are not nominal, in standard deviations"
    ]
    largest: Annotated[float, "relative deviation of the events in the bin where it is largest"]
    channel: Annotated[str, "where that is"]
    bin: Annotated[int, "of the channel, from 0"]
    significance: Annotated[
        float, "root of Σ (difference)² / expected: in standard deviations of the counts"
    ]


class SurfaceFit(TypedDict):
    """Response surfaces in place of variations at ±1 standard deviation."""

    nuisances: Annotated[list[str], "the nuisance parameters that they describe"]
    points: Annotated[int, "to which events were shifted and polynomials fitted"]
    unseen: Annotated[int, "further points, which judge them"]
    chi2: Annotated[float, "sum of the squared pulls at these"]
    number: Annotated[int, "of these pulls"]
    mu_error: Annotated[Number, "of Asimov data at signal strength 1, in the fit with surfaces"]
    significance: Annotated[Number, "expected of a discovery, in the fit with surfaces"]
    deviations: Annotated[list[Deviation], "of the workspace, which has variations instead"]


class WithSurface(TypedDict):
    """What there is besides where the analysis has surfaces."""

    surface: NotRequired[Annotated[SurfaceFit, "response surfaces, where the analysis has them"]]


class FitResult(Predictions):
    """What `fit` finds of the likelihood."""

    mu: Annotated[Number, "best fit of the signal strength; null where there is no signal"]
    mu_error: Annotated[Number, "its error"]
    mu_parts: NotRequired[Annotated[Parts | None, "what the error is made of"]]
    expected: NotRequired[Annotated[ExpectedStrength | None, "of Asimov data with the signal"]]
    asimov: Annotated[bool, "whether Asimov data were fitted, because a region is blind"]
    twice_nll: Annotated[float, "-2 ln of the likelihood at the best fit"]
    goodness_of_fit: Annotated[Number, "p-value of the saturated model"]
    parameters: Annotated[list[Parameter], "in the order of the model"]
    correlation: Annotated[Correlation | None, "of the parameters"]
    significance: Annotated[Significance, "discovery significance, in standard deviations"]
    upper_limit: Annotated[UpperLimit | None, "on the signal strength, if it was asked for"]
    ranking: Annotated[list[Impact], "impacts on the signal strength, the largest first"]
    groups: NotRequired[Annotated[list[GroupImpact], "of nuisance parameters, the dearest first"]]
    all_constrained: NotRequired[
        Annotated[GroupImpact | None, "the same of all parameters that have a constraint"]
    ]
    scan: Annotated[Scan | None, "of the likelihood, if it was asked for"]
    reasons: NotRequired[Annotated[dict[str, str], "why something is null, by its place"]]


class Fit(FitResult, WithSurface):
    """All of fit.json."""

    control_fit: NotRequired[Annotated[ControlFit | None, "of the open regions, where some are"]]
    constraints: NotRequired[Annotated[list[Constraint], "parameters that the data constrain"]]
    sanitised: NotRequired[Annotated[list[TemplateRepair], "bins that were repaired"]]
    pruned: NotRequired[Annotated[list[Pruned], "effects left out of the workspace as too small"]]


def yields_table(yields: RegionYields, labels: Mapping[str, str] | None = None) -> str:
    """Before and after the fit, by process, as Markdown; the data once they are known.

    `labels` are the names of processes, and of their sums, for people.
    """
    labels = labels or {}
    rows: list[list[str]] = []
    for name, entry in yields.items():
        if isinstance(entry, dict):
            stages = (
                measured(entry["prefit"], entry["prefit_error"]),
                measured(entry["postfit"], entry["postfit_error"]),
            )
            rows.append([labels.get(name, name), *stages])
        elif entry is not None:
            rows.append([labels.get(name, name), f"{entry:.0f}", f"{entry:.0f}"])
    return table(["process", "before the fit", "after the fit"], rows)


def _describe(content: Fit) -> Lines:
    about = {k: content.get(k) for k in ("goodness_of_fit", "twice_nll", "asimov")}
    yield pairs(
        {
            "μ": "none" if content["mu"] is None else measured(content["mu"], content["mu_error"]),
            **{f"error of μ, {k}": v for k, v in (content.get("mu_parts") or {}).items()},
            **{
                f"significance, {k}": v for k, v in content["significance"].items() if v is not None
            },
            **{f"upper limit, {k}": v for k, v in (content["upper_limit"] or {}).items()},
            **about,
        }
    )
    rows = [[p["name"], p["value"], p["error"]] for p in content["parameters"]]
    yield table(["parameter", "value", "error"], rows)
    if content["ranking"]:
        ranked = [[r["name"], r["impact_up"], r["impact_down"]] for r in content["ranking"]]
        yield table(["impact on μ", "+1 σ", "−1 σ"], ranked)
    if groups := content.get("groups"):
        rows = [
            [
                _some(g["parameters"]),
                g["impact"],
                g["expected_impact"],
                g["significance"],
                g["gain"],
            ]
            for g in groups
        ]
        yield table(["known exactly", "impact on μ", "expected", "expected Z", "gain"], rows)
    if reasons := content.get("reasons"):
        yield table(["not available", "why"], reasons.items(), left=2)
    for region, yields in content["yields"].items():
        yield f"{region}\n\n{yields_table(yields)}"


def _some(names: list[str]) -> str:
    """The first three, and how many there are."""
    return ", ".join(names[:3]) + (f", … ({len(names)})" if len(names) > 3 else "")


FIT = JsonCodec[Fit](
    "result of a fit", Fit, "fit", lambda t: {"mu", "parameters"} <= t.keys(), _describe
)
