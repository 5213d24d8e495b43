"""The figures of intervals, coverage and surfaces: from their files to named figures.

As `gallery`: each function yields (name, figure), one at a time.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from zenith.artefacts.coverage import Counted, Coverage, OfTruth
from zenith.artefacts.surface import FittedSurface
from zenith.config import Analysis
from zenith.figures import inference as draw
from zenith.figures import style
from zenith.figures.naming import Figures, banner
from zenith.inference.planes import Plane
from zenith.statistics.naming import parameter_labels

SUMMARIES = {"classifier": "Regions as written", "efficient_score": "Efficient score"}


def coverage(analysis: Analysis, content: Coverage) -> Figures:
    """`intervals` and `pulls` against the truth; `shifted` where all truths have one value."""
    label = _label(analysis, analysis.statistics.signal_strength)
    truths = content["truths"]
    if len(truths) > 1 and len({one["truth"] for one in truths}) == 1:
        yield "shifted", _shifted(analysis, content, label)
        return
    lower, upper = (
        np.array([np.nanmean(np.array(one[side], float), axis=0) for one in truths])
        for side in ("lower", "upper")
    )
    truth = [one["truth"] for one in truths]
    yield (
        "intervals",
        draw.intervals(
            truth, lower, upper, label=label, levels=content["levels"], banner=banner(analysis)
        ),
    )
    drawn = analysis.coverage.truths if analysis.coverage is not None else 0
    width = content["total"]["pull_width"]
    yield (
        "pulls",
        draw.pulls(
            truth,
            np.array([one["mean_pull"] for one in truths], float),
            [one.get("mean_pull_error") or 0.0 for one in truths],
            np.array([one["number"] >= drawn for one in truths]),
            label=label,
            width=np.nan if width is None else width,
            banner=banner(analysis),
        ),
    )


def _shifted(analysis: Analysis, content: Coverage, label: str) -> Figure:
    """The truths by their other parameters, fitted with surfaces and with variations."""
    truths, interest = content["truths"], analysis.statistics.signal_strength

    def name(truth: OfTruth) -> str:
        moved = {n: value for n, value in truth["parameters"].items() if n != interest}
        labels = parameter_labels(analysis, moved)
        found = (f"{labels[n]} = ${value:g}$" for n, value in moved.items())
        return "\n".join(found) or "Nominal"

    def fitted(label: str, colour: str, found: Sequence[Counted]) -> draw.Fitted:
        return draw.Fitted(
            label,
            colour,
            np.array([one["mean_pull"] for one in found], float),
            np.array([one.get("mean_pull_error") or 0.0 for one in found], float),
            np.array([one["coverage"][0] for one in found], float),
        )

    varied = [one["variations"] for one in truths if "variations" in one]
    if len(varied) == len(truths):
        fits = [fitted("Surfaces", style.BLUE, truths), fitted("Variations", style.RED, varied)]
    else:
        fits = [fitted("Fits", style.BLUE, truths)]
    return draw.shifted(
        [name(truth) for truth in truths],
        fits,
        content["levels"][0],
        [one["coverage_error"][0] for one in truths],
        label=label,
        banner=banner(analysis),
    )


def closure(analysis: Analysis, found: FittedSurface) -> Figures:
    """`surface_closure`: pulls at unseen points, none where no bin has events."""
    if found.number:
        pulls = found.pulls[found.pulls != 0.0]
        unseen = int((~found.used).sum())
        chi2 = found.chi2 / found.number
        yield "surface_closure", draw.closure(pulls, chi2, unseen, banner=banner(analysis))


def widths(analysis: Analysis, ratios: Mapping[str, float]) -> Figures:
    """`widths`: of each summary, where the least possible error is known."""
    named = {
        SUMMARIES.get(name, name): ratio for name, ratio in ratios.items() if name != "default"
    }
    if named:
        label = _label(analysis, analysis.statistics.signal_strength)
        yield "widths", draw.widths(named, label=label, banner=banner(analysis))


def numbers(analysis: Analysis, errors: Mapping[int, float]) -> Figures:
    """`numbers_of_bins`: the expected error of what is quoted, its bins merged."""
    bins = sorted(number for number in errors if number > 1)
    summary = "classifier" if analysis.summary is None else "efficient_score"
    if len(bins) > 1:
        yield (
            "numbers_of_bins",
            draw.numbers(
                bins,
                [errors[number] for number in bins],
                bins[-1],
                label=_label(analysis, analysis.statistics.signal_strength),
                summary=SUMMARIES[summary],
                least=analysis.statistics.least_error,
                banner=banner(analysis),
            ),
        )


def plane(analysis: Analysis, found: Plane, names: tuple[str, str]) -> Figures:
    """`plane_{parameter}`: the signal strength with the nuisance parameter that costs most."""
    labels = _label(analysis, names[0]), _label(analysis, names[1])
    drawn = draw.plane(
        found.first, found.second, found.q, found.best, labels=labels, banner=banner(analysis)
    )
    yield f"plane_{names[1]}", drawn


def _label(analysis: Analysis, name: str) -> str:
    if name == analysis.statistics.signal_strength:
        return r"$\mu$"
    return parameter_labels(analysis, [name])[name]
