"""The best edges of a score over the bins of another observable, against brute force."""

from itertools import combinations

import numpy as np
import pytest

from zenith.core.categories.binned import Scored, Shift, best_edges
from zenith.errors import InputError


def events(n: int, seed: int = 0, bins: int = 3) -> Scored:
    """A signal at high scores in the middle bin, on a falling background."""
    rng = np.random.default_rng(seed)
    signal = np.arange(n) % 3 == 0
    score = rng.beta(np.where(signal, 3.0, 1.2), np.where(signal, 1.2, 2.5))
    in_bin = np.where(
        signal, rng.choice([bins // 2, 0], n, p=[0.8, 0.2]), rng.integers(bins, size=n)
    )
    weight = rng.uniform(0.5, 1.5, n) * np.where(signal, 0.3, 2.0)
    return Scored(score, in_bin, weight, signal)


def value(sample: Scored, edges, uncertainty: float) -> float:
    """Summed over categories and bins, by another route."""
    category = np.digitize(sample.score, edges)
    background = ~sample.signal
    least = (sample.weight[background] ** 2).sum() / sample.weight[background].sum()
    total = 0.0
    for k in range(len(edges) + 1):
        for j in range(sample.bin.max() + 1):
            here = (category == k) & (sample.bin == j)
            s = sample.weight[here & sample.signal].sum()
            w = sample.weight[here & background]
            b, v = max(w.sum(), least), max((w**2).sum(), least**2)
            total += counting(s, b, np.sqrt((uncertainty * b) ** 2 + v))
    return total


def counting(s: float, b: float, error: float) -> float:
    """Equation 20 of G. Cowan, Discovery sensitivity with background uncertainty, 2012."""
    if s <= 0:
        return 0.0
    v = error**2
    first = (s + b) * np.log((s + b) * (b + v) / (b**2 + (s + b) * v))
    return float(2 * (first - b**2 / v * np.log1p(v * s / b / (b + v))))


def effective(sample: Scored, edges) -> np.ndarray:
    category, background = np.digitize(sample.score, edges), ~sample.signal
    sums = [
        np.bincount(category[background], sample.weight[background] ** p, len(edges) + 1)
        for p in (1, 2)
    ]
    return sums[0] ** 2 / np.where(sums[1] > 0, sums[1], np.inf)


@pytest.mark.parametrize(
    ("categories", "uncertainty", "floor"), [(2, 0.0, 0.0), (3, 0.2, 2.0), (4, 0.0, 3.0)]
)
def test_brute_force(categories, uncertainty, floor):
    for seed in range(3):
        sample = events(21, seed)
        found = best_edges(sample, categories, uncertainty=uncertainty, effective=floor)
        distinct = np.unique(sample.score)
        between = (distinct[1:] + distinct[:-1]) / 2
        candidates = [
            edges
            for k in range(categories)
            for edges in combinations(between, k)
            if (effective(sample, edges) >= max(floor, 1e-9)).all()
        ]
        best = max(value(sample, edges, uncertainty) for edges in candidates)
        assert value(sample, found, uncertainty) == pytest.approx(best, rel=1e-9)
        assert (effective(sample, found) >= max(floor, 1e-9)).all()


def test_a_coarse_grid_loses_little_of_the_significance():
    # what is lost are fluctuations that the edges of all scores go round
    sample = events(900)
    full, coarse = (
        np.sqrt(value(sample, best_edges(sample, 4, effective=20.0, grid=g), 0.0))
        for g in (900, 150)
    )
    assert coarse <= full * (1 + 1e-9)
    assert coarse > full * (1 - 0.02)


def test_more_categories_than_the_events_carry_are_fewer():
    sample = events(90)
    found = best_edges(sample, 10, effective=12.0)
    assert 1 <= len(found) < 5
    assert (effective(sample, found) >= 12.0).all()
    with pytest.raises(InputError, match=r"precision of .* events, where a category needs 1000"):
        best_edges(sample, 2, effective=1000.0)


def test_equal_scores_stay_together_and_the_order_of_events_changes_nothing():
    sample = events(2000, 4)
    rounded = sample._replace(score=sample.score.round(1))
    found = best_edges(rounded, 4)
    np.testing.assert_allclose((found * 20) % 2, 1.0, atol=1e-9)  # midway between two tenths
    order = np.random.default_rng(1).permutation(2000)
    shuffled = Scored(*(array[order] for array in rounded))
    np.testing.assert_array_equal(best_edges(shuffled, 4), found)


def test_events_beyond_the_axis_do_not_count():
    sample = events(600, 2)
    beyond = Scored(*(np.concatenate([a, a]) for a in sample))
    beyond.bin[600:] = -1
    np.testing.assert_array_equal(best_edges(beyond, 3), best_edges(sample, 3))


def test_a_category_that_tells_the_background_is_found():
    """With a free normalisation, Z is that of the shape, which needs a control category."""
    rng = np.random.default_rng(5)
    n = 4000
    signal = np.arange(n) < 1000
    score = np.where(signal, rng.beta(4.0, 1.2, n), rng.beta(1.0, 1.5, n))
    weight = np.where(signal, 0.02, 1.0)
    sample = Scored(score, np.zeros(n, int), weight, signal)
    free = Shift(score[~signal], np.zeros(3000, int), weight[~signal], constrained=False)
    found = best_edges(sample, 2, [free], grid=400)
    places = np.linspace(0.02, 0.98, 97)
    values = [one_bin(sample, [edge]) for edge in places]
    assert one_bin(sample, found) > 0.999 * max(values)


def one_bin(sample: Scored, edges) -> float:
    """Information on s where the background's norm is free: Σ s²/v − (Σ s b/v)² / Σ b²/v."""
    category, background = np.digitize(sample.score, edges), ~sample.signal

    def sums(chosen, weight):
        return np.bincount(category[chosen], weight[chosen], len(edges) + 1)

    s, b = sums(sample.signal, sample.weight), sums(background, sample.weight)
    v = b + sums(background, sample.weight**2)
    return float((s**2 / v).sum() - (s * b / v).sum() ** 2 / (b**2 / v).sum())


@pytest.mark.parametrize("constrained", [True, False])
def test_nuisance_parameters_that_do_nothing_change_nothing(constrained):
    sample = events(300, 3)
    nothing = Shift(sample.score, sample.bin, 0.0 * sample.weight, constrained)
    np.testing.assert_array_equal(best_edges(sample, 4, [nothing]), best_edges(sample, 4))


def test_edges_with_nuisance_parameters_are_close_to_the_best():
    sample, rng = events(21, 7), np.random.default_rng(2)
    tilt = 0.3 * sample.weight * (sample.score - 0.5) * ~sample.signal
    shifts = [
        Shift(sample.score, sample.bin, tilt),
        Shift(sample.score, sample.bin, sample.weight * ~sample.signal, constrained=False),
        Shift(sample.score, sample.bin, 0.2 * rng.normal(size=21) * ~sample.signal),
    ]
    found = best_edges(sample, 3, shifts)
    distinct = np.unique(sample.score)
    between = (distinct[1:] + distinct[:-1]) / 2
    candidates = [e for k in (0, 1, 2) for e in combinations(between, k)]
    candidates = [e for e in candidates if (effective(sample, e) > 0).all()]
    best = max(information(sample, edges, shifts) for edges in candidates)
    assert information(sample, found, shifts) > 0.95 * best
    assert information(sample, found, shifts) > information(sample, best_edges(sample, 3), shifts)


def information(sample: Scored, edges, shifts) -> float:
    """On the signal, nuisance parameters profiled, by the inverse of the whole matrix."""
    cells = np.digitize(sample.score, edges) * 3 + sample.bin

    def sums(weight):
        return np.bincount(cells, weight, 3 * (len(edges) + 1))

    background = ~sample.signal
    w, w2 = sample.weight[background], sample.weight[background] ** 2
    least = w2.sum() / w.sum()
    b = np.maximum(sums(sample.weight * background), least)
    v = b + np.maximum(sums(sample.weight**2 * background), least**2)
    rows = np.stack([sums(sample.weight * sample.signal), *(sums(s.weight) for s in shifts)])
    matrix = (rows / v) @ rows.T + np.diag([0.0, *(float(s.constrained) for s in shifts)])
    return float(1 / np.linalg.inv(matrix)[0, 0])
