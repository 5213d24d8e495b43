"""Response surfaces, intervals and their coverage in summary.json, where there are any."""

from typing import Annotated, NotRequired

from typing_extensions import TypedDict

from zenith.artefacts.interval import ParameterIntervals

Number = float | None


class Closure(TypedDict):
    """How surfaces meet simulated events at points that they were not fitted to."""

    chi2_per_point: Annotated[Number, "mean of the squared pulls; near 1 where they are right"]
    number: Annotated[int, "of pulls: points × processes × bins"]
    unseen: Annotated[int, "points"]
    largest_deviation: Annotated[
        Number,
        "of the variations at ±1 standard deviation that the workspace has in their place, at ±1, "
        "±2 and in corners: relative, in the worst bin",
    ]


class Held(TypedDict):
    """Shares and pulls of the pseudo-experiments of one truth."""

    coverage: Annotated[float, "share whose interval of 68 % holds the truth"]
    mean_pull: Annotated[Number, "of best fit less truth over the error on that side"]
    mean_pull_error: Annotated[Number, "of so many pulls, were their width 1"]
    pull_width: Annotated[Number, "standard deviation of the pulls"]


class TruthCounted(Held):
    """The pseudo-experiments of one truth."""

    parameters: Annotated[dict[str, float], "the truth: parameters that are not nominal"]
    truth: Annotated[float, "signal strength"]
    experiments: Annotated[int, "pseudo-experiments"]
    variations: NotRequired[
        Annotated[Held, "the same, fitted with variations at ±1 in place of surfaces"]
    ]


class Inferred(TypedDict, total=False):
    """Surfaces, intervals and coverage, of the configurations that ask for them."""

    surfaces: Annotated[dict[str, Closure], "by selection"]
    intervals: Annotated[list[ParameterIntervals], "of parameters, of what is quoted"]
    warnings: Annotated[list[str], "of intervals, as interval.json has them"]
    coverage: Annotated[float, "share of all pseudo-experiments whose interval of 68 % holds"]
    coverage_error: Annotated[float, "binomial, of the level itself"]
    coverage_95: Annotated[float, "the same share at 95 %"]
    experiments: Annotated[int, "pseudo-experiments, all truths together"]
    failed: Annotated[int, "of them without a fit that converged; they count as not covering"]
    pull_width: Annotated[Number, "standard deviation of all pulls"]
    mean_pull: Annotated[Number, "mean of all pulls"]
    mean_pull_spread: Annotated[
        Number, "root of the mean square of the truths' mean pulls over their errors: 1 by chance"
    ]
    score: Annotated[Number, "HiggsML's: -ln of the mean width times a penalty for coverage"]
    truths: Annotated[list[TruthCounted], "by truth: those of the priors, then fixed ones"]
