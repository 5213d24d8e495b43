"""Parts of scored events, references, errors of Z, the knee, and the plane of the scores."""

import numpy as np
import pytest
from makers.scored import scored

from zenith.categorisation.baselines import references
from zenith.categorisation.category_files import Found
from zenith.categorisation.model import aim
from zenith.categorisation.plane import odds, plane
from zenith.categorisation.scan import bootstrap, knee, scan, significance
from zenith.categorisation.scored import Scored, Space, report
from zenith.categorisation.scored_inputs import parts
from zenith.core.categories.counting import Counting, Requirements
from zenith.core.categories.task import Task
from zenith.core.selection.memberships import Mixture
from zenith.errors import InputError
from zenith.figures.categories import CORNERS
from zenith.statistics.bootstrap import spread


@pytest.fixture(scope="module")
def one() -> Scored:
    return scored("one_score")


@pytest.fixture(scope="module")
def three() -> Scored:
    return scored("three_classes", 0.005)


def events(n: int = 4000) -> dict[str, np.ndarray]:
    random = np.random.default_rng(3)
    return {
        "scores": random.random((n, 2)).astype(np.float32),
        "weight": random.random(n),
        "label": random.integers(0, 3, n),
        "weight_variations": random.random((n, 2)),
        "names": np.arange(5),
    }


def test_each_part_has_the_yields_of_all_events() -> None:
    arrays = events()
    train, unseen = parts(arrays, 0.25, "x.h5")
    assert len(train["label"]) + len(unseen["label"]) == 4000
    assert len(train["label"]) / 4000 == pytest.approx(0.25, abs=0.03)
    for part in (train, unseen):
        assert part["scores"].dtype == np.float32
        for label in range(3):
            whole = arrays["weight"][arrays["label"] == label].sum()
            assert part["weight"][part["label"] == label].sum() == pytest.approx(whole, rel=1e-12)
        # a variation keeps its ratio to the weight of the event
        at = np.searchsorted(np.sort(arrays["scores"][:, 0]), part["scores"][:, 0])
        order = np.argsort(arrays["scores"][:, 0])
        ratio = arrays["weight_variations"] / arrays["weight"][:, None]
        found = part["weight_variations"] / part["weight"][:, None]
        np.testing.assert_allclose(found, ratio[order][at], rtol=1e-12)
        np.testing.assert_array_equal(part["names"], np.arange(5))


def test_the_part_of_an_event_follows_its_number_alone() -> None:
    arrays = events() | {"event": np.arange(4000) * 7 + 11}
    order = np.random.default_rng(0).permutation(4000)
    first = parts(arrays, 0.4, "x.h5")[0]
    second = parts({k: v[order] if len(v) == 4000 else v for k, v in arrays.items()}, 0.4, "x")[0]
    assert set(first["event"]) == set(second["event"])


def test_weights_of_mixed_signs_are_scaled_by_the_number_of_events() -> None:
    arrays = events()
    arrays["weight"] = np.where(np.arange(4000) % 2, 1.0, -0.999)
    train, _ = parts(arrays, 0.25, "x.h5")
    assert np.abs(train["weight"]).max() == pytest.approx(4000 / len(train["label"]))


@pytest.mark.parametrize(
    ("change", "fraction", "says"),
    [({"weight": None}, 0.5, "no dataset 'weight'"), ({}, 1e-9, "leaves a part empty")],
)
def test_events_that_cannot_be_parted(change: dict, fraction: float, says: str) -> None:
    arrays = {k: v for k, v in (events() | change).items() if v is not None}
    with pytest.raises(InputError, match=rf"x\.h5: .*{says}"):
        parts(arrays, fraction, "x.h5")


def test_references_of_one_score(one: Scored) -> None:
    need = Requirements(5.0)
    found = {r.name: r for r in references(one, [4], Task(Counting(), need), exact=True)}
    assert set(found) == {"equidistant", "equal signal", "exact"}
    score = one.scores[:, 0]
    low, high = score.min(), score.max()
    np.testing.assert_allclose(found["equidistant"].edges[0], np.linspace(low, high, 5)[1:-1])
    bins = [-np.inf, *found["equal signal"].edges[0], np.inf]
    signal = one.signal == 0
    np.testing.assert_allclose(np.histogram(score[signal], bins)[0] / signal.sum(), 0.25, atol=2e-3)
    z = {
        name: report(r.category(one), r.number, one, Task(Counting(), need))["z"]
        for name, r in found.items()
    }
    assert z["equidistant"] < z["equal signal"] < z["exact"]
    assert not [
        r for r in references(one, [4], Task(Counting(), need), exact=False) if r.name == "exact"
    ]


