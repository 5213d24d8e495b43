"""Bins of equal weight, and weights that make an observable flat in them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zenith.config.networks.loss import Planing
from zenith.errors import InputError
from zenith.training.examples import Examples


def quantiles(
    values: NDArray[np.floating], weight: NDArray[np.floating], bins: int, name: str
) -> NDArray[np.float64]:
    """The edges (bins − 1,) between bins of equal Σ|w|, each the largest value of the lower bin.

    Raises `InputError` where two are equal, or a bin is empty.
    """
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(np.abs(weight[order]), dtype=float)
    at = np.searchsorted(cumulative, cumulative[-1] * np.arange(1, bins) / bins)
    edges: NDArray[np.float64] = values[order][at].astype(float)
    if len(np.unique([*edges, values.max()])) < bins:
        raise InputError(
            f"loss: {name!r} has too few values for {bins} bins of equal weight: use fewer bins"
        )
    return edges


def planed(parts: Sequence[Examples], settings: Planing, classes: int) -> list[Examples]:
    """Parts in which the observable is flat in each class, over bins of the first part.

    Its bins are quantiles of all classes at equal weight: no transformation of the observable
    matters, and no event of a tail weighs as much as a bin of the bulk. In each class and bin the
    weights are divided by their absolute sum; that of a class stays as it was, and bins that it
    does not reach are left out.
    """
    first, name = parts[0], settings.observable
    total = np.array([np.abs(first.weight[first.label == k]).sum() for k in range(classes)])
    edges = quantiles(
        first.observables[name], first.weight / total[first.label], settings.bins, name
    )
    found = []
    for part in parts:
        cell = part.label * settings.bins + np.searchsorted(edges, part.observables[name])
        sums = np.bincount(cell, np.abs(part.weight), classes * settings.bins)
        sums = sums.reshape(classes, settings.bins)
        flat = sums.sum(axis=1, keepdims=True) / np.maximum((sums > 0).sum(axis=1), 1)[:, None]
        factor = np.divide(flat, sums, out=np.zeros_like(sums), where=sums > 0)
        found.append(part._replace(weight=part.weight * factor.ravel()[cell]))
    return found
