"""The best edges of a score whose categories are histograms of another observable.

The squared significance of all bins of all categories is a sum over categories, so that the best
edges on a grid follow from what every run of the grid is worth (`runs.py`). A bin's worth is the
Asimov formula (arXiv:1007.1727, equation 97) with the relative uncertainty of its background: that
which is given, and that of the number of its simulated events.

Nuisance parameters that bins share are profiled to first order. With shifts δ of the bins of yield
b and variance v, and inverse prior covariance P, the profiled information on the signal s is the
minimum over the coefficients a of Σ (s − a δ)² / v + a P a. For given coefficients it is a sum over
bins again, of the signal s − a δ: so edges and coefficients follow from each other in turn, from
the coefficients of the finest bins on. A category almost without signal, which tells what the
nuisance parameters are, is found in this way.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from zenith.core.categories.counting import discovery
from zenith.core.categories.runs import best_runs
from zenith.errors import InputError

GRID = 257  # places of the grid, at equal shares of signal, of background, and of events
ROWS = 32  # runs of so many ends are evaluated at once: what memory holds
TURNS = 10  # of edges and coefficients
Array = NDArray[np.float64]
_discovery = jax.jit(discovery)


class Scored(NamedTuple):
    """N simulated events of one region, each array (N,)."""

    score: NDArray[np.floating]
    bin: NDArray[np.integer]
    """On the axis of the region, from 0; −1: not histogrammed."""
    weight: NDArray[np.floating]
    signal: NDArray[np.bool_]
    """Whether it is signal, else background."""


class Shift(NamedTuple):
    """What one standard deviation of a nuisance parameter adds to the yields: M entries."""

    score: NDArray[np.floating]
    bin: NDArray[np.integer]
    weight: NDArray[np.floating]
    """Half of the events when it is up, less half of those when it is down."""
    constrained: bool = True
    """Whether its prior is a unit Gaussian; else it is free, and any unit will do."""


class _Sums(NamedTuple):
    """Below each place of the grid in each bin: signal, background, variance (B, n), and shifts
    (A, B, n)."""

    signal: Array
    background: Array
    variance: Array
    shifts: Array


def best_edges(
    events: Scored,
    categories: int,
    shifts: Sequence[Shift] = (),
    *,
    uncertainty: float = 0.0,
    effective: float = 0.0,
    bounds: tuple[float, float] | None = None,
    grid: int = GRID,
) -> Array:
    """The inner edges (K − 1,) of at most so many categories that give the largest significance.

    An edge lies midway between two neighbouring scores; up to `grid` distinct scores, and without
    `shifts`, there are no better ones. Every category has at least `effective` background events,
    (Σw)² / Σw², and background yields above 0. There are fewer categories only where more cannot be
    had, or would not raise the significance. `uncertainty` is the relative one of the background,
    in every bin for itself; edges are within `bounds`, where given.

    Raises `InputError` if all events together have not so much background.
    """
    used = events.bin >= 0
    events = Scored(*(np.asarray(array)[used] for array in events))
    edges = _places(events, grid, bounds)
    sums = _sums(events, shifts, edges)
    prior = np.diag([float(shift.constrained) for shift in shifts])
    allowed = _allowed(sums, effective)
    best, most = None, -np.inf
    runs = np.arange(1, sums.signal.shape[1] - 1)  # the finest bins
    for _ in range(TURNS if shifts else 1):
        coefficients = _coefficients(sums, runs, prior, uncertainty)
        found = best_runs(_gains(sums, coefficients, allowed, uncertainty), categories)
        if found is None:
            break
        value = _profiled(sums, found, prior, uncertainty)
        if value > most:
            best, most = found, value
        if np.array_equal(found, runs):
            break
        runs = found
    if best is None:
        total, squares = sums.background[:, -1].sum(), sums.variance[:, -1].sum()
        precision = total**2 / squares if squares > 0 else 0.0
        raise InputError(
            f"all events together have a background of {total:.4g}, with the precision of "
            f"{precision:.4g} events, where a category needs {effective:g}"
        )
    chosen: Array = edges[best - 1]
    return chosen


def _places(events: Scored, grid: int, bounds: tuple[float, float] | None) -> Array:
    """Edges between neighbouring scores, (n,): all, or at equal shares."""
    distinct = np.unique(events.score.astype(np.float64))
    between = (distinct[1:] + distinct[:-1]) / 2
    if bounds is not None:
        between = between[(bounds[0] < between) & (between < bounds[1])]
    if len(between) < grid:
        return between
    order = np.argsort(events.score, kind="stable")
    score, weight = events.score[order], np.maximum(events.weight[order], 0.0)
    chosen = []
    for share in (weight * events.signal[order], weight * ~events.signal[order], 1.0 + 0 * weight):
        total = share.cumsum()
        levels = np.linspace(0.0, total[-1], grid // 3 + 2)[1:-1]
        at = np.minimum(np.searchsorted(total, levels), len(score) - 1)
        chosen.append(np.searchsorted(between, score[at]))
    places: Array = between[np.unique(np.concatenate(chosen)).clip(max=len(between) - 1)]
    return places


def _sums(events: Scored, shifts: Sequence[Shift], edges: Array) -> _Sums:
    bins, size = int(events.bin.max(initial=0)) + 1, len(edges) + 1

    def below(score: NDArray[np.floating], in_bin: NDArray[np.integer], weight: Array) -> Array:
        place = np.searchsorted(edges, score, side="right")  # 0 is below the first edge
        used = (in_bin >= 0) & (in_bin < bins)
        cell = (in_bin.astype(np.int64) * size + place)[used]
        found = np.zeros((bins, size + 1))
        found[:, 1:] = np.bincount(cell, weight[used], bins * size).reshape(bins, size)
        return found.cumsum(axis=1)

    score, in_bin, weight = events.score, events.bin, events.weight.astype(np.float64)
    each = [below(s.score, s.bin, np.asarray(s.weight, np.float64)) for s in shifts]
    return _Sums(
        below(score, in_bin, weight * events.signal),
        below(score, in_bin, weight * ~events.signal),
        below(score, in_bin, weight**2 * ~events.signal),
        np.array(each).reshape(len(shifts), bins, size + 1),
    )


def _allowed(sums: _Sums, effective: float) -> NDArray[np.bool_]:
    """Which runs (n, n), from the second place to the first, have enough background."""
    total, squares = (
        array[:, None] - array[None, :]
        for array in (sums.background.sum(axis=0), sums.variance.sum(axis=0))
    )
    enough = (total > 0) & (squares > 0) & (total**2 >= effective * squares)
    return np.asarray(enough & np.tri(len(total), k=-1, dtype=bool))


def _worth(
    sums: _Sums, signal: Array, background: Array, variance: Array, uncertainty: float
) -> Array:
    """Squared significance of cells of any shape, of signals of either sign."""
    # cells without background count as one with the weight of a simulated event
    least = _least(sums)
    filled = np.maximum(background, least)
    relative = np.sqrt(uncertainty**2 + np.maximum(variance, least**2) / filled**2)
    excess = np.asarray(_discovery(signal, filled, relative))
    deficit = np.minimum(signal, 0.0) ** 2 / (filled + (relative * filled) ** 2)
    return np.asarray(excess + deficit)


def _least(sums: _Sums) -> float:
    total = max(float(sums.background[:, -1].sum()), np.finfo(float).tiny)
    return float(sums.variance[:, -1].sum()) / total


def _gains(
    sums: _Sums, coefficients: Array, allowed: NDArray[np.bool_], uncertainty: float
) -> Array:
    """What every run is worth, (n, n), at given coefficients; −inf where it is not allowed."""
    size = len(allowed)
    residual = sums.signal - np.tensordot(coefficients, sums.shifts, 1)
    gain = np.full((size, size), -np.inf)
    for first in range(0, size, ROWS):
        ends = np.arange(first, first + ROWS).clip(max=size - 1)
        s, b, v = (
            x[:, ends, None] - x[:, None, :] for x in (residual, sums.background, sums.variance)
        )
        worth = _worth(sums, s, b, v, uncertainty).sum(axis=0)
        gain[ends] = np.where(allowed[ends], worth, -np.inf)
    return gain


def _cells(sums: _Sums, runs: NDArray[np.int64]) -> _Sums:
    """The sums of the runs between places, (…, B, K)."""
    ends = np.concatenate([[0], runs, [sums.signal.shape[1] - 1]])
    return _Sums(*(np.diff(array[..., ends], axis=-1) for array in sums))


def _coefficients(sums: _Sums, runs: NDArray[np.int64], prior: Array, uncertainty: float) -> Array:
    """Where the profiled information of the runs has its minimum, (A,)."""
    if not len(prior):
        return np.zeros(0)
    cells, least = _cells(sums, runs), _least(sums)
    filled = np.maximum(cells.background, least)
    variance = filled + np.maximum(cells.variance, least**2) + (uncertainty * filled) ** 2
    shifts = cells.shifts.reshape(len(prior), -1)
    weighted = shifts / variance.ravel()
    found: Array = np.linalg.pinv(weighted @ shifts.T + prior) @ (weighted @ cells.signal.ravel())
    return found


def _profiled(sums: _Sums, runs: NDArray[np.int64], prior: Array, uncertainty: float) -> float:
    """Squared significance of the runs, nuisance parameters profiled."""
    a, cells = _coefficients(sums, runs, prior, uncertainty), _cells(sums, runs)
    residual = cells.signal - np.tensordot(a, cells.shifts, 1)
    worth = _worth(sums, residual, cells.background, cells.variance, uncertainty)
    return float(worth.sum() + a @ prior @ a)
