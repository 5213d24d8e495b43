"""The figures of intervals, coverage and surfaces: from their files to named figures.

As `gallery`: each function yields (name, figure), one at a time.
"""

from collections.abc import Mapping

import numpy as np

from zenith.artefacts.coverage import Coverage
from zenith.artefacts.surface import FittedSurface
from zenith.config import Analysis
from zenith.figures import inference as draw
from zenith.figures.naming import Figures, banner
from zenith.inference.planes import Plane
from zenith.statistics.naming import parameter_labels

SUMMARIES = {"classifier": "Regions as written", "efficient_score": "Efficient score"}


def coverage(analysis: Analysis, content: Coverage) -> Figures:
    """`intervals` and `pulls`, by truth."""
    label = _label(analysis, analysis.statistics.signal_strength)
    truths = content["truths"]
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
