"""The figures of learned responses draw the numbers that they are given."""

import numpy as np
import pytest

from zenith.core.response.closure import agreement, compare
from zenith.figures import learned_response as draw


def test_changes_of_bins_are_drawn_beside_what_was_learned() -> None:
    place = np.array([[0, 0, 1, 1], [0, 1, 1, 1]])
    found = compare(place, np.ones((2, 4)), np.array([[1.0, 0.5, 1.0, 2.0]]), 2)
    point = draw.labels({"t": 1.0, "j": -0.5, "s": -0.001}, {"t": "tes"})
    assert point == "tes = 1.00, j = -0.50"
    (axes,) = draw.closure("Score", [point], found).axes
    (stairs,) = axes.patches
    np.testing.assert_allclose(stairs.get_data().values, [-25.0, 50.0])
    events = axes.containers[0].lines[0].get_xydata()
    np.testing.assert_allclose(events, [[0.25, -50.0], [0.75, 50.0]])
    chi2 = ((1.5 - 1.0) ** 2 / 0.5**2 + 0.0) / 2  # of both bins
    assert axes.get_title(loc="right") == f"{point}:  χ²/n = {chi2:.2f}"


def test_means_of_what_was_learned_are_at_those_of_the_exact_response() -> None:
    random = np.random.default_rng(1)
    exact, weight = random.normal(size=(1, 6000)), np.ones(6000)
    learned = 0.5 * exact + 0.1 * random.normal(size=(1, 6000))
    correlation, slope = agreement(exact[0], learned[0], weight)
    assert correlation == pytest.approx(0.5 / np.sqrt(0.26), abs=0.01)
    assert slope == pytest.approx(0.5 / 0.26, abs=0.03)
    process = draw.Process("Z", "red", exact, learned, weight)
    (axes,) = draw.against_exact(["t"], [process]).axes
    means = axes.containers[0].lines[0].get_xydata()
    assert len(means) == 12
    np.testing.assert_allclose(means[:, 1], 0.5 * means[:, 0], atol=0.02)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [f"Z ({correlation:.3f})"]
