"""The comparison of selections on events that no choice was made with: comparison.json."""

from typing import Annotated, NotRequired

from typing_extensions import TypedDict

from zenith.artefacts.codec import Lines
from zenith.artefacts.json_codec import JsonCodec
from zenith.artefacts.selection import Cost
from zenith.tables import measured, table


class Expected(TypedDict):
    """Expected significance of a selection, by part of the events, in standard deviations."""

    train: Annotated[float, "on the events of the climb"]
    validate: Annotated[float, "on those that its step was chosen with"]
    test: Annotated[float, "on those that no choice was made with: what is quoted"]
    test_error: Annotated[float, "of this, from a bootstrap of the simulated events"]


class Gain(TypedDict):
    """A difference of two significances on the test events, and its error."""

    difference: Annotated[float, "in standard deviations"]
    error: Annotated[float, "paired: both see the same replicas"]


class Compared(TypedDict):
    """Significances and gains."""

    expected_significance: Annotated[dict[str, Expected], "by selection"]
    gain: Annotated[dict[str, Gain], "over the initial selection, by the others"]
    gain_of_edges: NotRequired[Annotated[Gain, "of moved bin edges over fixed ones, if some move"]]


class Comparison(Compared):
    """All of comparison.json."""

    soft_hard_gap: Annotated[float, "that of the climb, from optimised.json"]
    cost: Annotated[dict[str, Cost], "of each selection that was searched for"]


def _describe(content: Comparison) -> Lines:
    rows = []
    for name, found in content["expected_significance"].items():
        gain, cost = content["gain"].get(name), content["cost"].get(name)
        rows.append(
            [
                *(name, found["train"], found["validate"]),
                measured(found["test"], found["test_error"]),
                None if gain is None else measured(gain["difference"], gain["error"]),
                *((None, None) if cost is None else (cost["evaluations"], cost["seconds"])),
            ]
        )
    header = ["selection", "train", "validate", "test", "gain on test", "evaluations", "seconds"]
    yield table(header, rows)
    yield f"soft and hard cuts differ by {content['soft_hard_gap']:.2g} where the climb ended"


COMPARISON = JsonCodec[Comparison](
    "comparison of selections",
    Comparison,
    "compare",
    lambda top: {"expected_significance", "gain", "cost"} <= top.keys() and "fit" not in top,
    _describe,
)
