"""The best binning of one score against brute force, and what it must not depend on."""

from itertools import combinations

import numpy as np
import pytest

from zenith.core.categories.counting import Counting, Requirements
from zenith.core.categories.exact import Spectrum, best
from zenith.core.categories.refine import settle
from zenith.core.categories.task import Task
from zenith.core.categories.yields import Tallied
from zenith.errors import InputError


def task(background: float = 0.0) -> Task:
    """A counting experiment whose bins need so much background."""
    return Task(Counting(), Requirements(background))


def events(n: int, seed: int = 0, negative: float = 0.0):
    """A rising signal and a falling background; a share of the weights is negative."""
    rng = np.random.default_rng(seed)
    signal = np.where(np.arange(n) % 3 == 0, 0, -1)
    score = rng.beta(np.where(signal == 0, 3.0, 1.2), np.where(signal == 0, 1.2, 2.5))
    weight = rng.uniform(0.5, 1.5, n) * np.where(signal == 0, 0.3, 2.0)
    return score, np.where(rng.random(n) < negative, -weight, weight), signal


def spectrum_of(score, weight, signal) -> Spectrum:
    return Spectrum.of(score, Tallied.of(weight, signal))


def z2(s: np.ndarray, b: np.ndarray, r: float) -> float:
    s = np.maximum(s, 0)
    if r == 0:
        return float(np.sum(2 * ((s + b) * np.log1p(s / b) - s)))
    v = (r * b) ** 2
    first = (s + b) * np.log((s + b) * (b + v) / (b**2 + (s + b) * v))
    return float(np.sum(2 * (first - b**2 / v * np.log1p(v * s / b / (b + v)))))


def brute(score, weight, signal, categories, floor, limit, r=0.0):
    """The best of all bins of all possible edges; the best Z², and how many bins give it."""
    distinct = np.unique(score)
    found = (-np.inf, 0)
    for bins in range(1, categories + 1):
        for edges in combinations(distinct[1:], bins - 1):
            bin_ = np.digitize(score, edges)
            s, b, v = (
                np.bincount(bin_, w, bins)
                for w in (
                    weight * (signal == 0),
                    weight * (signal < 0),
                    weight**2 * (signal < 0),
                )
            )
            if (b > 1e-9).all() and (b >= floor).all() and (np.sqrt(v) <= limit * b).all():
                value = z2(s, b, r)
                if value > found[0] + 1e-12:
                    found = (value, bins)
    return found


@pytest.mark.parametrize(
    ("categories", "floor", "limit", "r", "negative"),
    [
        (1, 0.0, np.inf, 0.0, 0.0),
        (3, 0.0, np.inf, 0.0, 0.0),
        (4, 3.0, np.inf, 0.0, 0.0),
        (4, 3.0, 0.6, 0.2, 0.0),
        (4, 1.0, np.inf, 0.0, 0.3),
    ],
)
def test_brute_force(categories, floor, limit, r, negative):
    for seed in range(3):
        sample = events(24, seed, negative)
        value, bins = brute(*sample, categories, floor, limit, r)
        spectrum = spectrum_of(*sample)
        cuts = best(spectrum, categories, Task(Counting(r), Requirements(floor, limit)))
        signals, background, variance = spectrum.yields(cuts)[:3]
        assert z2(signals[0], background, r) == pytest.approx(value, rel=1e-9)
        assert len(cuts) + 1 == bins
        assert Requirements(floor, limit).met(background, variance).all()
        # edges make the bins that the cuts say
        bin_ = np.digitize(sample[0], spectrum.edges(cuts))
        weight = np.where(sample[2] == 0, sample[1], 0.0)
        np.testing.assert_allclose(np.bincount(bin_, weight, bins), signals[0], atol=1e-12)


def test_a_coarse_grid_loses_next_to_nothing():
    spectrum = spectrum_of(*events(3000))
    full, coarse = (
        z2(*[y.squeeze() for y in spectrum.yields(cuts)[:2]], 0.0)
        for cuts in (best(spectrum, 6, task(20.0), grid=g) for g in (4000, 128))
    )
    assert coarse <= full * (1 + 1e-12)
    assert coarse > full * (1 - 2e-3)


def test_order_and_monotone_transforms_change_nothing():
    score, weight, signal = events(2000, 1)
    order = np.random.default_rng(5).permutation(2000)
    spectrum = spectrum_of(score, weight, signal)
    cuts = best(spectrum, 5, task(30.0), grid=256)
    assert len(cuts) == 4
    shuffled = spectrum_of(score[order], weight[order], signal[order])
    np.testing.assert_array_equal(best(shuffled, 5, task(30.0), grid=256), cuts)
    for transform in (np.log, lambda x: x**3, lambda x: 7 * x - 2):
        moved = spectrum_of(transform(score), weight, signal)
        found = best(moved, 5, task(30.0), grid=256)
        np.testing.assert_array_equal(found, cuts)
        np.testing.assert_array_equal(moved.edges(found), transform(spectrum.edges(cuts)))


