"""Response surfaces, intervals and their coverage, in the summary and on its page."""

from collections.abc import Iterator, Mapping, Sequence
from math import sqrt
from statistics import fmean
from typing import Literal, cast

from zenith.artefacts.coverage import Counted, Coverage, OfTruth
from zenith.artefacts.fit import Fit, SurfaceFit
from zenith.artefacts.inferred import Closure, Held, Inferred, TruthCounted
from zenith.artefacts.interval import Intervals
from zenith.tables import table

SHARES: tuple[Literal["coverage", "coverage_error", "coverage_95"], ...] = (
    "coverage",
    "coverage_error",
    "coverage_95",
)


def inferred(
    fits: Mapping[str, Fit], intervals: Intervals | None, coverage: Coverage | None
) -> Inferred:
    """What summary.json says of them; nothing of what there is not."""
    found: Inferred = {}
    closures = {n: _closure(of) for n, fit in fits.items() if (of := fit.get("surface"))}
    if closures:
        found["surfaces"] = closures
    if intervals is not None:
        found["intervals"] = intervals["parameters"]
        found["warnings"] = intervals.get("warnings", [])
    if coverage is not None:
        total = coverage["total"]
        found |= {
            "coverage": total["coverage"][0],
            "coverage_error": total["coverage_error"][0],
            "coverage_95": total["coverage"][-1],
            "experiments": total["experiments"],
            "failed": total["failed"],
            "pull_width": total["pull_width"],
            "mean_pull": total["mean_pull"],
            "mean_pull_spread": _spread(coverage["truths"]),
            "score": coverage["score"],
            "truths": [_of_truth(one) for one in coverage["truths"]],
        }
    return found


def _of_truth(one: OfTruth) -> TruthCounted:
    beside = {"variations": _held(one["variations"])} if "variations" in one else {}
    of_truth = {key: one[key] for key in ("parameters", "truth", "experiments")}
    return cast(TruthCounted, of_truth | _held(one) | beside)


def _held(counted: Counted) -> Held:
    return {
        "coverage": counted["coverage"][0],
        "mean_pull": counted["mean_pull"],
        "mean_pull_error": counted.get("mean_pull_error"),
        "pull_width": counted["pull_width"],
    }


def _spread(truths: Sequence[OfTruth]) -> float | None:
    pairs = [(one["mean_pull"], one.get("mean_pull_error")) for one in truths]
    squares = [(mean / error) ** 2 for mean, error in pairs if mean is not None and error]
    return sqrt(fmean(squares)) if squares else None


def _closure(of: SurfaceFit) -> Closure:
    number = of["number"]
    deviations = [abs(each["largest"]) for each in of["deviations"]]
    return {
        "chi2_per_point": of["chi2"] / number if number else None,
        "number": number,
        "unseen": of["unseen"],
        "largest_deviation": max(deviations, default=None),
    }


def sections(summary: Inferred, labels: Mapping[str, str]) -> Iterator[str]:
    """Intervals, their coverage and the closure of surfaces, as Markdown; nothing without them.

    `labels` are what people call parameters.
    """
    if listed := summary.get("intervals"):
        rows = [
            [
                labels.get(one["name"], one["name"]),
                f"{one['best']:.3f}",
                f"{100 * each['level']:.1f} %",
                f"{each['lower']:.3f} to {each['upper']:.3f}",
            ]
            for one in listed
            for each in one["intervals"]
        ]
        header = ["parameter", "best fit", "level", "interval"]
        notes = [f"\n**Warning**: {line}." for line in summary.get("warnings", [])]
        yield "\n".join(["## Intervals", "", table(header, rows), *notes])
    if "coverage" in summary:
        yield "\n".join(["## Coverage", "", *_coverage(summary)])
    if closures := summary.get("surfaces"):
        rows = [
            [name, _number(of["chi2_per_point"]), str(of["unseen"]), _share(of)]
            for name, of in closures.items()
        ]
        header = ["selection", "χ²/n at unseen points", "points", "largest deviation of pyhf"]
        lines = ["## Response surfaces", "", table(header, rows), ""]
        lines += [
            "The deviation is that of variations at ±1 standard deviation, which the workspace of "
            "pyhf has in place of surfaces, at ±1, ±2 and in corners, in the worst bin."
        ]
        yield "\n".join(lines)


def _coverage(summary: Inferred) -> Iterator[str]:
    share, error, wide = (f"{100 * summary[key]:.1f}" for key in SHARES)
    yield (
        f"In {summary['experiments']} pseudo-experiments the interval of 68.3 % holds the truth in "
        f"{share} ± {error} %, that of 95 % in {wide} %; the mean pull is "
        f"{_number(summary['mean_pull'])} and the width of pulls {_number(summary['pull_width'])}. "
        f"The mean pulls of truths are {_number(summary['mean_pull_spread'])} times as large as by "
        f"chance. Of the fits {summary['failed']} failed."
    )
    most = max(one["experiments"] for one in summary["truths"])
    fewer = [one for one in summary["truths"] if one["experiments"] < most]
    rows = [
        [
            ", ".join(f"{name} = {value:g}" for name, value in one["parameters"].items())
            or "nominal",
            f"{one['truth']:.2f}",
            str(one["experiments"]),
            *(cell for fit in (one, *_beside(one)) for cell in _cells(fit)),
        ]
        for one in summary["truths"]
        if one["experiments"] == most
    ]
    yield ""
    header = ["coverage", "mean pull", "width of pulls"]
    if any(_beside(one) for one in summary["truths"]):
        header += [f"{cell}, variations" for cell in header]
    yield table(["truth", "μ", "experiments", *header], rows)
    if fewer:
        yield f"\nAnd {len(fewer)} truths with fewer pseudo-experiments, in `coverage.json`."


def _beside(one: TruthCounted) -> list[Held]:
    return [one["variations"]] if "variations" in one else []


def _cells(fit: Held) -> list[str]:
    return [
        f"{fit['coverage']:.3f}",
        f"{_number(fit['mean_pull'])} ± {_number(fit['mean_pull_error'])}",
        _number(fit["pull_width"]),
    ]


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:z.2f}"  # no −0.00


def _share(of: Closure) -> str:
    deviation = of["largest_deviation"]
    return "unknown" if deviation is None else f"{100 * deviation:.1f} %"
