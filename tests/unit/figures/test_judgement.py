"""The figures of what a network is worth draw the numbers they are given, legends off the data."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from zenith.artefacts.metrics import Dependence, Measured
from zenith.figures import judgement, style
from zenith.figures.networks import Weighted

BANNER = style.Banner(status="simulation")


def legend(figure: Figure) -> list[str]:
    found = figure.axes[0].get_legend()
    assert found is not None
    return [text.get_text() for text in found.get_texts()]


def bottom_of_the_legend(figure: Figure) -> float:
    axes = figure.axes[0]
    figure.draw_without_rendering()
    return axes.get_legend().get_window_extent().transformed(axes.transData.inverted()).y0


def test_rejection_is_the_inverse_of_what_passes() -> None:
    other = judgement.Rejected(
        "W", style.BLUE, [0.0, 0.5, 1.0], [0.0, 0.04, 1.0], {"0.5": {"value": 0.04, "error": 0.01}}
    )
    figure = judgement.rejection([other], own="Z", title="Z against W", banner=BANNER)
    axes = figure.axes[0]
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[0.5, 25.0], [1.0, 1.0]])
    point, _, (bar,) = axes.containers[0]
    assert point.get_xydata() == pytest.approx(np.array([[0.5, 25.0]]))
    assert bar.get_segments()[0][:, 1] == pytest.approx([25.0 - 6.25, 25.0 + 6.25])
    assert axes.get_xlabel() == "Efficiency for Z"
    assert legend(figure) == ["W"]
    assert bottom_of_the_legend(figure) > 25.0


@pytest.mark.parametrize("labels", [["W", "Z"], ["a long class of events", "another one", "c"]])
def test_confusion_in_per_cent(labels: list[str]) -> None:
    shares = np.full((len(labels), len(labels)), 0.1)
    shares[0] = [0.753, *[0.247 / (len(labels) - 1)] * (len(labels) - 1)]
    figure = judgement.confusion(labels, shares, title="net", banner=BANNER)
    axes = figure.axes[0]
    assert axes.texts[0].get_text() == "75.3 %"
    assert axes.texts[len(labels)].get_text() == "10.0 %"
    assert [tick.get_text() for tick in axes.get_yticklabels()] == labels
    figure.draw_without_rendering()
    size = figure.get_size_inches() * figure.dpi
    for tick in [*axes.get_yticklabels(), *axes.get_xticklabels(), axes.xaxis.label]:
        box = tick.get_window_extent()
        assert (box.x0, box.y0) > (0, 0)
        assert box.y1 < size[1]
    assert axes.yaxis.label.get_window_extent().x0 > 0


def test_the_best_threshold_is_marked() -> None:
    figure = judgement.significance(
        [0.1, 0.5, 0.9], [1.0, 2.5, 2.0], label="Score for Z", banner=BANNER
    )
    _, best = figure.axes[0].lines
    np.testing.assert_allclose(best.get_xydata(), [[0.5, 2.5]])
    assert legend(figure)[1] == "Best: 2.5 above 0.5"
    assert figure.axes[0].get_xlabel() == "Threshold on the score for Z"
    assert bottom_of_the_legend(figure) > 2.5
    assert len(judgement.significance([], [], label="Score").axes[0].lines) == 1


def test_inputs_are_ranked_by_what_is_lost() -> None:
    numbers: dict[str, Measured] = {
        "a": {"value": 0.01, "error": 0.001}, "b": {"value": 0.2, "error": 0.01},
        "c": {"value": -0.001, "error": 0.002},
    }  # fmt: skip
    axes = judgement.importance(numbers, title="net", banner=BANNER).axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["c", "a", "b"]
    assert [bar.get_width() for bar in axes.patches] == [-0.001, 0.01, 0.2]


def test_slices_are_normalised() -> None:
    random = np.random.default_rng(1)
    parts = {f"{k}": Weighted(random.uniform(0, 4, 200), np.full(200, k + 1.0)) for k in range(3)}
    edges = np.linspace(0.0, 4.0, 5)
    figure = judgement.slices(parts, edges, label="$m$", unit="GeV", title="b", banner=BANNER)
    heights = [patch.get_data().values for patch in figure.axes[0].patches]
    for height, part in zip(heights, parts.values(), strict=True):
        assert height.sum() == pytest.approx(1.0)
        np.testing.assert_allclose(height, np.histogram(part.values, edges)[0] / 200)
    assert legend(figure) == ["0", "1", "2"]
    assert bottom_of_the_legend(figure) > np.max(heights)
    r2: Dependence = {"value": 0.0312, "error": 0.0041, "by_chance": 0.0021}
    figure = judgement.slices(parts, edges, label="$m$", title="b", dependence=r2)
    title = figure.axes[0].get_legend().get_title().get_text()
    assert title == "b\n$R^2$ = 0.0312 ± 0.0041, by chance 0.002"
    assert bottom_of_the_legend(figure) > np.max(heights)
