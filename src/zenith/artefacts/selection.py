"""Selections: the thresholds, bin edges and networks that a climb or a search ends with."""

from typing import Annotated, Any, NotRequired

from typing_extensions import TypedDict

from zenith.artefacts.codec import Lines
from zenith.artefacts.json_codec import JsonCodec
from zenith.artefacts.taught import Division, Taught
from zenith.tables import flat, pairs, table


class Selection(TypedDict):
    """What other steps read of a selection; a file with no more than the first three keys can be
    written by hand, and is for all folds.
    """

    thresholds: NotRequired[Annotated[dict[str, float], "of the tunable cuts, by name"]]
    edges: NotRequired[Annotated[dict[str, list[float]], "of the fit, by region, where they moved"]]
    networks: NotRequired[Annotated[dict[str, str], "files of moved networks, from its folder"]]
    fold: NotRequired[Annotated[int, "that it reads, from 0"]]
    folds: NotRequired[Annotated[Division, "how events fall into folds"]]
    taught_by: NotRequired[Annotated[list[int], "folds whose events taught it"]]


class Cost(TypedDict):
    """What it took to find."""

    evaluations: Annotated[int, "evaluations of the objective"]
    seconds: Annotated[float, "wall time"]
    cpu_seconds: Annotated[float, "CPU time"]


class KeptStep(TypedDict):
    """Which step of a climb was kept."""

    start: Annotated[int, "number of the start, from 0"]
    step: Annotated[int, "number of the step"]
    validate: Annotated[float, "objective with hard cuts on the validation events"]


class Climb(Cost, Taught):
    """What `zenith optimise` writes: a selection, and how it was found."""

    thresholds: Annotated[dict[str, float], "of the tunable cuts, by name"]
    edges: NotRequired[Annotated[dict[str, list[float]], "of the fit, by region, where they moved"]]
    networks: Annotated[dict[str, str], "files of moved networks, from its folder"]
    initial: Annotated[dict[str, float], "thresholds of the configuration"]
    bounds: Annotated[dict[str, list[float]], "of the thresholds"]
    kept: Annotated[KeptStep, "the step that is kept"]
    soft_hard_gap: Annotated[float, "relative difference of the soft and hard objective there"]
    rejected: NotRequired[Annotated[int, "steps whose objective could not be evaluated"]]


class Trial(TypedDict):
    """Thresholds that were tried."""

    thresholds: Annotated[dict[str, float], "by name"]
    value: Annotated[float, "objective with hard cuts on the events of the climb"]
    validation: Annotated[float, "on the validation events"]


class KeptTrial(TypedDict):
    """What the trial that is kept is worth."""

    validate: Annotated[float, "objective with hard cuts on the validation events"]


class Search(Cost, Taught):
    """What `zenith search` writes: thresholds, and how they were found."""

    method: Annotated[str, "`tpe` or `cma_es`"]
    thresholds: Annotated[dict[str, float], "of the tunable cuts, by name"]
    kept: Annotated[KeptTrial, "the trial that is kept"]
    trials: Annotated[list[Trial], "all whose objective is finite, in order"]


def _describe(content: Selection) -> Lines:
    yield pairs(dict(flat(content)))


def _describe_climb(content: Climb) -> Lines:
    rows = [
        [
            *(name, content["initial"].get(name), value),
            " to ".join(f"{end:g}" for end in content["bounds"].get(name, [])),
        ]
        for name, value in content["thresholds"].items()
    ]
    yield table(["cut", "initial", "threshold", "bounds"], rows)
    yield _rest(content, "thresholds", "initial", "bounds")


def _describe_search(content: Search) -> Lines:
    yield table(["cut", "threshold"], content["thresholds"].items())
    yield _rest(content, "thresholds", "trials")


def _rest(content: Any, *shown: str) -> str:
    return pairs(dict(flat({key: value for key, value in content.items() if key not in shown})))


SELECTION = JsonCodec[Selection](
    "selection",
    Selection,
    "optimise",
    lambda top: "thresholds" in top and not {"kept", "expected_significance"} & top.keys(),
    _describe,
)
CLIMB = JsonCodec[Climb](
    "result of a climb",
    Climb,
    "optimise",
    lambda top: {"kept", "soft_hard_gap"} <= top.keys(),
    _describe_climb,
)
SEARCH = JsonCodec[Search](
    "result of a search",
    Search,
    "search",
    lambda top: {"thresholds", "trials"} <= top.keys(),
    _describe_search,
)