def test_no_more_bins_than_scores():
    score = np.array([0.2, 0.2, 0.5, 0.5, 0.9, 0.9])
    weight, signal = np.array([5.0, 1.0, 4.0, 1.0, 3.0, 1.0]), np.array([-1, 0] * 3)
    spectrum = spectrum_of(score, weight, signal)
    np.testing.assert_array_equal(spectrum.edges(best(spectrum, 20, task())), [0.5, 0.9])
    constant = spectrum_of(np.full(6, 0.5), weight, signal)
    assert len(best(constant, 5, task())) == 0


def test_bins_of_negative_background_are_joined_with_others():
    score = np.linspace(0.1, 0.9, 9)
    weight = np.array([9.0, 8.0, 1.0, 7.0, -4.0, -3.0, 8.0, 1.0, 5.0])
    signal = np.array([-1, -1, 0, -1, -1, -1, -1, 0, -1])
    spectrum = spectrum_of(score, weight, signal)
    assert (spectrum.yields(best(spectrum, 6, task()))[1] > 0).all()


def test_what_cannot_be_met_is_said():
    spectrum = spectrum_of(*events(30))
    with pytest.raises(InputError, match="loosen"):
        best(spectrum, 3, task(1e4))
    score, weight, signal = events(30)
    signal[:3] = 1
    with pytest.raises(InputError, match="gradient"):
        best(spectrum_of(score, weight, signal), 3, task())


def test_settled_cuts_are_best_one_by_one():
    sample = events(40, 3)
    spectrum, need = spectrum_of(*sample), Requirements(4.0)
    cuts, notes = settle(spectrum, np.array([10, 20, 30]), Task(Counting(), need))
    assert notes == []
    signals, background, variance = spectrum.yields(cuts)[:3]
    assert need.met(background, variance).all()
    value = z2(signals[0], background, 0.0)
    assert value <= brute(*sample, 4, 4.0, np.inf)[0] * (1 + 1e-12)
    for j in range(3):
        for place in range(1, 40):
            moved = np.sort(np.append(np.delete(cuts, j), place))
            s, b, v = spectrum.yields(moved)[:3]
            if need.met(b, v).all() and (moved == np.unique(moved)).all() and moved[j] == place:
                assert z2(s[0], b, 0.0) <= value * (1 + 1e-12)


def test_settling_repairs_or_merges():
    spectrum, need = spectrum_of(*events(40, 3)), Requirements(20.0)
    for start in ([37, 38, 39], [1, 2, 3]):
        cuts, notes = settle(spectrum, np.array(start), Task(Counting(), need))
        assert need.met(*spectrum.yields(cuts)[1:3]).all()
    cuts, notes = settle(spectrum, np.arange(1, 40, 4), Task(Counting(), need))
    assert need.met(*spectrum.yields(cuts)[1:3]).all()
    assert notes
    assert "merged" in notes[0]


def test_the_best_cut_is_a_corner_of_the_roc():
    score, weight, signal = events(1500, 8)
    spectrum = spectrum_of(score, weight, signal)
    s, b = spectrum.signals[0], spectrum.background
    below, above = (s[1:-1], b[1:-1]), (s[-1] - s[1:-1], b[-1] - b[1:-1])
    sound = (below[1] > 0) & (above[1] > 0)
    value = np.where(sound, 0.0, -np.inf)
    for part in (below, above):
        x, y = part[0], np.where(sound, part[1], 1.0)
        value += 2 * ((x + y) * np.log1p(x / y) - x)
    cut = 1 + int(np.argmax(value))
    assert best(spectrum, 2, task()).tolist() == [cut]
    assert cut in spectrum.corners
    assert len(spectrum.corners) < 60
    assert set(spectrum.corners[1:]) <= set(spectrum.beyond_background)
    # on the hull, background for signal falls from corner to corner
    slope = np.diff(s[spectrum.corners]) / np.diff(b[spectrum.corners])
    assert (np.diff(slope) > 0).all()


@pytest.mark.parametrize("floor", [3.0, 12.0])
def test_no_settled_cut_would_be_better_at_any_corner(floor):
    score, weight, signal = events(1500, 9)
    spectrum = spectrum_of(score, weight, signal)
    begin = np.arange(100, 900, 100)
    cuts, _ = settle(spectrum, begin, task(floor))

    def value(cuts: np.ndarray) -> float:
        ends = np.concatenate([[0], np.unique(cuts), [len(spectrum.scores)]])
        s, b = np.diff(spectrum.signals[0][ends]), np.diff(spectrum.background[ends])
        return z2(s, b, 0.0) if (b >= floor).all() else -np.inf

    reached = value(cuts)
    assert reached > 1.1 * value(begin)
    others = [np.append(np.delete(cuts, j), c) for j in range(8) for c in spectrum.corners]
    assert max(map(value, others)) <= reached * (1 + 1e-5)
