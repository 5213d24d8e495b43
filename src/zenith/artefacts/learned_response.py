"""The learned responses of one fold: what they are worth."""

from typing import Annotated, NotRequired

from typing_extensions import TypedDict

from zenith.artefacts.codec import Lines
from zenith.artefacts.json_codec import JsonCodec
from zenith.artefacts.taught import Taught
from zenith.tables import pairs, table


class Agreement(TypedDict):
    """Learned against exact derivatives, of nominal events."""

    correlation: Annotated[float, "of both"]
    slope: Annotated[float, "of exact ones on learned ones"]


class OfProcess(TypedDict):
    """The response of one process, on events of the fold that it has not learned from."""

    chi2: Annotated[dict[str, float], "by feature, at the points that taught nothing"]
    number: Annotated[dict[str, int], "of bins and points that chi2 is the sum of"]
    rates: Annotated[dict[str, float], "terms of ln of the yield ratio, by their names"]
    exact: NotRequired[
        Annotated[dict[str, Agreement], "by parameter, where the module knows the ratio"]
    ]
    losses: Annotated[list[float], "on validation events, in the course of the training"]


class Worth(TypedDict):
    """What the responses of all processes are worth."""

    parameters: Annotated[list[str], "nuisance parameters that they are responses to"]
    held_out: Annotated[
        list[dict[str, float]], "points that taught nothing, in standard deviations"
    ]
    points: Annotated[int, "number of those that taught"]
    processes: Annotated[dict[str, OfProcess], "by process"]
    slopes: Annotated[
        dict[str, float], "of true scores on learned ones at ±1 standard deviation, by parameter"
    ]
    chi2: Annotated[float, "sum over processes and features"]
    number: Annotated[int, "sum over processes and features"]


class LearnedResponses(Taught, Worth):
    """What `zenith response` writes beside responses that networks have learned."""

    cpu_seconds: Annotated[float, "CPU time of the step"]


def _describe(content: LearnedResponses) -> Lines:
    yield table(
        ["process", "feature", "χ²/n at points held out", "n"],
        [
            [process, feature, chi2 / max(of["number"][feature], 1), of["number"][feature]]
            for process, of in content["processes"].items()
            for feature, chi2 in of["chi2"].items()
        ],
        left=2,
    )
    yield pairs(
        {
            "fold": content["fold"],
            "parameters": ", ".join(content["parameters"]),
            "points that taught, and that did not": (
                f"{content['points']}, {len(content['held_out'])}"
            ),
            "χ²/n": content["chi2"] / max(content["number"], 1),
            **{f"slope of {name}": slope for name, slope in content["slopes"].items()},
        }
    )


LEARNED_RESPONSES = JsonCodec[LearnedResponses](
    "learned responses",
    LearnedResponses,
    "response",
    lambda top: {"held_out", "slopes", "processes"} <= top.keys(),
    _describe,
)
