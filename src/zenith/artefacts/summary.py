"""The one-page results of an analysis, and of a categorisation: summary.json."""

from collections.abc import Mapping
from typing import Annotated, NotRequired

from typing_extensions import TypedDict

from zenith.artefacts.categories import (
    ChosenNumber,
    Needs,
    NumberRow,
    ReferencePoint,
)
from zenith.artefacts.codec import Lines
from zenith.artefacts.comparison import ExpectedError, Gain
from zenith.artefacts.cutflow import RegionCutflow, region_table
from zenith.artefacts.fit import (
    Constraint,
    ExpectedStrength,
    GroupImpact,
    Impact,
    Parts,
    RegionYields,
    Significance,
    TemplateRepair,
    UpperLimit,
    yields_table,
)
from zenith.artefacts.inferred import Inferred
from zenith.artefacts.json_codec import JsonCodec
from zenith.artefacts.selection import Cost
from zenith.artefacts.taught import Division
from zenith.tables import flat, measured, pairs, table


class StepTime(TypedDict):
    """What a step took, over all its jobs."""

    jobs: Annotated[int, "that were measured"]
    wall_seconds: Annotated[float, "wall time"]
    cpu_seconds: Annotated[float, "CPU time"]
    max_rss_mb: Annotated[float, "largest memory of one, MB"]


class FreeNormalisation(TypedDict):
    """A factor that the fit determines."""

    value: Annotated[float, "best fit"]
    error: Annotated[float | None, "its error"]


class SummaryFit(TypedDict):
    """The quoted numbers of a fit."""

    mu: Annotated[float | None, "best fit of the signal strength; null where there is no signal"]
    mu_error: Annotated[float | None, "its error"]
    mu_parts: NotRequired[Annotated[Parts | None, "what the error is made of"]]
    expected: NotRequired[Annotated[ExpectedStrength | None, "of Asimov data with the signal"]]
    twice_nll: Annotated[float, "-2 ln of the likelihood at the best fit"]
    goodness_of_fit: Annotated[float | None, "p-value of the saturated model"]
    asimov: Annotated[bool, "whether Asimov data were fitted, because a region is blind"]
    reasons: NotRequired[Annotated[dict[str, str], "why something is null, by its place"]]
    free_normalisations: Annotated[dict[str, FreeNormalisation], "by the name of the parameter"]


class SummaryControl(TypedDict):
    """What open regions predict for blind ones."""

    regions: Annotated[list[str], "those that are open"]
    goodness_of_fit: Annotated[float | None, "p-value of the saturated model"]
    yields: Annotated[dict[str, RegionYields], "of the background, by region and process"]
    reasons: Annotated[dict[str, str], "why something is null, by its place"]


class NuisanceSummary(TypedDict):
    """A parameter that is not of interest, as the fit has it."""

    name: Annotated[str, "pyhf's name"]
    kind: Annotated[str, "`constrained`, `mc_statistics` or `free`"]
    value: Annotated[float, "best fit"]
    error: Annotated[float | None, "its error"]
    pull: Annotated[float | None, "shift from its prior in standard deviations of that"]
    constraint: Annotated[float | None, "its error over that of its prior"]
    expected_constraint: Annotated[float | None, "the same of Asimov data with the signal"]
    impact_up: Annotated[float | None, "on the signal strength at its best fit plus its error"]
    impact_down: Annotated[float | None, "on the signal strength at its best fit minus its error"]


class Labels(TypedDict):
    """What people call things, by the names that they have in this file."""

    processes: Annotated[dict[str, str], "of processes and of their sums"]
    regions: Annotated[dict[str, str], "of regions"]
    cuts: Annotated[dict[str, str], "of cuts, and of what is before any"]
    parameters: Annotated[dict[str, str], "of the parameters of the fit"]
    groups: Annotated[dict[str, str], "of the groups, by the names of their parameters"]


class SelectionSummary(TypedDict):
    """The results with one selection."""

    fit: Annotated[SummaryFit, "the fit of the workspace"]
    significance: Annotated[Significance, "discovery significance, in standard deviations"]
    upper_limit: Annotated[UpperLimit | None, "on the signal strength, if it was asked for"]
    yields: Annotated[dict[str, RegionYields], "by region and process, with `total` and `data`"]
    control_fit: Annotated[SummaryControl | None, "of the open regions, where some are"]
    ranking: Annotated[list[Impact], "the ten largest impacts"]
    nuisances: NotRequired[
        Annotated[list[NuisanceSummary], "all other parameters, by their largest impact"]
    ]
    groups: NotRequired[Annotated[list[GroupImpact], "of parameters, the dearest first"]]
    all_constrained: NotRequired[
        Annotated[GroupImpact | None, "the same of all parameters that have a constraint"]
    ]
    sanitised: Annotated[list[TemplateRepair], "bins of templates that were repaired"]
    constraints: Annotated[list[Constraint], "parameters that the data constrain"]
    cutflow: Annotated[dict[str, RegionCutflow], "by region"]


class Gains(TypedDict, total=False):
    """What an optimisation has brought, where one ran."""

    gain: Annotated[dict[str, Gain], "over the initial selection"]
    gain_of_edges: Annotated[Gain, "of moved bin edges over fixed ones, if some move"]
    expected_mu_error: Annotated[
        dict[str, ExpectedError],
        "by row of expected_significance, `default` among them, where precision is the objective",
    ]
    width_ratio: Annotated[
        dict[str, float],
        "expected error of the signal strength over statistics.least_error: `default` is what is "
        "quoted, `classifier` the regions as they are written, `efficient_score` the summary",
    ]
    gain_of_categories: Annotated[Gain, "of climbed categories over where they began"]
    cost: Annotated[dict[str, Cost], "by selection"]
    soft_hard_gap: Annotated[float, "relative, where the climbs ended: the largest of the folds"]
    soft_hard_gap_of_categories: Annotated[float, "of the climbed categories, likewise"]
    thresholds: Annotated[
        dict[str, dict[str, list[float]]], "by selection and cut, one for each fold"
    ]
    folds: Annotated[Division, "how events fall into folds"]


