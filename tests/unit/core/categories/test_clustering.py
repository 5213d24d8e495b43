"""Partitions of cells against all partitions there are, and Gaussians around what they found."""

from itertools import combinations, product

import jax
import numpy as np
import pytest

from zenith.categorisation.starts import mixture_starts
from zenith.core.categories.cells import Cells
from zenith.core.categories.clustering import partition
from zenith.core.categories.counting import Counting, Requirements
from zenith.core.categories.task import Task
from zenith.core.categories.yields import Tallied


def cells(number: int, signals: int, seed: int = 0) -> Cells:
    """Each cell an event of every sample, of random weights."""
    random = np.random.default_rng(seed)
    x = np.repeat(random.uniform(0, 1, (2, number)), signals + 1, axis=1)
    signal = np.tile(np.append(np.arange(signals), -1), number)
    weight = np.where(
        signal < 0, random.uniform(1, 30, len(signal)), random.gamma(0.3, 2.0, len(signal))
    )
    found = Cells.of(x, Tallied.of(weight, signal), len(signal))
    sums = np.asarray(found.sums).reshape(-1, number, signals + 1).sum(axis=2)
    return Cells(found.x[:, :: signals + 1], sums, found.tally)


def merit(these: Cells, category: np.ndarray, categories: int, counting: Counting) -> float:
    signals, background = (
        np.stack([np.bincount(category, row, categories) for row in np.atleast_2d(rows)])
        for rows in (these.signals, these.background)
    )
    return float(counting(signals, np.maximum(background[0], 1e-9)))


def found(these: Cells, categories: int, counting: Counting, need: Requirements, tries: int = 12):
    keys = jax.random.split(jax.random.key(1), tries)
    every = jax.vmap(
        lambda key: partition(these.sums, key, categories, these.tally, Task(counting, need))
    )(keys)
    best = int(np.argmax(every.merit))
    return np.asarray(every.category[best]), float(every.merit[best])


def test_the_best_partition_for_one_signal_is_found():
    # the best categories are ranges of signal over background, so that all of them can be tried
    these, counting = cells(30, 1), Counting()
    order = np.argsort(these.signals[0] / these.background)
    best = 0.0
    for cuts in combinations(range(1, 30), 2):
        category = np.empty(30, np.int64)
        category[order] = np.searchsorted(cuts, np.arange(30), side="right")
        best = max(best, merit(these, category, 3, counting))
    category, value = found(these, 3, counting, Requirements())
    assert value == pytest.approx(best, rel=1e-6)
    assert value == pytest.approx(merit(these, category, 3, counting), rel=1e-6)


@pytest.mark.parametrize("combination", ["geometric", "weighted"])
def test_two_signals_against_all_partitions(combination):
    these, counting = cells(8, 2, 3), Counting(combination=combination)
    every = [np.array(each) for each in product(range(3), repeat=8)]
    best = max(merit(these, category, 3, counting) for category in every if category[0] == 0)
    _, value = found(these, 3, counting, Requirements())
    assert 0.995 * best < value <= best * (1 + 1e-6)


def test_requirements_are_kept():
    these, counting = cells(200, 2, 5), Counting()
    free, _ = found(these, 6, counting, Requirements())
    assert np.bincount(free, these.background, 6).min() < 100
    category, value = found(these, 6, counting, Requirements(100.0))
    assert np.bincount(category, these.background, 6).min() >= 100
    assert value == pytest.approx(merit(these, category, 6, counting), rel=1e-6)
    _, none = found(these, 6, counting, Requirements(these.background.sum() / 5))
    assert none < 0


def test_starts_are_distinct_gaussians_even_of_categories_without_cells():
    these = cells(64, 2, 7)
    starts = mixture_starts(these, 4, 3, 0, Task(Counting()))
    assert len(starts) == 3
    assert not np.allclose(starts[0][1], starts[1][1])
    for weights, means, covariances in mixture_starts(these, 60, 1, 0, Task(Counting())):
        assert (weights > 0).all()
        assert np.isfinite(means).all()
        assert (np.linalg.eigvalsh(covariances) > 0).all()
