"""The comparison of selections, each fold read with what others taught: comparison.json."""

from typing import Annotated, NotRequired

from typing_extensions import TypedDict

from zenith.artefacts.codec import Lines
from zenith.artefacts.json_codec import JsonCodec
from zenith.artefacts.selection import Cost
from zenith.artefacts.taught import Division
from zenith.tables import measured, table


class Expected(TypedDict):
    """Expected significance of a selection, in standard deviations."""

    z: Annotated[float, "with all events, each read with the selection of its own fold"]
    error: Annotated[float, "of this, from a bootstrap of the events with the selections fixed"]
    learning: NotRequired[
        Annotated[
            float,
            "mean over folds on the events that taught it: shows overtraining, not to be quoted",
        ]
    ]


class Gain(TypedDict):
    """A difference of two significances with all events, and its error."""

    difference: Annotated[float, "in standard deviations"]
    error: Annotated[float, "paired: both see the same replicas"]


class ExpectedError(TypedDict):
    """Expected error of the signal strength at 1 of a selection: smaller is better."""

    mu_error: Annotated[float, "with all events, by the differentiable core"]
    error: Annotated[float, "of this, from the same bootstrap"]
    gain: NotRequired[Annotated[Gain, "less that of the initial selection"]]
    difference_to_rival: NotRequired[
        Annotated[Gain, "less that of boosted trees in categories, where there are any"]
    ]


class ByNumber(TypedDict):
    """Expected significance against a number of bins or categories."""

    numbers: Annotated[list[int], "of bins or categories, ascending"]
    z: Annotated[list[float], "of each, by the differentiable core"]
    configured: Annotated[int, "the number that is quoted"]


class Compared(TypedDict):
    """Significances and gains."""

    expected_significance: Annotated[dict[str, Expected], "by selection"]
    gain: Annotated[dict[str, Gain], "over the initial selection, by the others"]
    difference_to_rival: NotRequired[
        Annotated[dict[str, Gain], "to boosted trees in categories, by all, where there are any"]
    ]
    by_number: NotRequired[
        Annotated[
            dict[str, ByNumber],
            "of the efficient score in other numbers of bins, and of boosted trees in other "
            "numbers of categories, where there are any",
        ]
    ]
    expected_mu_error: NotRequired[
        Annotated[dict[str, ExpectedError], "by selection, where precision is the objective"]
    ]
    gain_of_edges: NotRequired[Annotated[Gain, "of moved bin edges over fixed ones, if some move"]]
    gain_of_categories: NotRequired[
        Annotated[Gain, "of climbed categories over the best ones of the network as it was trained"]
    ]
    soft_hard_gap_of_categories: NotRequired[
        Annotated[float, "where their climb ended, the largest of the folds"]
    ]
    thresholds: Annotated[
        dict[str, dict[str, list[float]]], "by selection and cut, one for each fold"
    ]


class Comparison(Compared):
    """All of comparison.json."""

    folds: Annotated[Division, "how events fall into folds"]
    soft_hard_gap: Annotated[float, "that of the climb, the largest of the folds"]
    cost: Annotated[dict[str, Cost], "of each selection that was searched for, all folds together"]
    cpu_seconds: NotRequired[
        Annotated[
            dict[str, float],
            "CPU time of all folds, by selection: of the networks that it reads and of finding it; "
            "where all of this was timed",
        ]
    ]


def spent(content: Comparison, name: str) -> float | None:
    """CPU seconds of a selection; None where they are not known."""
    cost = content["cost"].get(name)
    return content.get("cpu_seconds", {}).get(name, cost and cost["cpu_seconds"])


def _describe(content: Comparison) -> Lines:
    rows = []
    for name, found in content["expected_significance"].items():
        gain, cost = content["gain"].get(name), content["cost"].get(name)
        rows.append(
            [
                *(name, measured(found["z"], found["error"]), found.get("learning")),
                None if gain is None else measured(gain["difference"], gain["error"]),
                *(None if cost is None else cost["evaluations"], spent(content, name)),
            ]
        )
    yield table(
        ["selection", "Z", "on learning folds", "gain", "evaluations", "CPU time [s]"], rows
    )
    yield f"soft and hard cuts differ by {content['soft_hard_gap']:.2g} where the climbs ended"


COMPARISON = JsonCodec[Comparison](
    "comparison of selections",
    Comparison,
    "compare",
    lambda top: {"expected_significance", "gain", "cost"} <= top.keys() and "fit" not in top,
    _describe,
)
