"""Intervals of parameters from the profile likelihood: interval.json."""

from typing import Annotated, NotRequired

from typing_extensions import TypedDict

from zenith.artefacts.codec import Lines
from zenith.artefacts.json_codec import JsonCodec
from zenith.tables import pairs, table


class Ends(TypedDict):
    """A range of values."""

    lower: Annotated[float, "its lower end"]
    upper: Annotated[float, "its upper end"]


class OneInterval(TypedDict):
    """An interval about the best fit, and what else of the range is as probable."""

    level: Annotated[float, "probability, 0.683 for one standard deviation"]
    lower: Annotated[float, "its lower end"]
    upper: Annotated[float, "its upper end"]
    lower_on_bound: Annotated[bool, "whether the lower end is the parameter's bound"]
    upper_on_bound: Annotated[bool, "whether the upper end is the parameter's bound"]
    others: Annotated[list[Ends], "further intervals, apart from it, from low to high"]


class ParameterIntervals(TypedDict):
    """One parameter, all others profiled."""

    name: Annotated[str, "of the parameter, as pyhf has it"]
    best: Annotated[float, "best fit"]
    intervals: Annotated[list[OneInterval], "by level"]
    minima: Annotated[list[float], "other minima of the profile, on a grid of its range"]


class Intervals(TypedDict):
    """What `zenith interval` writes."""

    data: Annotated[str, "`observed`, or `expected`: the Asimov data at signal strength 1"]
    twice_nll: Annotated[float, "−2 ln L at the best fit, with all constants, as pyhf has it"]
    parameters: Annotated[list[ParameterIntervals], "those that were asked for"]
    warnings: NotRequired[
        Annotated[
            list[str], "few simulated or shifted events, and intervals that end on a bound; or none"
        ]
    ]


def _describe(content: Intervals) -> Lines:
    rows = [
        [
            parameter["name"],
            parameter["best"],
            one["level"],
            one["lower"],
            one["upper"],
            ", ".join(f"{each['lower']:.4g} to {each['upper']:.4g}" for each in one["others"])
            or "none",
        ]
        for parameter in content["parameters"]
        for one in parameter["intervals"]
    ]
    yield table(["parameter", "best fit", "level", "lower", "upper", "apart from it"], rows)
    yield pairs({"data": content["data"], "-2 ln L": content["twice_nll"]})
    yield from (f"warning: {line}" for line in content.get("warnings", []))


INTERVAL = JsonCodec[Intervals](
    "interval",
    Intervals,
    "interval",
    lambda top: {"data", "twice_nll", "parameters"} <= top.keys(),
    _describe,
)
