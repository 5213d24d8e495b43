"""The efficient score of one fold: what was projected away, and what is left."""

from typing import Annotated, NotRequired

from typing_extensions import TypedDict

from zenith.artefacts.codec import Lines
from zenith.artefacts.json_codec import JsonCodec
from zenith.artefacts.taught import Taught
from zenith.tables import pairs, table


class Projected(TypedDict):
    """A nuisance parameter of the projection."""

    coefficient: Annotated[float, "of its score; 0 where it is left out"]
    projected: Annotated[float, "the same before it was tuned"]
    cost: Annotated[float, "information on the signal strength that knowing it would add"]
    significance: Annotated[
        float | None,
        "standard deviations by which a learned response is seen; null for one that changes rates",
    ]


class Tuning(TypedDict):
    """What tuned coefficients gain where they were tuned: of the objective, hard bins."""

    before: Annotated[float, "with the projected coefficients"]
    after: Annotated[float, "with those that are written"]


class Cells(TypedDict):
    """Cells by the score of a nuisance parameter."""

    nuisance: Annotated[str, "nuisance parameter whose score divides the events"]
    borders: Annotated[list[float], "of its score, between the cells"]


class ClosureOfScore(TypedDict):
    """Events of the fold itself at points that taught nothing, against reweighted nominal ones."""

    chi2: Annotated[float, "over the bins of the score and the points"]
    number: Annotated[int, "of bins and points"]


class EfficientScore(Taught):
    """What `zenith efficient_score` writes beside the score itself."""

    network: Annotated[str, "network whose class ratios it is made of"]
    parameters: Annotated[dict[str, Projected], "by nuisance parameter"]
    left_out: Annotated[list[str], "nuisance parameters whose response is noise"]
    information: Annotated[float, "on the signal strength, all of them profiled: 1 / σ²"]
    unprofiled_information: Annotated[float, "on the signal strength, were all of them known"]
    tuning: Annotated[Tuning | None, "on the validation fold; null if coefficients are not tuned"]
    kept: Annotated[float, "share of the information that the bins keep"]
    closure: NotRequired[Annotated[ClosureOfScore, "where responses are learned by networks"]]
    cells: Annotated[Cells | None, "null if there is one cell of all events"]
    edges: Annotated[
        list[list[float]], "of the bins of each cell, from the lowest to the highest score"
    ]
    cpu_seconds: Annotated[float, "CPU time, without that of the responses and of the network"]
    cpu_seconds_of_responses: NotRequired[Annotated[float, "CPU time of the step `response`"]]


def _describe(content: EfficientScore) -> Lines:
    yield table(
        ["nuisance parameter", "projected", "coefficient", "information it costs", "seen by [σ]"],
        [
            [name, one["projected"], one["coefficient"], one["cost"], one["significance"]]
            for name, one in content["parameters"].items()
        ],
    )
    yield pairs(
        {
            "fold": content["fold"],
            "expected error of the signal strength": content["information"] ** -0.5,
            "the same without nuisance parameters": content["unprofiled_information"] ** -0.5,
            "information that the bins keep": content["kept"],
            **_cells(content),
            "left out": ", ".join(content["left_out"]) or "none",
            **_closure(content),
        }
    )


def _cells(content: EfficientScore) -> dict[str, str]:
    found = content["cells"]
    return {} if found is None else {"cells by the score of": found["nuisance"]}


def _closure(content: EfficientScore) -> dict[str, float]:
    found = content.get("closure")
    return {"χ²/n at points held out": found["chi2"] / max(found["number"], 1)} if found else {}


EFFICIENT_SCORE = JsonCodec[EfficientScore](
    "efficient score",
    EfficientScore,
    "efficient_score",
    lambda top: {"unprofiled_information", "edges"} <= top.keys(),
    _describe,
)
