"""Bins of equal weight, and weights that make an observable flat in them."""

from collections.abc import Sequence
from typing import NamedTuple, Self

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


class Plane(NamedTuple):
    """Bins of an observable in which each class is to weigh the same."""

    observable: str
    edges: NDArray[np.float64]  # (bins − 1,)
    classes: int

    @classmethod
    def of(cls, events: Examples, settings: Planing, classes: int) -> Self:
        """Its bins are quantiles of all classes at equal weight.

        No transformation of the observable matters, and no event of a tail weighs as much as a bin
        of the bulk.
        """
        name = settings.observable
        total = np.array([np.abs(events.weight[events.label == k]).sum() for k in range(classes)])
        weight = events.weight / total[events.label]
        return cls(name, quantiles(events.observables[name], weight, settings.bins, name), classes)

    def factors(self, events: Examples) -> NDArray[np.float64]:
        """What weights are multiplied by in each class and bin, (classes · bins,).

        They are divided by their absolute sum there; that of a class stays as it was, and bins that
        it does not reach are left out.
        """
        shape = self.classes, len(self.edges) + 1
        sums = np.bincount(self._cells(events), np.abs(events.weight), shape[0] * shape[1])
        sums = sums.reshape(shape)
        flat = sums.sum(axis=1, keepdims=True) / np.maximum((sums > 0).sum(axis=1), 1)[:, None]
        factors = np.divide(flat, sums, out=np.zeros_like(sums), where=sums > 0)
        return np.asarray(factors.ravel())

    def weighted(self, events: Examples, factors: NDArray[np.float64]) -> Examples:
        """Events with weights times the factors of their classes and bins."""
        return events._replace(weight=events.weight * factors[self._cells(events)])

    def _cells(self, events: Examples) -> NDArray[np.int64]:
        bins = np.searchsorted(self.edges, events.observables[self.observable])
        return np.asarray(events.label * (len(self.edges) + 1) + bins)


def planed(parts: Sequence[Examples], settings: Planing, classes: int) -> list[Examples]:
    """Parts in which the observable is flat in each class, over bins of the first part."""
    plane = Plane.of(parts[0], settings, classes)
    return [plane.weighted(part, plane.factors(part)) for part in parts]
