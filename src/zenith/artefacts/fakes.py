"""What is predicted of fakes, and how well: the artefact beside the columns of a sample of them."""

from typing import Annotated, Literal, NotRequired

from typing_extensions import TypedDict

from zenith.artefacts.codec import Lines
from zenith.artefacts.json_codec import JsonCodec
from zenith.tables import pairs, table


class Projection(TypedDict):
    """Fakes in the bins of one observable."""

    edges: Annotated[list[float], "of the bins; events beyond are in the first or last one"]
    loose: Annotated[list[float], "loose events, data minus prompt simulation"]
    predicted: Annotated[list[float], "loose events times the factor"]
    predicted_error: Annotated[list[float], "of the number of loose events and of the factor"]
    factor_error: Annotated[list[float], "the same of the factor alone"]
    observed: Annotated[list[float], "tight events, data minus prompt simulation"]
    observed_error: Annotated[list[float], "of the number of tight events"]


class Compared(TypedDict):
    """A region whose tight and loose data are read."""

    name: Annotated[str, "of the region"]
    loose_data: Annotated[int, "loose events of data"]
    loose_prompt: Annotated[float, "of prompt simulation among them"]
    tight_data: Annotated[int, "tight events of data"]
    tight_prompt: Annotated[float, "of prompt simulation among them"]
    predicted: Annotated[float, "fakes among tight events, by the factor"]
    predicted_error: Annotated[float, "of the number of loose events and of the factor"]
    observed: Annotated[float, "the same, data minus prompt simulation"]
    observed_error: Annotated[float, "of the number of tight events"]
    by: Annotated[dict[str, Projection], "the same in the bins of each observable"]


class Fakes(TypedDict):
    """All that `zenith fakes` writes beside the columns."""

    sample: Annotated[str, "whose events come from data"]
    method: Annotated[Literal["binned", "learned"], "how the factor was found"]
    tight: Annotated[str, "what tight events fulfil"]
    loose: Annotated[str, "what loose events fulfil"]
    features: Annotated[list[str], "observables that the factor is a function of"]
    loose_data: Annotated[int, "loose events of data that the process is made of"]
    loose_prompt: Annotated[float, "of prompt simulation among them"]
    predicted: Annotated[float, "fakes, before the cuts of regions"]
    largest: Annotated[float, "factor of these events"]
    kept: Annotated[float, "share of the bootstrap's variance that the nuisance parameters have"]
    measurement: Annotated[Compared, "the region that measures the factor"]
    validation: NotRequired[Annotated[Compared, "the region that the factor is tried in"]]
    closure: NotRequired[Annotated[float, "relative uncertainty from the validation"]]


def compared(content: Fakes) -> list[Compared]:
    """The region of the measurement, and that of the validation where there is one."""
    regions = [content["measurement"]]
    if "validation" in content:
        regions.append(content["validation"])
    return regions


def _describe(content: Fakes) -> Lines:
    yield pairs(
        {
            key: value if not isinstance(value, list) else ", ".join(value)
            for key, value in content.items()
            if key not in ("measurement", "validation")
        }
    )
    header = ["region", "loose data", "prompt", "tight data", "prompt"]
    yield table(
        [*header, "predicted", "±", "observed", "±"],
        [
            [
                *(r["name"], r["loose_data"], r["loose_prompt"], r["tight_data"]),
                *(r["tight_prompt"], r["predicted"], r["predicted_error"]),
                *(r["observed"], r["observed_error"]),
            ]
            for r in compared(content)
        ],
    )


FAKES = JsonCodec[Fakes](
    "fakes from data",
    Fakes,
    "fakes",
    lambda top: {"measurement", "kept", "loose_data"} <= top.keys(),
    _describe,
)
