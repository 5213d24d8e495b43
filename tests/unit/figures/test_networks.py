"""The figures of a network draw the numbers they are given."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from zenith.figures import networks, style
from zenith.figures.reliability import Scored, reliability

EDGES = np.linspace(0.0, 1.0, 6)


def texts(figure: Figure, panel: int = 0) -> list[str]:
    legend = figure.axes[panel].get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


def events(seed: int, events: int = 200) -> networks.Weighted:
    random = np.random.default_rng(seed)
    return networks.Weighted(random.uniform(-0.2, 1.2, events), random.normal(1.0, 0.5, events))


def classes() -> list[networks.Class]:
    names = (("w", style.ORANGE), ("t", style.BLUE))
    return [networks.Class(n, c, events(k), events(k + 5), 0.25) for k, (n, c) in enumerate(names)]


def legend_is_free(figure: Figure, panel: int = 0) -> bool:
    """Whether no drawn histogram reaches into the legend's box."""
    axes = figure.axes[panel]
    figure.draw_without_rendering()
    box = axes.get_legend().get_window_extent().transformed(axes.transData.inverted())
    tops = [np.max(p.get_data().values) for p in axes.patches if hasattr(p, "get_data")]
    return max(tops) < box.y0


def test_density_is_normalised_with_errors_and_overflow() -> None:
    sample = events(1)
    density, error = sample.density(EDGES)
    inside = np.clip(sample.values, 0.0, 1.0 - 1e-9)
    counts = np.histogram(inside, EDGES, weights=sample.weight)[0]
    squares = np.histogram(inside, EDGES, weights=np.square(sample.weight))[0]
    total = np.sum(sample.weight)
    np.testing.assert_allclose(density, counts / total / 0.2, rtol=1e-12)
    np.testing.assert_allclose(error, np.sqrt(squares) / total / 0.2, rtol=1e-12)
    assert (density * 0.2).sum() == pytest.approx(1.0)


def test_events_without_a_number_are_left_out_and_said() -> None:
    values, weight = np.array([0.1, np.nan, 0.5, np.nan]), np.array([1.0, 2.0, 3.0, -4.0])
    sample = networks.Weighted(values, weight)
    for own, other in zip(
        sample.density(EDGES), networks.Weighted([0.1, 0.5], [1.0, 3.0]).density(EDGES), strict=True
    ):
        np.testing.assert_array_equal(own, other)
    assert sample.entry("w") == "w, 60 % undefined"
    assert networks.Weighted([np.nan, *np.ones(999)], np.ones(1000)).entry("w") == (
        "w, < 1 % undefined"
    )
    assert networks.Weighted(np.ones(2), np.ones(2)).entry("w") == "w"
    none = networks.Weighted(np.full(3, np.nan), np.ones(3))
    shown = [networks.Class("none", style.RED, none), *classes()]
    figure = networks.feature(shown, [], EDGES, label="$m$", log=True)
    assert texts(figure) == ["none, 100 % undefined", "w", "t"]
    assert not figure.axes[0].patches[0].get_data().values.any()


def test_losses_show_both_curves_and_the_epoch_that_was_kept() -> None:
    figure = networks.losses(
        [[0.7, 0.5, 0.4], [0.6, 0.5]],
        [[0.7, 0.45, 0.5], [0.8, 0.7]],
        [2, 2],
        title="net",
        banner=style.Banner(),
    )
    training, shorter, validation, other, best = figure.axes[0].lines
    np.testing.assert_allclose(training.get_xydata(), [[1, 0.7], [2, 0.5], [3, 0.4]])
    np.testing.assert_allclose(shorter.get_xydata(), [[1, 0.6], [2, 0.5]])
    np.testing.assert_allclose(validation.get_ydata(), [0.7, 0.45, 0.5])
    np.testing.assert_allclose(other.get_ydata(), [0.8, 0.7])
    np.testing.assert_allclose(best.get_xydata(), [[2, 0.45], [2, 0.7]])
    assert texts(figure) == ["Training", "Validation", "Kept: epoch 2"]


def test_losses_of_a_single_epoch() -> None:
    axes = networks.losses([[0.5]], [[0.5]], [1], loss="Focal loss").axes[0]
    low, high = axes.get_ylim()
    assert low < high
    assert axes.get_ylabel() == "Focal loss"


