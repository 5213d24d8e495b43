"""How often intervals contain the truth, by truth: coverage.json."""

from typing import Annotated, NotRequired

from typing_extensions import TypedDict

from zenith.artefacts.codec import Lines
from zenith.artefacts.json_codec import JsonCodec
from zenith.tables import pairs, table

Number = float | None


class Counted(TypedDict):
    """Shares and pulls of pseudo-experiments; a fit that failed does not cover."""

    experiments: Annotated[int, "pseudo-experiments"]
    failed: Annotated[int, "those of which a fit did not converge"]
    coverage: Annotated[list[float], "share whose interval holds the truth, by level"]
    coverage_error: Annotated[list[float], "binomial error of a share that is the level itself"]
    mean_pull: Annotated[Number, "mean of best fit less truth over the error on that side"]
    mean_pull_error: NotRequired[
        Annotated[Number, "of the mean of so many pulls, were their width 1"]
    ]
    pull_width: Annotated[Number, "standard deviation of the pulls"]
    mean_width: Annotated[Number, "mean width of the intervals of the first level"]


class OfTruth(Counted):
    """The pseudo-experiments of one truth."""

    number: Annotated[int, "which of the truths it is, from 0"]
    parameters: Annotated[dict[str, float], "the truth: parameters that are not at their start"]
    truth: Annotated[float, "of the parameter of interest"]
    best: Annotated[list[Number], "best fits; null where the fit failed"]
    lower: Annotated[list[list[Number]], "lower ends by pseudo-experiment and level"]
    upper: Annotated[list[list[Number]], "upper ends"]
    variations: NotRequired[
        Annotated[Counted, "the same, fitted with variations at ±1 in place of surfaces"]
    ]


class Coverage(TypedDict):
    """What `zenith coverage` writes, of all truths or of a part."""

    levels: Annotated[list[float], "probabilities of the intervals, rising"]
    total: Annotated[Counted, "all truths together"]
    score: Annotated[
        Number, "HiggsML's, of intervals of 68 % alone: -ln of mean width times penalty"
    ]
    truths: Annotated[list[OfTruth], "by truth"]


def _describe(content: Coverage) -> Lines:
    yield table(
        [
            "truth",
            "experiments",
            "failed",
            "coverage",
            "mean pull",
            "±",
            "pull width",
            "mean width",
        ],
        [
            [
                one["truth"],
                one["experiments"],
                one["failed"],
                ", ".join(f"{share:.3f}" for share in one["coverage"]),
                one["mean_pull"],
                one.get("mean_pull_error"),
                one["pull_width"],
                one["mean_width"],
            ]
            for one in content["truths"]
        ],
    )
    total = content["total"]
    shares = zip(content["levels"], total["coverage"], total["coverage_error"], strict=True)
    yield pairs(
        {
            **{f"coverage at {p:.3g}": f"{share:.3f} ± {error:.3f}" for p, share, error in shares},
            "mean pull": total["mean_pull"],
            "pull width": total["pull_width"],
            "score": content["score"],
        }
    )


COVERAGE = JsonCodec[Coverage](
    "coverage",
    Coverage,
    "coverage",
    lambda top: {"levels", "total", "truths"} <= top.keys(),
    _describe,
)