def test_references_of_a_softmax(three: Scored) -> None:
    found = {r.name: r for r in references(three, [3, 7], Task(Counting()), exact=True)}
    assert set(found) == {"argmax", "argmax, equidistant", "argmax, equal signal"}
    largest = three.scores.argmax(axis=1)
    np.testing.assert_array_equal(found["argmax"].category(three), largest)
    for name in ("argmax, equidistant", "argmax, equal signal"):  # two bins in each class
        assert found[name].number == 6
        np.testing.assert_array_equal(found[name].category(three) // 2, largest)
    signal = three.weight * (three.signal >= 0)
    halves = np.bincount(found["argmax, equal signal"].category(three), signal)
    np.testing.assert_allclose(halves[0::2], halves[1::2], rtol=0.1)


def test_the_bootstrap_has_the_error_of_the_formula(one: Scored) -> None:
    """Z = S/√B of one category: relative variance 1/n of the signal, and a quarter of 1/n_eff."""
    zeros = np.zeros(len(one.label), np.int64)
    found = bootstrap([(zeros, 1), (zeros, 1)], one, Counting(), 400, seed=1)
    np.testing.assert_array_equal(found[:, 0], found[:, 1])  # the same replicas
    signal, background = one.weight[one.signal == 0], one.weight[one.signal < 0]
    relative = (signal**2).sum() / signal.sum() ** 2
    relative += (background**2).sum() / background.sum() ** 2 / 4
    z = report(zeros, 1, one, Task(Counting()))["z"]
    assert spread(found[:, 0]) == pytest.approx(z * np.sqrt(relative), rel=0.15)
    assert found[:, 0].mean() == pytest.approx(z, rel=5 * np.sqrt(relative / 400))


@pytest.mark.parametrize("objective", ["counting", "histfactory"])
def test_replicas_have_the_objective_of_the_report(three: Scored, objective: str) -> None:
    goal = aim(objective, three, Counting(0.1))
    category = three.scores.argmax(axis=1)
    events = three.tallied(goal)
    sums = np.stack([events.sums(category, 3)] * 2)
    z = report(category, 3, three, Task(goal))["z"]
    np.testing.assert_allclose(significance(sums, events.tally, goal), z, rtol=1e-6)
    found = bootstrap([(category, 3)], three, goal, 2, seed=1)
    np.testing.assert_allclose(found, z, rtol=0.2)


def test_the_knee_is_the_smallest_number_that_is_as_good() -> None:
    z = np.array([1.0, 1.9, 1.99, 2.0, 1.95])
    still = np.tile(z, (50, 1))  # all differences are certain
    assert knee(z, still, 0.001)[:2] == (3, 3)
    assert knee(z, still, 0.01)[:2] == (2, 3)
    assert knee(z, still, 0.06)[:2] == (1, 3)
    wide = still.copy()
    wide[:, 1] += np.linspace(-0.3, 0.3, 50)  # its difference to the best is not known
    found = knee(z, wide, 0.001)
    assert (found.number, found.best) == (1, 3)
    assert found.difference == pytest.approx(0.1)
    assert found.error == pytest.approx(0.6 * 0.6827 / 2, rel=0.05)


def test_the_scan_is_of_hard_categories_on_each_part(one: Scored) -> None:
    other = scored("one_score", seed=2)
    need, space = Requirements(5.0), Space(1, "box")
    learned = {n: Found(np.linspace(0, 1, n + 1)[1:-1], space, Counting(), need) for n in (1, 2, 6)}
    known = references(one, [2], Task(Counting(), need), exact=False)
    found = scan(learned, known, one, other, tolerance=0.01, replicas=20, seed=1)
    for row in found["numbers"]:
        for key, part in (("train", one), ("unseen", other)):
            bins = np.linspace(0, 1, row["asked"] + 1)
            s, b = (
                np.histogram(part.scores[m, 0], bins, weights=part.weight[m])[0]
                for m in (part.signal == 0, part.signal < 0)
            )
            z = np.sqrt(np.sum(2 * ((s + b) * np.log1p(s / b) - s)))
            assert row[key] == pytest.approx(z, rel=1e-6)
    assert found["knee"]["asked"] == 6
    assert found["unseen"]["z"] == found["numbers"][2]["unseen"]
    assert found["numbers"][2]["below_best"] == found["numbers"][2]["below_best_error"] == 0
    assert found["references"]["equal signal"][0]["meets_requirements"]


def test_the_ternary_plane_shows_the_categories_of_its_points(three: Scored) -> None:
    means = np.array([[0.1, 0.1], [0.8, 0.1], [0.1, 0.8]])
    mixture = Mixture.of(np.full(3, 1 / 3), means, np.tile(0.02 * np.eye(2), (3, 1, 1)))
    found = Found(mixture, Space(3, "simplex"), Counting(), Requirements())
    seen = plane(found, three, CORNERS)
    x, y = (seen.x[1:] + seen.x[:-1]) / 2, (seen.y[1:] + seen.y[:-1]) / 2
    nearest = {}  # of a pure class: the mean that is next to it
    for k, corner in enumerate(CORNERS):
        inner = 0.98 * corner + 0.02 * CORNERS.mean(axis=0)
        nearest[k] = seen.category[np.abs(y - inner[1]).argmin(), np.abs(x - inner[0]).argmin()]
    assert nearest == {0: 1, 1: 2, 2: 0}
    assert np.isnan(seen.category[-1, 0])  # beside the triangle
    assert np.isfinite(seen.category).mean() == pytest.approx(0.5, abs=0.01)
    for a, density in enumerate(seen.signals):
        assert density.sum() == pytest.approx(three.weight[three.signal == a].sum())


def test_odds_show_the_category_of_the_events_that_are_there(three: Scored) -> None:
    means = np.array([[0.1, 0.1], [0.8, 0.1], [0.1, 0.8]])
    mixture = Mixture.of(np.full(3, 1 / 3), means, np.tile(0.02 * np.eye(2), (3, 1, 1)))
    found = Found(mixture, Space(3, "simplex"), Counting(), Requirements())
    seen = odds(found, three)
    ratios = np.log10(np.maximum(three.scores, 1e-7)[:, :2] / np.maximum(three.scores, 1e-7)[:, 2:])
    inside = np.all((ratios > (seen.x[0], seen.y[0])) & (ratios < (seen.x[-1], seen.y[-1])), axis=1)
    assert 0.99 < inside.mean() < 1.0
    column, row = (
        np.searchsorted(edges, ratio) - 1
        for edges, ratio in zip((seen.x, seen.y), ratios[inside].T, strict=True)
    )
    category = found.category(three)[inside]
    assert set(category) == {0, 1, 2}
    assert (seen.category[row, column] == category).mean() > 0.98  # but at borders
    for a, density in enumerate(seen.signals):
        assert density.sum() == pytest.approx(three.weight[three.signal == a].sum())


def test_a_plane_of_many_scores_shows_most_events() -> None:
    random = np.random.default_rng(1)
    scores = random.random((5000, 3)) * 2
    label = (np.arange(5000) % 3 == 0).astype(np.int64)
    many = Scored(scores, np.ones(5000), label, (1,))
    # parted by the first score alone, which the plane shows
    means = np.array([[0.5, 1.0, 1.0], [1.5, 1.0, 1.0]])
    mixture = Mixture.of([0.5, 0.5], means, np.tile(np.eye(3), (2, 1, 1)))
    seen = plane(Found(mixture, Space(3, "box"), Counting(), Requirements()), many, CORNERS)
    x = (seen.x[1:] + seen.x[:-1]) / 2
    filled = np.isfinite(seen.category)
    assert filled.any()
    away = np.abs(x - 1) > 0.01
    wrong = (seen.category > 0.5) != (x > 1)
    assert not (wrong & filled)[:, away].any()
