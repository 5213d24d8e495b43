"""The figures of categories draw the numbers of their files."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch

from zenith.categorisation.categorise import Settings, categorise
from zenith.categorisation.naming import Naming
from zenith.categorisation.scored import Scored
from zenith.config import load
from zenith.core.categories.counting import Counting, Requirements
from zenith.core.categories.task import Task
from zenith.figures import categories, category_scan
from zenith.figures import category_gallery as gallery
from zenith.simulation.toys import toy

STEPS = 12


def naming(path: str, *overrides: str) -> Naming:
    return Naming.of(load(path, overrides), None)


@pytest.fixture(scope="module")
def one() -> Naming:
    return naming("config/categories-1d.yaml")


@pytest.fixture(scope="module")
def three() -> Naming:
    return naming("config/categories-3class.yaml")


@pytest.fixture
def content() -> dict[str, Any]:
    """What `category_scan` writes of three bins of one score."""
    rows = [
        {"asked": n, "categories": k, "train": 1.0 + n / 10, "unseen": 0.9 + n / 20}
        | {"unseen_error": 0.1, "below_best": 0.0, "below_best_error": 0.0}
        for n, k in ((1, 1), (3, 3), (10, 7))
    ]
    unseen = {
        "yields": {"background": [1000.0, 50.0, 4.0], "1": [5.0, 8.0, 2.0]},
        "uncertainties": [10.0, 5.0, 2.0],
    }
    return {
        "edges": [0.4, 0.9],
        "window": None,
        "label_names": {},
        "events": [10, 10, 10],
        "signal_labels": [1],
        "space": "box",
        "scores": 1,
        "requirements": {"background": 5.0, "uncertainty": 0.3},
        "yields": {"background": [1001.0, 48.0, 6.0]},
        "uncertainties": [11.0, 6.0, 1.5],
        "scan": {
            "numbers": rows,
            "knee": {"asked": 3},
            "references": {
                "exact": [
                    {"categories": 3, "train": 1.4, "unseen": 1.1, "meets_requirements": True}
                ],
                "equal signal": [
                    {"categories": 3, "train": 1.2, "unseen": 1.0, "meets_requirements": True},
                    {"categories": 10, "train": 1.9, "unseen": 1.3, "meets_requirements": False},
                ],
            },
            "unseen": unseen,
        },
    }


def drawn(figure: Figure, points: Any, panel: int = 0) -> bool:
    """Whether a line of exactly these points, (n, 2), is in the panel."""
    lines = [np.asarray(line.get_xydata()) for line in figure.axes[panel].lines]
    return any(xy.shape == np.shape(points) and np.allclose(xy, points) for xy in lines)


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_legend().texts]


def test_edges_are_drawn_over_the_stacked_score(one: Naming, content: dict) -> None:
    made = toy("one_score", 1, 0.01)
    score = made.scores[:, 0].astype(float)
    ((name, figure),) = gallery.scores(one, content, score, made.weight, made.label)
    assert name == "edges"
    axes = figure.axes[0]
    cuts = [line.get_xdata()[0] for line in axes.lines if len(set(line.get_xdata())) == 1]
    assert cuts == content["edges"]
    patches = [p for p in axes.patches if isinstance(p, StepPatch)]
    filled = [p.get_data() for p in patches if p.get_fill()]
    # a stack: each begins where the one below it ends; all together are all background
    for lower, upper in pairwise(filled):
        np.testing.assert_allclose(np.broadcast_to(upper.baseline, 60), lower.values)
    assert filled[-1].values.sum() == pytest.approx(made.weight[made.label > 1].sum())
    lines = [p.get_data().values.sum() for p in patches if not p.get_fill()]
    assert made.weight[made.label == 1].sum() == pytest.approx(min(lines))
    assert legend(figure)[0] == "Signal"
    assert "Learned edges" in legend(figure)
    assert (axes.get_xscale(), axes.get_yscale()) == ("logit", "log")


def test_labels_are_named_by_the_configuration_and_then_by_the_file(content: dict) -> None:
    one = naming("config/categories-1d.yaml", "inputs.scored.labels={1: Mine, eight: Eight}")
    content = content | {"label_names": {"1": "theirs", "8": "eight"}}
    found = [gallery.named(one, content, label) for label in (1, 8, 9)]
    assert found == ["Mine", "Eight", "Label 9"]


def test_a_score_that_is_no_probability_has_a_linear_axis(one: Naming, content: dict) -> None:
    score = np.linspace(-3, 3, 600)
    label = np.arange(600) % 2 + 1
    ((_, figure),) = gallery.scores(one, content, score, np.ones(600), label)
    assert figure.axes[0].get_xscale() == "linear"
    assert figure.axes[0].get_xlim() == (-3, 3)


def test_yields_are_of_unseen_events_and_the_floor_is_drawn(one: Naming, content: dict) -> None:
    ((name, figure),) = gallery.yields(one, content)
    assert name == "yields"
    numbers = np.arange(1, 4)
    unseen, seen = [1000.0, 50.0, 4.0], [1001.0, 48.0, 6.0]
    for background in (unseen, seen):
        assert drawn(figure, np.stack([numbers, background], axis=1))
    levels = [line.get_ydata()[0] for line in figure.axes[0].lines if line.get_ls() == "--"]
    assert levels == [5.0]
    assert "Floor: 5" in legend(figure)
    for relative in ([1.0, 10.0, 50.0], [1100 / 1001, 12.5, 25.0]):
        assert drawn(figure, np.stack([numbers, relative], axis=1), panel=1)
    assert drawn(figure, [[0, 30], [1, 30]], panel=1)  # the largest uncertainty, in percent
    (signal,) = [p for p in figure.axes[0].patches if isinstance(p, StepPatch)]
    np.testing.assert_array_equal(signal.get_data().values, [5.0, 8.0, 2.0])


def test_numbers_show_the_knee_and_the_references_that_violate(one: Naming, content: dict) -> None:
    ((name, figure),) = gallery.numbers(one, content)
    assert name == "numbers"
    assert drawn(figure, [[1, 1.1], [3, 1.3], [7, 2.0]])  # found, not asked for
    assert drawn(figure, [[1, 0.95], [3, 1.05], [7, 1.4]])
    assert drawn(figure, [[3, 1.05]])  # the star
    assert drawn(figure, [[3, 1.0], [10, 1.3]])
    assert drawn(figure, [[10, 1.3]])  # the cross
    assert {"Exact", "Equal signal", "Violates the floor"} <= set(legend(figure))
    assert "Chosen: 3, Z = 1.05" in legend(figure)


def test_bias_and_convergence_are_of_the_history(three: Naming) -> None:
    made = toy("three_classes", 1, 0.005)
    events = Scored(made.scores.astype(float), made.weight, made.label, (1, 2), "toy")
    settings = Settings(steps=STEPS, starts=1, cells=256)
    result = categorise(events, 3, Task(Counting(), Requirements(5.0)), settings=settings)
    assert result.history is not None
    history = result.history._asdict()
    for reading in ("soft_yields", "hard_yields"):  # both share out all events
        sums = history[reading].sum(axis=1)
        whole = [made.weight[made.label == a].sum() for a in (1, 2)]
        np.testing.assert_allclose(sums, [*whole, made.weight[made.label > 2].sum()], rtol=1e-4)
    content = {
        "signal_labels": [1, 2],
        "events": [1, 1, 1],
        "label_names": {},
        "counting": {"combination": "geometric"},
    }
    figures = dict(gallery.climb(three, content, history))
    assert set(figures) == {"bias", "convergence"}
    hard, soft = history["hard_yields"], history["soft_yields"]
    order = np.argsort(hard[:2].sum(axis=0) / np.maximum(hard[2], 1e-9), kind="stable")
    with np.errstate(divide="ignore", invalid="ignore"):
        percent = np.where(hard > 0, 100 * (soft / hard - 1), np.nan)[:, order]
    found = [line.get_ydata() for line in figures["bias"].axes[0].lines if line.get_marker() == "o"]
    np.testing.assert_allclose(found, percent)
    steps = np.arange(STEPS)
    convergence = figures["convergence"]
    assert drawn(convergence, np.stack([steps, history["soft"]], axis=1))
    shown = np.where(history["met"], history["hard"], np.nan)
    curves = [line.get_ydata() for line in convergence.axes[0].lines]
    assert any(np.array_equal(curve, shown, equal_nan=True) for curve in curves)
    assert drawn(convergence, np.stack([steps, history["temperature"]], axis=1), panel=1)
    assert not list(gallery.climb(three, content, {}))  # nothing climbed


def test_violated_steps_are_told_apart() -> None:
    met = np.array([False, True, True])
    figure = category_scan.convergence([1, 2, 3], [4, 2, 3], met, [1, 0.5, 0.1])
    assert "Hard, violating the floor" in legend(figure)
    assert drawn(figure, [[1, 4], [2, 2], [3, 3]])


@pytest.mark.parametrize("three_scores", [True, False])
def test_the_plane_is_painted_by_category(three: Naming, three_scores: bool) -> None:
    x, y = np.linspace(0, 1, 21), np.linspace(0, 0.9, 19)
    category = np.arange(18)[:, None] % 3 * np.ones(20)
    category[-1] = np.nan
    random = np.random.default_rng(1)
    content = {
        "signal_labels": [1, 2],
        "events": [1, 1, 1],
        "label_names": {},
        "space": "simplex" if three_scores else "box",
        "scores": 3,
    }
    densities = random.random((2, 18, 20))
    ((name, figure),) = gallery.plane(three, content, x, y, category, densities)
    assert name == "plane"
    (mesh,) = [c for c in figure.axes[0].collections if isinstance(c, QuadMesh)]
    painted = np.ma.filled(mesh.get_array(), np.nan).reshape(category.shape)
    np.testing.assert_array_equal(painted, category)
    assert legend(figure) == [f"Signal {a}: {share} %" for a in (1, 2) for share in (50, 90)]
    texts = [t.get_text() for t in figure.axes[0].texts]
    assert ("Background" in texts) == three_scores  # a corner
    if not three_scores:
        assert figure.axes[0].get_xlabel() == "Signal 1"
        return
    ((name, figure),) = gallery.plane(three, content, x, y, category, densities, odds=True)
    assert name == "odds"
    assert figure.axes[0].get_ylabel() == r"$\log_{10}$ (Signal 2 / Background)"
    assert "Background" not in [t.get_text() for t in figure.axes[0].texts]


def test_contours_hold_their_share() -> None:
    density = np.exp(-0.5 * (np.linspace(-6, 6, 4001) ** 2))
    low, high = categories.contents(density, (0.6827, 0.9545))
    np.testing.assert_allclose([low, high], np.exp([-2.0, -0.5]), rtol=0.01)