def test_areas_by_epoch_of_every_fold() -> None:
    classes = [
        networks.ByEpoch("signal", style.RED, [[0.7, 0.8, 0.75], [0.6, 0.9]]),
        networks.ByEpoch("other", style.BLUE, [[0.5, 0.6, 0.7], [0.8, 0.7]]),
    ]
    figure = networks.areas(classes, [2, 1], title="net")
    *lines, kept = figure.axes[0].lines
    folds = [values for one in classes for values in one.folds]
    for line, values in zip(lines, folds, strict=True):
        np.testing.assert_allclose(line.get_ydata(), values)
    np.testing.assert_allclose(kept.get_xydata(), [[2, 0.8], [1, 0.6], [2, 0.6], [1, 0.8]])
    assert texts(figure) == ["signal", "other", "Kept"]
    low, high = networks.areas([networks.ByEpoch("a", "red", [[0.5]])], [1]).axes[0].get_ylim()
    assert low < 0.5 < high


def test_roc_names_the_area() -> None:
    curve = networks.Curve("ttbar", style.BLUE, [0.0, 0.2, 1.0], [0.0, 0.9, 1.0], 0.8516)
    figure = networks.roc([curve], title="net", other="wjets")
    assert texts(figure) == ["ttbar, AUC 0.852", "No separation"]
    axes = figure.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == (
        "Efficiency for wjets",
        "Efficiency for ttbar",
    )
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[0, 0], [0.2, 0.9], [1, 1]])


def test_scores_draw_training_filled_and_unseen_as_points() -> None:
    shown = classes()
    figure = networks.scores(shown, label="Score net", bins=5, banner=style.Banner())
    assert sorted(texts(figure)) == sorted(
        f"{c.label}, {part}"
        for c in shown
        for part in ("training", f"unseen (KS p = {c.p_value:.2g})")
    )
    stairs = [p for p in figure.axes[0].patches if hasattr(p, "get_data")]
    np.testing.assert_allclose(stairs[0].get_data().values, shown[0].train.density(EDGES)[0])
    points = figure.axes[0].containers[0].lines[0]
    np.testing.assert_allclose(points.get_ydata(), shown[0].test.density(EDGES)[0])
    assert legend_is_free(figure)


def test_reliability_is_drawn_beside_the_diagonal() -> None:
    points = [0.1, 0.8], [0.2, 0.7], [0.05, 0.1]
    scored = Scored("$W$ + jets", style.ORANGE, *points, 0.0312)
    figure = reliability([scored], title="net", banner=style.Banner())
    axes = figure.axes[0]
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[0, 0], [1, 1]])
    drawn = axes.containers[0].lines[0]
    np.testing.assert_allclose(drawn.get_xydata(), [[0.1, 0.2], [0.8, 0.7]])
    assert axes.get_ylabel() == "Share of $W$ + jets"
    assert texts(figure) == ["Share = score", "$W$ + jets, ECE 0.031"]
    before = Scored("$W$ + jets", style.ORANGE, *points, 0.1, calibrated=False)
    figure = reliability([scored, before], title="net", banner=style.Banner())
    assert texts(figure)[1:] == ["$W$ + jets, before, ECE 0.1", "$W$ + jets, calibrated, ECE 0.031"]
    assert figure.axes[0].containers[0].lines[0].get_markerfacecolor() == "white"


def test_feature_that_is_not_scaled_has_one_panel() -> None:
    figure = networks.feature(classes(), [], EDGES, label="$p_T$", banner=style.Banner())
    assert len(figure.axes) == 1
    assert legend_is_free(figure)


@pytest.mark.parametrize("log", [False, True])
def test_feature_before_and_after_scaling(log: bool) -> None:
    def scaled(of: networks.Weighted) -> networks.Weighted:
        return networks.Weighted((np.asarray(of.values) - 0.5) / 0.25, of.weight)

    after = [networks.Class(c.label, c.colour, scaled(c.train)) for c in classes()]
    figure = networks.feature(
        classes(), after, EDGES, label="$p_T$", unit="GeV", log=log, banner=style.Banner()
    )
    before, after = figure.axes
    assert before.get_xlabel() == "$p_T$ [GeV]"
    assert before.get_ylabel() == "Share of events per GeV"
    assert after.get_xlabel() == "Scaled $p_T$"
    edges = np.linspace(-4, 4, 33)
    expected = scaled(events(0))
    np.testing.assert_allclose(after.patches[0].get_data().values, expected.density(edges)[0])
    assert all(legend_is_free(figure, panel) for panel in (0, 1))
