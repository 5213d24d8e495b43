"""Figures of intervals and coverage, and what the page says of them."""

import re
from typing import Any

import numpy as np
import pytest

from zenith.artefacts.coverage import Counted, Coverage
from zenith.artefacts.surface import FittedSurface
from zenith.config import load
from zenith.core.response.surface import Surface
from zenith.figures import inference_gallery as draw
from zenith.inference.planes import Plane
from zenith.reporting.inferred import inferred, sections
from zenith.reporting.precisions import width_ratios

ANALYSIS = load("config/summary-toy.yaml")


def counted(experiments: int) -> Counted:
    return {
        "experiments": experiments,
        "failed": 0,
        "coverage": [0.68, 0.94],
        "coverage_error": [0.01, 0.01],
        "mean_pull": -0.1,
        "mean_pull_error": experiments**-0.5,
        "pull_width": 1.02,
        "mean_width": 0.5,
    }


def coverage() -> Coverage:
    drawn = ANALYSIS.coverage.truths if ANALYSIS.coverage else 0
    truths: list[Any] = []
    for number, (truth, experiments) in {3: (0.5, 2), 7: (2.0, 2), drawn: (1.0, 4)}.items():
        lower = [[truth - 0.2, truth - 0.4]] * experiments
        upper = [[truth + 0.3, truth + 0.5]] * experiments
        ends = {"best": [truth] * experiments, "lower": lower, "upper": upper}
        moved = {"t": 2.0} if number == drawn else {"mu": truth}
        about = {"number": number, "truth": truth, "parameters": moved}
        truths.append(counted(experiments) | ends | about)
    return {"levels": [0.683, 0.95], "total": counted(8), "score": 0.7, "truths": truths}


def test_figures_show_what_files_hold() -> None:
    found = dict(draw.coverage(ANALYSIS, coverage()))
    assert list(found) == ["intervals", "pulls"]
    lines = found["intervals"].axes[0].collections
    ends = [segment[:, 1] for line in lines for segment in line.get_segments()]
    assert sorted(map(tuple, np.round(ends, 6)))[0] == pytest.approx((0.1, 1.0))
    _, fixed = (c for c in found["pulls"].axes[0].containers)
    np.testing.assert_allclose(fixed[0].get_xydata(), [[1.0, -0.1]])
    (bar,) = fixed[2][0].get_segments()
    np.testing.assert_allclose(bar[:, 1], [-0.6, 0.4])  # 1 / √4 either way
    ratios = {"classifier": 1.8, "efficient_score": 1.02, "default": 1.02}
    ((name, figure),) = draw.widths(ANALYSIS, ratios)
    assert name == "widths"
    assert sorted(bar.get_width() for bar in figure.axes[0].patches) == [1.02, 1.8]
    ((name, figure),) = draw.numbers(ANALYSIS, {1: 0.9, 2: 0.5, 5: 0.3, 25: 0.24})
    np.testing.assert_allclose(figure.axes[0].lines[0].get_xydata()[:, 0], [2, 5, 25])
    assert figure.axes[0].get_legend().get_texts()[0].get_text() == "Efficient score"
    regions = ANALYSIS.model_copy(update={"summary": None})
    ((_, figure),) = draw.numbers(regions, {2: 0.5, 5: 0.3})
    assert figure.axes[0].get_legend().get_texts()[0].get_text() == "Regions as written"
    q = np.add.outer(np.linspace(-3, 3, 7) ** 2, np.linspace(-3, 3, 5) ** 2)
    shown = Plane(np.linspace(0, 2, 5), np.linspace(-3, 3, 7), q, (1.0, 0.0))
    ((name, figure),) = draw.plane(ANALYSIS, shown, ("mu", "j"))
    assert name == "plane_j"
    assert figure.axes[0].get_ylabel() == "j"


def test_truths_of_one_signal_strength_have_rows_by_what_else_they_are() -> None:
    content, pulls = coverage(), (0.1, -0.2, 0.3)
    moved = ({"mu": 1.0}, {"mu": 1.0, "t": 2.0}, {"mu": 1.0, "t": -1.0, "j": 1.0})
    for truth, parameters, pull in zip(content["truths"], moved, pulls, strict=True):
        truth |= {"truth": 1.0, "parameters": parameters, "mean_pull": pull}
        truth["variations"] = counted(4) | {"mean_pull": -pull, "coverage": [0.5, 0.9]}
    ((name, figure),) = draw.coverage(ANALYSIS, content)
    assert name == "shifted"
    _, left, right = figure.axes
    rows = [text.get_text() for text in left.get_yticklabels()]
    assert rows == ["Nominal", "t = $2$", "t = $-1$\nj = $1$"]
    surfaces, variations = (container[0].get_xdata() for container in left.containers)
    np.testing.assert_allclose(surfaces, pulls)
    np.testing.assert_allclose(variations, -np.array(pulls))
    height = [container[0].get_ydata() for container in left.containers]
    assert (np.rint(height[0]) == [2, 1, 0]).all()
    assert (height[0] > height[1]).all()
    _, *shares = (line.get_xdata() for line in right.lines)  # after that of the level
    np.testing.assert_allclose(shares, [[0.68] * 3, [0.5] * 3])
    without = [{k: v for k, v in truth.items() if k != "variations"} for truth in content["truths"]]
    alone: Any = {**content, "truths": without}
    ((_, figure),) = draw.coverage(ANALYSIS, alone)
    assert len(figure.axes[1].containers) == 1


