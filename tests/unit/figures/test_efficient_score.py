"""The figures of the efficient score draw the numbers they are given, in the words of people."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from zenith.artefacts.efficient_score import EfficientScore
from zenith.config import Analysis, load
from zenith.config.efficient_score import Cells
from zenith.figures import efficient_score_gallery as gallery


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return load("config/zprime.yaml")


def written(fold: int) -> EfficientScore:
    """What a fold projects away: a rate, a response and one that is noise."""
    cost = {"lumi": 0.5, "top_pt": 2.0 + fold, "pileup": 0.0}
    seen = {"lumi": None, "top_pt": 20.0 + fold, "pileup": -1.0}
    return {
        "fold": fold,
        "folds": {"number": 2, "salt": 1},
        "taught_by": [1 - fold],
        "network": "processes",
        "parameters": {
            name: {
                "coefficient": 0.1,
                "projected": 0.1,
                "cost": cost[name],
                "significance": seen[name],
            }
            for name in cost
        },
        "left_out": ["pileup"],
        "information": 20.0,
        "unprofiled_information": 30.0,
        "tuning": {"before": 5.0, "after": 5.1},
        "kept": 0.99,
        "edges": [0.0, 1.0],
        "cpu_seconds": 1.0,
    }


def test_costs_are_shares_of_the_information_of_each_fold_and_their_mean(
    analysis: Analysis,
) -> None:
    ((name, figure),) = gallery.projection(analysis, [written(0), written(1)])
    cost, response = figure.axes
    assert name == "projection"
    # the one that costs most is first, and none is called by its key
    labels = [text.get_text() for text in cost.get_yticklabels()]
    assert labels == ["Top-quark $p_T$", "Luminosity", "Pileup"]
    np.testing.assert_allclose([bar.get_width() for bar in cost.patches], [12.5, 2.5, 0.0])
    points = cost.lines[0].get_xydata()
    assert sorted(map(tuple, points)) == [
        *((0.0, 2), (0.0, 2), (2.5, 1), (2.5, 1), (10.0, 0), (15.0, 0)),
    ]
    seen = response.lines[0].get_xydata()
    assert {(20.0, 0), (21.0, 0), (-1.0, 2)} == {(x, y) for x, y in seen if np.isfinite(x)}
    assert [text.get_text() for text in response.texts][:1] == ["a rate: known"]
    assert all("[" in axes.get_xlabel() for axes in figure.axes)


def test_without_nuisance_parameters_nothing_is_projected(analysis: Analysis) -> None:
    bare = {**written(0), "parameters": {}}
    assert list(gallery.projection(analysis, [bare])) == []  # type: ignore[list-item]


def against(analysis: Analysis, weight: list[float]) -> Figure:
    values, place = [2000.0, 9000.0, 450.0], [0.95, 0.99, 0.1]
    is_signal = np.array([True, True, False])
    ((name, figure),) = gallery.against(analysis, "mtt", values, place, weight, is_signal)
    assert name == "against_mtt"
    return figure


def test_background_is_the_colour_and_events_beyond_the_axis_are_in_its_last_cell(
    analysis: Analysis,
) -> None:
    figure = against(analysis, [1.0, 1.0, 3.0])
    axes = figure.axes[0]
    mesh, _ = axes.collections  # and the contours
    counts = mesh.get_array().reshape(25, 30)
    assert counts.sum() == 3.0
    assert counts[2, 0] == 3.0
    assert axes.get_xlabel() == "$m(t\\bar{t})$ [GeV]"
    assert axes.get_ylabel() == "Efficient score"
    entries = [text.get_text() for text in axes.get_legend().get_texts()]
    assert entries == ["$Z'$ (2 TeV): 50 %", "$Z'$ (2 TeV): 90 %", "Background: mean"]
    (mean,) = (line for line in axes.lines if len(line.get_xdata()) == 1)
    np.testing.assert_allclose(mean.get_xydata(), [[450.0, 0.1]])  # the middles of the cell


def test_each_cell_has_a_mean_of_the_background_of_its_own(analysis: Analysis) -> None:
    assert analysis.summary is not None
    summary = analysis.summary.model_copy(update={"bins": 5, "cells": Cells(number=2)})
    in_cells = analysis.model_copy(update={"summary": summary})
    values, place, weight = [450.0, 450.0, 450.0], [0.15, 0.35, 0.75], [1.0, 3.0, 2.0]
    ((_, figure),) = gallery.against(in_cells, "mtt", values, place, weight, np.zeros(3, bool))
    lines = [line.get_xydata() for line in figure.axes[0].lines]
    np.testing.assert_allclose(lines[0], [[450.0, 0.3]])  # of 0.15 and 0.35, 1 to 3
    np.testing.assert_allclose(lines[2], [[450.0, 0.75]])
    assert [lines[k][0, 1] for k in (1, 3)] == [0.5, 1.0]  # the ends of the cells


def test_no_signal_has_no_contours(analysis: Analysis) -> None:
    assert len(against(analysis, [0.0, 0.0, 3.0]).axes[0].collections) == 1


def test_numbers_of_bins_and_categories_are_drawn_beside_what_is_quoted(
    analysis: Analysis,
) -> None:
    content = {
        "expected_significance": {
            "trees": {"z": 5.0, "error": 0.2},
            "efficient_score": {"z": 6.0, "error": 0.1},
        },
        "by_number": {
            "efficient_score": {"numbers": [5, 25], "z": [4.0, 6.0], "configured": 25},
            "trees": {"numbers": [1, 6], "z": [3.0, 5.0], "configured": 6},
        },
    }
    ((name, figure),) = gallery.numbers(analysis, content)
    assert name == "numbers"
    for points in ([[5, 4.0], [25, 6.0]], [[1, 3.0], [6, 5.0]], [[25, 6.0]], [[6, 5.0]]):
        assert any(np.array_equal(line.get_xydata(), points) for line in figure.axes[0].lines)
    entries = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert entries[:2] == ["Efficient score, bins", r"Boosted trees, categories × $m(t\bar{t})$"]
    # and nothing for a comparison of before there were such numbers
    del content["by_number"]
    assert list(gallery.numbers(analysis, content)) == []
