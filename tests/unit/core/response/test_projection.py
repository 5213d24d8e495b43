"""The efficient score where everything is known: Gaussians, and all edges tried."""

from itertools import combinations

import numpy as np
import pytest

from zenith.core.response import projection
from zenith.errors import InputError


def gaussian_events(points: int = 200_001) -> tuple[np.ndarray, np.ndarray]:
    """Signal N(1, 0.5) of 30 events on background N(0, 1) of 1000, integrated on a fine grid.

    Scores of μ, of the background's mean (a nuisance of width 0.1) and of its normalisation.
    """
    x = np.linspace(-8.0, 8.0, points)
    step = x[1] - x[0]

    def normal(mean: float, width: float) -> np.ndarray:
        return np.asarray(np.exp(-0.5 * ((x - mean) / width) ** 2) / (width * np.sqrt(2 * np.pi)))

    signal, background = 30 * normal(1.0, 0.5), 1000 * normal(0.0, 1.0)
    total = signal + background
    scores = np.array([signal, background * 0.1 * x, background]) / total
    return scores, total * step


def test_the_information_is_that_of_a_fit_of_very_many_bins() -> None:
    scores, weight = gaussian_events()
    total = projection.information(scores, weight)
    prior = np.array([1.0, 0.0])
    found = projection.project(total, prior)
    # by hand: the inverse of the whole matrix, its first element
    covariance = np.linalg.inv(total + np.diag([0.0, *prior]))
    assert found.information == pytest.approx(1 / covariance[0, 0], rel=1e-12)
    assert found.unprofiled == pytest.approx(total[0, 0], rel=1e-12)
    known = np.linalg.inv((total + np.diag([0.0, *prior]))[:2, :2])
    assert found.costs[1] == pytest.approx(1 / known[0, 0] - found.information, rel=1e-9)


def test_the_efficient_score_says_nothing_of_the_nuisance_parameters() -> None:
    scores, weight = gaussian_events()
    total = projection.information(scores, weight)
    found = projection.project(total, np.zeros(2))
    t = projection.efficient(scores, found.coefficients)
    assert np.sum(weight * t * scores[1:], axis=1) == pytest.approx([0.0, 0.0], abs=1e-9)
    assert np.sum(weight * t * scores[0]) == pytest.approx(found.information, rel=1e-12)
    assert np.sum(weight * t**2) == pytest.approx(found.information, rel=1e-12)


def test_few_bins_of_the_efficient_score_measure_as_well_as_all_events() -> None:
    scores, weight = gaussian_events()
    prior = np.array([1.0, 0.0])
    found = projection.project(projection.information(scores, weight), prior)
    t = projection.efficient(scores, found.coefficients)
    none = np.ones(len(t), bool)
    binned = projection.best_edges(t, weight, 25, is_background=none)
    index = np.searchsorted(binned.edges, t, side="right")

    def profiled(sums: np.ndarray) -> float:
        of_bins = np.array([np.bincount(index, weight * s, minlength=25) for s in scores])
        information = (of_bins / np.bincount(index, weight, minlength=25)) @ of_bins.T
        return projection.project(information, prior).information

    assert profiled(index) > 0.995 * found.information
    # of a classifier's output, equally filled bins lose more
    order = np.argsort(scores[0])
    index[order] = np.minimum(25 * np.cumsum(weight[order]) / weight.sum(), 24).astype(int)
    assert profiled(index) < 0.95 * found.information


def test_no_other_edges_keep_more() -> None:
    random = np.random.default_rng(3)
    t, weight = random.normal(size=12).round(1), random.uniform(0.5, 2.0, 12)
    found = projection.best_edges(t, weight, 3, is_background=np.ones(12, bool))

    def kept(edges: tuple[float, ...]) -> float:
        index = np.searchsorted(edges, t, side="right")
        sums = np.bincount(index, weight * t, minlength=3) ** 2
        counts = np.bincount(index, weight, minlength=3)
        return float(sum(s / c for s, c in zip(sums, counts, strict=True) if c > 0.0))

    values = np.unique(t)[1:]
    best = max(kept(edges) for k in range(3) for edges in combinations(values, k))
    assert kept(tuple(found.edges)) == pytest.approx(best, rel=1e-12)
    assert found.kept == pytest.approx(best / np.sum(weight * t**2), rel=1e-12)


def test_every_bin_has_its_effective_events() -> None:
    random = np.random.default_rng(4)
    t, weight = random.normal(size=500), random.uniform(0.1, 5.0, 500)
    background = random.uniform(size=500) < 0.7
    found = projection.best_edges(t, weight, 25, is_background=background, effective_events=30.0)
    index = np.searchsorted(found.edges, t[background], side="right")
    w = weight[background]
    effective = np.bincount(index, w) ** 2 / np.bincount(index, w**2)
    assert len(effective) == len(found.edges) + 1
    assert effective.min() >= 30.0
    with pytest.raises(InputError, match="effective events, fewer than the 400 that a bin needs"):
        projection.best_edges(t, weight, 25, is_background=background, effective_events=400.0)


def test_cells_of_a_second_axis_count_by_themselves() -> None:
    random = np.random.default_rng(5)
    x, cells = random.uniform(size=40), random.integers(0, 2, 40)
    t = np.where(cells == 1, 1.0, -1.0)  # nothing for x to add: one bin keeps everything
    found = projection.best_edges(
        t, np.ones(40), 4, is_background=np.ones(40, bool), cells=cells, order_by=x
    )
    assert len(found.edges) == 0
    assert found.kept == pytest.approx(1.0, rel=1e-12)


def test_parameters_that_do_the_same_share_a_coefficient() -> None:
    scores, weight = gaussian_events(2001)
    twice = np.concatenate([scores, scores[2:]])  # two free normalisations of one background
    found = projection.project(projection.information(twice, weight), np.array([1.0, 0.0, 0.0]))
    once = projection.project(projection.information(scores, weight), np.array([1.0, 0.0]))
    assert found.information == pytest.approx(once.information, rel=1e-9)
    total, free = projection.information(twice, weight), np.array([1.0, 0.0, 0.0])
    assert projection.inseparable(total, free) == [1, 2]
    assert not projection.inseparable(total, np.array([1.0, 1.0, 0.0]))
    assert not projection.inseparable(0.0 * total, free)
    assert found.coefficients[1:] == pytest.approx(np.repeat(once.coefficients[1] / 2, 2), rel=1e-6)