def test_the_closure_has_the_pulls_of_unseen_points() -> None:
    pulls = np.array([[[0.5, -1.0]], [[2.0, 0.0]]])
    terms = np.zeros((2, 1, 2))
    surface = Surface(("t",), ("h",), terms, np.zeros((2, *terms.shape)), terms[None])
    used = np.array([True, True, False, False])
    merged = np.zeros((1, 2), bool)
    chi2 = float((pulls**2).sum())
    points = np.array([[1.0], [-1.0], [0.5], [2.0]])
    found = FittedSurface(surface, (("c", 2),), points, used, pulls, merged, chi2, 4, {"h": 9})
    ((name, figure),) = draw.closure(ANALYSIS, found)
    assert name == "surface_closure"
    (counts,) = (p for p in figure.axes[0].patches)
    assert counts.get_data().values.sum() == 3
    assert any("1.31" in text.get_text() for text in figure.axes[0].texts)
    assert not list(draw.closure(ANALYSIS, found._replace(number=0)))


def test_the_summary_has_coverage_intervals_and_closure() -> None:
    deviation = {"parameters": {"t": 2.0}, "largest": -0.03, "channel": "c", "bin": 0}
    surface = {
        "nuisances": ["t"],
        "points": 4,
        "unseen": 2,
        "chi2": 11.0,
        "number": 10,
        "mu_error": 0.24,
        "significance": 4.0,
        "deviations": [deviation | {"significance": 1.0}],
    }
    expected = {"mu_error": 0.3, "mu_parts": None}
    fits: Any = {"initial": {"expected": expected}, "efficient_score": {"surface": surface}}
    # of a fit with surfaces the error is theirs
    assert width_ratios(fits, 0.2) == pytest.approx(
        {"classifier": 1.5, "efficient_score": 1.2, "default": 1.2}
    )
    ends = {"lower": 0.8, "upper": 1.3, "lower_on_bound": False, "upper_on_bound": False}
    one = {"name": "mu", "best": 1.0, "intervals": [{"level": 0.683, **ends, "others": []}]}
    intervals: Any = {"data": "expected", "twice_nll": 1.0, "parameters": [one | {"minima": []}]}
    intervals["warnings"] = ["few simulated events: 1 of 2 bins"]
    found = inferred(fits, intervals, coverage())
    assert found["surfaces"]["efficient_score"]["chi2_per_point"] == pytest.approx(1.1)
    assert found["surfaces"]["efficient_score"]["largest_deviation"] == pytest.approx(0.03)
    assert (found["coverage"], found["pull_width"], found["experiments"]) == (0.68, 1.02, 8)
    assert [truth["experiments"] for truth in found["truths"]] == [2, 2, 4]
    assert found["truths"][2]["mean_pull_error"] == 0.5
    # of pulls of -0.1 on 1/√2, 1/√2 and 1/2
    assert found["mean_pull_spread"] == pytest.approx(0.1 * ((2 + 2 + 4) / 3) ** 0.5)
    text = "\n".join(sections(found, {"mu": "Signal strength"}))
    assert re.search(r"Signal strength \| +1\.000 \| +68\.3 % \| +0\.800 to 1\.300", text)
    assert "**Warning**: few simulated events: 1 of 2 bins." in text
    assert "holds the truth in 68.0 ± 1.0 %, that of 95 % in 94.0 %" in text
    assert re.search(r"t = 2 \| +1\.00 \| +4 \| +0\.680 \| +-0\.10 ± 0\.50", text)
    assert "The mean pulls of truths are 0.16 times as large as by chance" in text
    assert "And 2 truths with fewer pseudo-experiments" in text
    assert re.search(r"efficient_score \| +1\.10 \| +2 \| +3\.0 %", text)
    # beside them what variations in place of surfaces make of the same counts
    beside = coverage()
    last = beside["truths"][2]
    last["variations"] = last | {"coverage": [0.5, 0.8], "mean_pull": 0.7}
    found = inferred(fits, intervals, beside)
    assert found["truths"][2]["variations"]["coverage"] == 0.5
    assert "variations" not in found["truths"][0]
    text = "\n".join(sections(found, {}))
    assert "width of pulls, variations" in text
    assert re.search(r"t = 2 .* \| +0\.500 \| +0\.70 ± 0\.50", text)
    assert inferred({"initial": fits["initial"]}, None, None) == {}
    assert not list(sections({}, {}))
