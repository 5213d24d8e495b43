"""Where to start looking for categories: never far from good, and different from each other."""

import jax
import numpy as np
from numpy.typing import NDArray

from zenith.core.categories.cells import Cells
from zenith.core.categories.clustering import partition
from zenith.core.categories.exact import Spectrum
from zenith.core.categories.task import Task

GROUPS = 1024  # of cells
TRIES = 6  # partitions for each start
NARROWEST = 1e-4  # width of a Gaussian, beside that of all cells
ROUNDING = 0.05  # of its variances are added to each, which tells axes that are strictly in line


def edges_starts(
    spectrum: Spectrum, position: NDArray[np.float64], categories: int, starts: int, seed: int
) -> list[NDArray[np.float64]]:
    """Edges (K − 1,) in `position`: equal signal, equal steps, halving signal, and random ones."""
    shares = np.arange(1, categories) / categories
    rising = np.maximum.accumulate(spectrum.signals.sum(axis=0))
    places = [_at(rising, shares, position), shares]
    # ever less signal towards the highest scores, where the background is least
    places.append(_at(rising, 1 - np.geomspace(1.0, 2e-3, categories + 1)[1:-1], position))
    random = np.random.default_rng([seed, categories])
    while len(places) < starts:
        places.append(np.cumsum(random.dirichlet(np.full(categories, 3.0)))[:-1])
    # apart by less than any bin that matters, so that none is empty from the start
    apart = 1e-4 * np.arange(1, categories)
    return [np.clip(np.sort(p), 0, 0.99) * (1 - 1e-4 * categories) + apart for p in places[:starts]]


def _at(
    rising: NDArray[np.float64], shares: NDArray[np.float64], position: NDArray[np.float64]
) -> NDArray[np.float64]:
    cuts = np.searchsorted(rising, shares * rising[-1])
    return np.asarray(position[np.clip(cuts, 1, len(position)) - 1])


Components = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""Weights (K,), means (K, D), covariances (K, D, D)."""


def mixture_starts(
    cells: Cells,
    categories: int,
    starts: int,
    seed: int,
    task: Task,
) -> list[Components]:
    """Gaussians around the categories of the best partitions of groups of cells.

    Groups are so large that yields, not chance, decide where they go.
    """
    groups = cells.grouped(max(min(GROUPS, cells.x.shape[1] // 8), categories))
    number = groups.max() + 1
    sums = np.stack([np.bincount(groups, row, number) for row in np.asarray(cells.sums)])
    keys = jax.random.split(jax.random.key(seed), TRIES * starts)
    found = jax.vmap(lambda key: partition(sums, key, categories, cells.tally, task))(keys)
    merit, category = np.asarray(found.merit), np.asarray(found.category)
    # different ones first: many seedings end in the same partition
    _, first = np.unique(np.round(merit, 4), return_index=True)
    order = np.argsort(-merit, kind="stable")
    order = np.concatenate([order[np.isin(order, first)], order[~np.isin(order, first)]])
    return [_gaussians(cells, category[k][groups], categories) for k in order[:starts]]


def _gaussians(cells: Cells, category: NDArray[np.int64], categories: int) -> Components:
    """Moments of cells in their categories; a cell counts by its shares of signals and background.

    A category without cells is around all of them, and of little weight.
    """
    x = np.asarray(cells.x, np.float64)
    content = np.maximum(np.vstack([cells.signals, cells.background]), 0)
    weight = (content / content.sum(axis=1, keepdims=True)).sum(axis=0)
    everything = np.average(x, axis=1, weights=weight), np.cov(x, aweights=weight, bias=True)
    narrowest = NARROWEST**2 * np.diag(np.maximum(np.diag(everything[1].reshape(len(x), -1)), 1e-9))
    share = np.bincount(category, weight, categories)
    means, covariances = np.empty((categories, len(x))), np.empty((categories, len(x), len(x)))
    for k in range(categories):
        mine = category == k
        if share[k] > 0:
            means[k] = np.average(x[:, mine], axis=1, weights=weight[mine])
            covariances[k] = np.cov(x[:, mine], aweights=weight[mine], bias=True)
        else:
            means[k], covariances[k] = everything
        covariances[k] += ROUNDING * np.diag(np.diag(covariances[k])) + narrowest
    return np.maximum(share / share.sum(), 1e-3), means, covariances