class Measurement(TypedDict):
    """What is measured, and what people call things."""

    title: NotRequired[Annotated[str | None, "what the analysis is"]]
    signal: NotRequired[Annotated[str, "label of the signal whose strength is measured"]]
    luminosity: NotRequired[Annotated[float, "of the data, in 1/fb"]]
    energy: NotRequired[Annotated[float, "of the collisions, in TeV"]]
    labels: NotRequired[Annotated[Labels, "of regions, processes, observables and parameters"]]


class Unseen(TypedDict, total=False):
    """What the efficient score does not know, where there is one."""

    left_out: Annotated[
        dict[str, list[int]], "nuisance parameters whose response is noise, with the folds"
    ]


class Results(SelectionSummary, Gains, Measurement, Unseen):
    """Results of an analysis: those that are quoted, and all."""

    quoted: Annotated[str, "the selection that is quoted"]
    expected_significance: Annotated[
        dict[str, dict[str, float | None]],
        "by selection, with all events: `z`, its `error`, and `learning` as in comparison.json; "
        "`default` is what is quoted",
    ]
    timing: Annotated[dict[str, StepTime], "by step"]
    selections: Annotated[dict[str, SelectionSummary], "of every selection"]
    versions: Annotated[dict[str, str], "of the libraries that results depend on"]


class Training(TypedDict):
    """The categories on the events that they were found with."""

    yields: Annotated[dict[str, list[float]], "`background` and signals by label, by category"]
    relative_uncertainties: Annotated[list[float | None], "of the background"]
    meets_requirements: Annotated[list[bool], "by category"]


class CategoryResults(Training):
    """Results of a categorisation; its yields are those of unseen events."""

    chosen: Annotated[NumberRow, "the number of categories that is quoted"]
    knee: Annotated[ChosenNumber, "why this number"]
    scan: Annotated[list[NumberRow], "all numbers"]
    references: Annotated[dict[str, list[ReferencePoint]], "rivals by name"]
    signal_labels: Annotated[list[int], "labels of the signals"]
    requirements: Annotated[Needs, "of every category"]
    training: Annotated[Training, "the same on the events that they were found with"]
    notes: Annotated[list[str], "what was met on the way"]
    timing: Annotated[dict[str, StepTime], "by step"]
    versions: Annotated[dict[str, str], "of the libraries that results depend on"]


class Categorised(TypedDict, total=False):
    """Beside the fit, where categories are asked for."""

    categories: Annotated[CategoryResults, "categories of a region"]


class Summary(Results, Categorised, Inferred):
    """summary.json of an analysis."""

    analysis: Annotated[str, "its name"]


class CategorySummary(CategoryResults):
    """summary.json of a categorisation."""

    categorisation: Annotated[str, "its name"]


def timing_table(times: Mapping[str, StepTime]) -> str:
    """The steps and their sum, as Markdown."""
    if not times:
        return "Nothing was measured: the steps were not run by the workflow."
    rows = [
        (step, t["jobs"], t["wall_seconds"], t["cpu_seconds"], t["max_rss_mb"])
        for step, t in times.items()
    ]
    _, jobs, wall, cpu, memory = zip(*rows, strict=True)
    rows.append(("all", sum(jobs), sum(wall), sum(cpu), max(memory)))
    return table(
        ["step", "jobs", "wall time [s]", "CPU time [s]", "largest memory [MB]"],
        [[step, number, *(f"{x:.1f}" for x in rest)] for step, number, *rest in rows],
    )


def _describe(content: Summary) -> Lines:
    fit, expected = content["fit"], content["expected_significance"]
    mu = "none" if fit["mu"] is None else measured(fit["mu"], fit["mu_error"])
    yield pairs(
        {
            **{"analysis": content["analysis"], "quoted cuts": content["quoted"], "μ": mu},
            **{f"significance, {k}": v for k, v in content["significance"].items()},
            **{f"upper limit, {k}": v for k, v in (content["upper_limit"] or {}).items()},
        }
    )
    columns = list(dict.fromkeys(key for found in expected.values() for key in found))
    rows = [[name, *(found.get(key) for key in columns)] for name, found in expected.items()]
    yield table(["expected significance", *columns], rows)
    for region, yields in content["yields"].items():
        yield f"{region}\n\n{yields_table(yields)}"
    for region, flow in content["cutflow"].items():
        yield f"{region}\n\n{region_table(flow)}"
    yield timing_table(content["timing"])


def _describe_categories(content: CategorySummary) -> Lines:
    yield pairs({"categorisation": content["categorisation"], **dict(flat(content["chosen"]))})
    rows = [
        [
            row["asked"],
            row["categories"],
            row["train"],
            measured(row["unseen"], row["unseen_error"]),
        ]
        for row in content["scan"]
    ]
    yield table(["asked", "found", "Z, training", "Z, unseen"], rows)
    yield from content["notes"]
    yield timing_table(content["timing"])


SUMMARY = JsonCodec[Summary](
    "summary", Summary, "summary", lambda top: {"analysis", "selections"} <= top.keys(), _describe
)
CATEGORY_SUMMARY = JsonCodec[CategorySummary](
    "summary of categories",
    CategorySummary,
    "summary",
    lambda top: {"categorisation", "chosen"} <= top.keys(),
    _describe_categories,
)
