"""Cutflows: what is left after each cut, of a file that is skimmed and of the regions of a fit."""

from collections.abc import Mapping
from typing import Annotated, Any, NotRequired

from typing_extensions import TypedDict

from zenith.artefacts.codec import Lines
from zenith.artefacts.json_codec import JsonCodec
from zenith.tables import pairs, table


class SkimStep(TypedDict):
    """One cut of a skim."""

    cut: Annotated[str, "the cut, or the requirement on flat branches"]
    events: Annotated[int, "events after it and those before it"]
    sum_weights: Annotated[float, "their sum of genWeight; of 1 for data"]


class SkimCutflow(TypedDict):
    """Of one file, before and after every cut of the skim."""

    sample: Annotated[str, "name of the sample"]
    file: Annotated[str, "the file that was skimmed"]
    uuid: NotRequired[Annotated[str, "ROOT's identifier of it"]]
    events: Annotated[int, "events in it"]
    sum_weights: NotRequired[Annotated[float, "their sum of genWeight; of 1 for data"]]
    steps: Annotated[list[SkimStep], "the cuts in order"]


ProcessCutflow = TypedDict(
    "ProcessCutflow",
    {
        "events": Annotated[list[int], "events before any cut and after each, without weights"],
        "yield": Annotated[list[float], "expected events"],
        "error": NotRequired[Annotated[list[float], "root of the sum of squared weights"]],
    },
)


class RegionCutflow(TypedDict):
    """Of one region, by process."""

    cuts: Annotated[list[str], "`all columns`, then the cuts in order"]
    processes: Annotated[dict[str, ProcessCutflow], "by process, one number for each cut"]


Cutflow = dict[str, RegionCutflow]
"""By region."""


def region_table(region: RegionCutflow) -> str:
    """Expected yields of one region as a Markdown table, with events in brackets."""
    processes = region["processes"]
    rows = [
        [cut, *(f"{p['yield'][i]:.5g} ({p['events'][i]})" for p in processes.values())]
        for i, cut in enumerate(region["cuts"])
    ]
    return table(["cut", *processes], rows)


def _describe(content: Cutflow) -> Lines:
    for region, flow in content.items():
        yield f"{region}\n\n{region_table(flow)}"


def _describe_skim(content: SkimCutflow) -> Lines:
    yield pairs({key: value for key, value in content.items() if key != "steps"})
    rows = [[s["cut"], s["events"], f"{s['sum_weights']:.10g}"] for s in content["steps"]]
    yield table(["cut", "events", "sum of weights"], rows)


def _holds(top: Mapping[str, Any]) -> bool:
    regions = [value for key, value in top.items() if key != "provenance"]
    return bool(regions) and all(isinstance(r, Mapping) and "cuts" in r for r in regions)


CUTFLOW = JsonCodec[Cutflow]("cutflow of regions", Cutflow, "histogram", _holds, _describe)
SKIM_CUTFLOW = JsonCodec[SkimCutflow](
    "cutflow of a skim",
    SkimCutflow,
    "skim",
    lambda top: {"sample", "steps"} <= top.keys(),
    _describe_skim,
)
