"""Fake factors: how often an object that is not prompt passes the tight selection, per loose one.

In a measurement region, with data D and simulation M of prompt objects,

    F(x) = (D_tight - M_tight)(x) / (D_loose - M_loose)(x),

and what is expected of fakes among tight events elsewhere is the sum over loose events there, data
minus prompt simulation, each times F(x). Events of data weigh 1 and those of simulation minus their
weight, so that a difference is a sum over events.

The method is that of arXiv:2211.16178. Nothing here asks whether F is a table or a network: both
give rows, the nominal factor, that with more and with less prompt simulation, and its bootstrap, of
which nuisance parameters are made.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zenith.errors import InputError

Vector = NDArray[np.float64]
NOMINAL, MORE, LESS, FIXED = 0, 1, 2, 3
"""The rows of versions: nominal, more and less prompt simulation, and the first replica."""


class Counted(NamedTuple):
    """Events of a region: data, and simulation of prompt objects to subtract."""

    x: NDArray[np.float32]  # (features, N)
    weight: Vector  # (N,) 1 for data, minus the expected number of events for simulation
    tight: NDArray[np.bool_]  # (N,)
    data: NDArray[np.bool_]  # (N,)

    def take(self, chosen: NDArray[np.bool_]) -> "Counted":
        """The events of a mask."""
        return Counted(
            self.x[:, chosen], self.weight[chosen], self.tight[chosen], self.data[chosen]
        )


def versions(
    events: Counted, uncertainty: float, replicas: int, random: np.random.Generator
) -> Vector:
    """What multiplies the weights in each version of a measurement, (3 + replicas, N).

    The first is nominal, the next two have (1 ± uncertainty) times the prompt simulation, the
    others are Poisson bootstraps of data and simulation.
    """
    simulated = np.where(events.data, 0.0, uncertainty)
    fixed = np.stack([np.ones(len(simulated)), 1.0 + simulated, 1.0 - simulated])
    return np.concatenate([fixed, random.poisson(1.0, (replicas, len(simulated)))])


def require_loose(events: Counted, where: str) -> None:
    """Raises `InputError` for a loose region without events or with a negative total."""
    loose = events.take(~events.tight)
    if not loose.data.any():
        raise InputError(
            f"{where}: no loose event of data: loosen its cuts, or check the loose selection"
        )
    total, observed = loose.weight.sum(), loose.data.sum()
    if not total > 0.0:
        raise InputError(
            f"{where}: {observed} loose events of data minus {observed - total:.4g} of prompt "
            f"simulation are {total:.4g}, not above 0: check the cross-sections of the prompt "
            "samples, or take a region with more fakes"
        )


class Binned(NamedTuple):
    """A factor in bins of its features; beyond an axis, that of its first or last bin.

    Attributes
    ----------
    edges
        Of the axis of each feature.
    values
        The factor in each version and bin, (V, B), the bins of the last axis next to each other.
    """

    edges: tuple[Vector, ...]
    values: Vector

    def bins_of(self, x: NDArray[np.float32]) -> NDArray[np.intp]:
        """The bin of each event, (N,), from (features, N)."""
        return bins_of(x, self.edges)

    def __call__(self, x: NDArray[np.float32]) -> Vector:
        """(features, N) → (V, N)."""
        return self.values[:, self.bins_of(x)]


def bins_of(x: NDArray[np.float32], edges: Sequence[Vector]) -> NDArray[np.intp]:
    """The bin of each event in the product of axes, (N,); outside, the nearest."""
    each = [
        np.clip(np.searchsorted(axis, values, side="right") - 1, 0, len(axis) - 2)
        for axis, values in zip(edges, x, strict=True)
    ]
    return np.asarray(np.ravel_multi_index(each, [len(axis) - 1 for axis in edges]))


def measured(
    events: Counted, multipliers: Vector, edges: Sequence[Vector], names: Sequence[str], where: str
) -> Binned:
    """The factor in bins, in each version of the weights that `multipliers` (V, N) make.

    A replica is taken to first order, F + (T_b - F L_b) / L: it is then not divided by a number of
    events that fluctuates.

    Raises `InputError`, which names the bin by the `names` of its axes, where loose events are not
    above 0 or tight ones below it.
    """
    require_loose(events, where)
    index, number = bins_of(events.x, edges), int(np.prod([len(axis) - 1 for axis in edges]))

    def summed(of: NDArray[np.bool_]) -> Vector:
        weight = multipliers[:, of] * events.weight[of]
        return np.stack([np.bincount(index[of], w, minlength=number) for w in weight])

    tight, loose = summed(events.tight), summed(~events.tight)
    for totals, what, bad in (
        (loose[:FIXED], "loose", loose[:FIXED] <= 0.0),
        (tight[:FIXED], "tight", tight[:FIXED] < 0.0),
    ):
        for version, bin_ in np.argwhere(bad)[:1]:
            varied = " with the prompt simulation varied" if version else ""
            raise InputError(
                f"{where}: {what} data minus prompt simulation are {totals[version, bin_]:.4g} "
                f"events{varied} in the bin {_bin_name(int(bin_), edges, names)}: merge bins, or "
                "check the cross-sections of the prompt samples"
            )
    nominal = tight[NOMINAL] / loose[NOMINAL]
    values = np.concatenate(
        [
            tight[:FIXED] / loose[:FIXED],
            nominal + (tight[FIXED:] - nominal * loose[FIXED:]) / loose[NOMINAL],
        ]
    )
    return Binned(tuple(edges), values)


def _bin_name(index: int, edges: Sequence[Vector], names: Sequence[str]) -> str:
    places = np.unravel_index(index, [len(axis) - 1 for axis in edges])
    return ", ".join(
        f"{name} {axis[k]:g} to {axis[k + 1]:g}"
        for name, axis, k in zip(names, edges, places, strict=True)
    )


def require_below(factors: Vector, maximum: float, where: str) -> None:
    """Raises `InputError` for a nominal factor, (N,), above its maximum."""
    if (above := int(np.count_nonzero(factors > maximum))) > 0:
        raise InputError(
            f"{where}.maximum: the fake factor is up to {factors.max():.3g} in {above} of "
            f"{len(factors)} events, above {maximum:g}: measure it with more events or in wider "
            "bins, check the prompt simulation, or raise maximum"
        )


def components(deviations: Vector, total: NDArray[np.bool_], number: int) -> tuple[Vector, float]:
    """Nuisance parameters of a bootstrap: what event weights change by at +1 standard deviation.

    The covariance of the weights over replicas, C = AᵀA with one row of A a replica, is a sum of
    outer products. The first is along the yield Y of the events of `total`, cov(w, Y) / σ(Y), and
    has all of the variance of Y; the next are the principal components of what is left.

    Parameters
    ----------
    deviations
        Weights of replicas minus the nominal, (replicas, N).
    total
        Events whose yield comes first, (N,).
    number
        Of the nuisance parameters.

    Returns
    -------
    (number, N), zeros where there are no more; and the share of the trace of C that is kept.
    """
    a = (deviations - deviations.mean(axis=0)) / np.sqrt(max(len(deviations) - 1, 1))
    found = np.zeros((number, a.shape[1]))
    trace = float((a**2).sum())
    along = a[:, total].sum(axis=1)
    if norm := float(np.linalg.norm(along)):
        direction = along / norm
        found[0] = direction @ a
        a = a - np.outer(direction, found[0])
    values, vectors = np.linalg.eigh(a @ a.T)
    for k in range(1, min(number, len(values))):
        found[k] = vectors[:, -k] @ a if values[-k] > 0.0 else 0.0
    return found, float((found**2).sum()) / trace if trace else 1.0


class Closure(NamedTuple):
    """What is predicted and observed of fakes among tight events of a region, in bins."""

    loose: Vector  # (B,) data minus prompt simulation
    observed: Vector  # (B,) the same of tight events
    observed_variance: Vector  # (B,)
    predicted: Vector  # (B,)
    predicted_variance: Vector  # (B,) of the loose events and of the factor
    factor_variance: Vector  # (B,) of the factor alone, by its bootstrap


def closure(events: Counted, factors: Vector, index: NDArray[np.intp], number: int) -> Closure:
    """Predicted and observed fakes of a region in `number` bins, of which `index` is each event's.

    `factors` are those of all versions, (V, N).
    """

    def summed(of: NDArray[np.bool_], weight: Vector) -> Vector:
        return np.asarray(np.bincount(index[of], weight[of], minlength=number), float)

    loose = ~events.tight
    weight = events.weight * factors[NOMINAL]
    replicas = np.stack([summed(loose, events.weight * row) for row in factors[FIXED:]])
    spread = replicas.var(axis=0, ddof=1) if len(replicas) > 1 else np.zeros(number)
    return Closure(
        summed(loose, events.weight),
        summed(events.tight, events.weight),
        summed(events.tight, events.weight**2),
        summed(loose, weight),
        summed(loose, weight**2) + spread,
        spread,
    )
