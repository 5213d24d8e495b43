"""Where to start looking for categories: never far from good, and different from each other."""

import numpy as np
from numpy.typing import NDArray

from zenith.core.binning import Spectrum
from zenith.core.cells import Cells

ROUNDS = 20  # of Lloyd's iteration


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
    return position[np.clip(cuts, 1, len(position)) - 1]


Components = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""Weights (K,), means (K, D), covariances (K, D, D)."""


def mixture_starts(cells: Cells, categories: int, starts: int, seed: int) -> list[Components]:
    """Clusters of cells by k-means, seeded by k-means++, each as a Gaussian.

    Cells count by their shares of each signal, and by less of the background. Arthur and
    Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.
    """
    x = np.asarray(cells.x, np.float64).T
    content = np.maximum(np.vstack([cells.signals, cells.background]), 0)
    shares = content / content.sum(axis=1, keepdims=True)
    found = []
    for number in range(starts):
        random = np.random.default_rng([seed, number])
        weight = shares[:-1].mean(axis=0) + (0.05, 0.3, 1.0)[number % 3] * shares[-1]
        found.append(_clusters(x, weight / weight.sum(), categories, random))
    return found


def _clusters(
    x: NDArray[np.float64],
    weight: NDArray[np.float64],
    categories: int,
    random: np.random.Generator,
) -> Components:
    def distances(centres: NDArray[np.float64]) -> NDArray[np.float64]:
        return ((x[:, None, :] - centres[None]) ** 2).sum(axis=-1)

    centres = x[random.choice(len(x), 1, p=weight)]
    while len(centres) < categories:
        far = weight * distances(centres).min(axis=1)
        far = far if far.sum() > 0 else weight
        centres = np.append(centres, x[random.choice(len(x), 1, p=far / far.sum())], axis=0)
    for _ in range(ROUNDS):
        nearest = distances(centres).argmin(axis=1)
        share = np.bincount(nearest, weight, categories)
        total = np.stack([np.bincount(nearest, weight * row, categories) for row in x.T], axis=1)
        centres = np.where(share[:, None] > 0, total / np.maximum(share, 1e-30)[:, None], centres)
    nearest = distances(centres).argmin(axis=1)
    share = np.bincount(nearest, weight, categories)
    spread = np.eye(x.shape[1]) * 1e-4
    covariances = np.empty((categories, x.shape[1], x.shape[1]))
    for k in range(categories):
        off = x[nearest == k] - centres[k]
        mine = weight[nearest == k]
        covariances[k] = (off * mine[:, None]).T @ off / max(share[k], 1e-30) + spread
    return np.maximum(share, 1e-3), centres, covariances
