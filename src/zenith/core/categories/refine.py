"""Hard cuts to where they are best: one cut at a time, by the yields of hard bins.

A gradient knows soft bins. What it proposes is settled here, so that what is returned meets its
requirements with hard ones, for any combination of signals. Moving a cut changes the two bins
beside it alone; where squared significances of bins add up, only these are evaluated again.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from zenith.core.categories.counting import combined
from zenith.core.categories.exact import Cuts, Spectrum
from zenith.core.categories.task import Aim, Task
from zenith.core.categories.yields import Tally

POINTS = 128  # places tried at once between two cuts
JOINT_POINTS = 32  # where all bins are evaluated for each
ROUNDS = 20
LEAST = 1e-6  # by which a cut in another bin must be better, relative


def settle(spectrum: Spectrum, cuts: Cuts, task: Task) -> tuple[Cuts, list[str]]:
    """Move each cut in turn to its best place between its neighbours, until none moves.

    The best place is that of the largest objective among those where all bins meet the
    requirements, or else the closest to that. Then a cut is taken to another bin, if that helps,
    and so on. Bins that still do not meet the requirements are merged with a neighbour. Returns the
    cuts and a line for each merger.
    """
    last = len(spectrum.scores)
    cuts = np.unique(cuts[(cuts > 0) & (cuts < last)])
    notes: list[str] = []
    while True:
        cuts = _at_rest(spectrum, cuts, task)
        for _ in range(ROUNDS * task.aim.additive):
            other = _relocated(spectrum, cuts, task)
            if other is None:
                break
            cuts = _at_rest(spectrum, other, task)
        yields = spectrum.yields(cuts)
        background = yields.background
        failing = np.flatnonzero(~task.met(yields))
        if not len(cuts) or not len(failing):
            return cuts, notes
        worst = int(failing[0])
        notes.append(
            f"a category with a background of {background[worst]:.4g} did not meet the "
            "requirements and was merged with a neighbour"
        )
        # without the cut below it or the one above it, whichever leaves more
        without = [np.delete(cuts, j) for j in (worst - 1, worst) if 0 <= j < len(cuts)]
        merits = [_merit(spectrum, trial, task) for trial in without]
        cuts = without[int(np.argmax(merits))]


def _at_rest(spectrum: Spectrum, cuts: Cuts, task: Task) -> Cuts:
    """Each cut at its best place between its neighbours."""
    cuts = cuts.copy()
    for _ in range(ROUNDS):
        old = cuts.copy()
        for j in range(len(cuts)):
            cuts[j] = _best_place(spectrum, cuts, j, task)
        if (cuts == old).all():
            break
    return cuts


def _relocated(spectrum: Spectrum, cuts: Cuts, task: Task) -> Cuts | None:
    """The best cuts of which one is elsewhere, in another bin; None if these are as good."""
    best, found = _merit(spectrum, cuts, task) * (1 + LEAST), None
    purest = spectrum.beyond_background[-2 * POINTS :]
    places = np.unique(np.concatenate([spectrum.corners, purest]))
    places = places[(places > 0) & (places < len(spectrum.scores))]
    for j in range(len(cuts)):
        ends = np.concatenate([[0], np.delete(cuts, j), [len(spectrum.scores)]])
        q0, short = _bins(spectrum, ends[:-1], ends[1:], task)
        at = np.searchsorted(ends, places, side="right") - 1
        new, new_short = _bins(
            spectrum,
            np.append(ends[at], places),
            np.append(places, ends[at + 1]),
            task,
        )
        size = len(places)
        merits = _merits(
            q0.sum(axis=1, keepdims=True) - q0[:, at] + new[:, :size] + new[:, size:],
            (short.sum() - short[at] + new_short[:size] + new_short[size:]).clip(0),
            task.aim,
        )
        if merits.max() > best:
            best, found = merits.max(), np.sort(np.append(ends[1:-1], places[np.argmax(merits)]))
    return found


def _best_place(spectrum: Spectrum, cuts: Cuts, j: int, task: Task) -> int:
    ends = np.concatenate([[0], cuts, [len(spectrum.scores)]])
    low, high, best = ends[j] + 1, ends[j + 2] - 1, int(cuts[j])
    points = POINTS if task.aim.additive else JOINT_POINTS
    judge = _of_two_bins if task.aim.additive else _of_all_bins
    while True:
        # the present place comes first, so that of equals it stays
        places = np.append(best, np.linspace(low, high, points - 1).astype(np.int64))
        if task.aim.additive:
            places = np.append(places, _promising(spectrum, ends[j], ends[j + 2], task))
        merits = judge(spectrum, cuts, j, places, task)
        best = int(places[np.argmax(merits)])
        if high - low < points - 1:
            return best
        step = -(-(high - low) // (points - 2))
        low, high = max(low, best - step), min(high, best + step)


def _promising(spectrum: Spectrum, below: int, above: int, task: Task) -> Cuts:
    """Cuts between two others at corners, and where a bin has barely enough background."""
    rising, places = spectrum.rising, spectrum.beyond_background
    # the first place with enough above `below`, and the last with enough under `above`
    least = np.searchsorted(rising, rising[below] + task.requirements.background)
    most = np.searchsorted(rising, rising[above] - task.requirements.background, "right") - 1
    least, most = np.searchsorted(places, least), np.searchsorted(places, most, "right")
    near = [places[least : least + POINTS // 2], places[max(most - POINTS // 2, 0) : most]]
    found = np.concatenate([spectrum.corners, *near])
    return found[(below < found) & (found < above)]


def _of_two_bins(
    spectrum: Spectrum, cuts: Cuts, j: int, places: Cuts, task: Task
) -> NDArray[np.float64]:
    """Merits (M,) of cut j at each of the places (M,)."""
    ends = np.concatenate([[0], cuts, [len(spectrum.scores)]])
    others = np.delete(np.arange(len(ends) - 1), [j, j + 1])
    q0, short = _bins(spectrum, ends[others], ends[others + 1], task)
    size = len(places)
    starts = np.append(np.full(size, ends[j]), places)
    stops = np.append(places, np.full(size, ends[j + 2]))
    q0_two, short_two = _bins(spectrum, starts, stops, task)
    return _merits(
        q0_two[:, :size] + q0_two[:, size:] + q0.sum(axis=1, keepdims=True),
        short_two[:size] + short_two[size:] + short.sum(),
        task.aim,
    )


def _of_all_bins(
    spectrum: Spectrum, cuts: Cuts, j: int, places: Cuts, task: Task
) -> NDArray[np.float64]:
    """Merits (M,) of cut j at each of the places (M,)."""
    ends = np.tile(np.concatenate([[0], cuts, [len(spectrum.scores)]]), (len(places), 1))
    ends[:, j + 1] = places
    sums = np.moveaxis(spectrum.totals[:, ends[:, 1:]] - spectrum.totals[:, ends[:, :-1]], 1, 0)
    value, background, variance = _jointly(spectrum.tally, task.aim, sums)
    met = task.requirements.met(background, variance)
    short = np.where(met, 0.0, 1.0 + np.asarray(task.requirements.shortfall(background, variance)))
    return np.asarray(np.where(met.all(axis=1), value, -short.sum(axis=1)))


@partial(jax.jit, static_argnames=("tally", "aim"))
def _jointly(
    tally: Tally, aim: Aim, sums: NDArray[np.float64]
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Objective (M,), background and its variance (M, K) of sums (M, rows, K)."""

    def one(sums: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        yields = tally.read(sums)
        return aim.value(yields), yields.background, yields.variance

    return jax.vmap(one)(jnp.asarray(sums))


def _merit(spectrum: Spectrum, cuts: Cuts, task: Task) -> float:
    if not task.aim.additive and len(cuts):
        same = np.repeat(cuts[:1], JOINT_POINTS)  # the size that is compiled already
        return float(_of_all_bins(spectrum, cuts, 0, same, task)[0])
    ends = np.concatenate([[0], cuts, [len(spectrum.scores)]])
    q0, short = _bins(spectrum, ends[:-1], ends[1:], task)
    return float(_merits(q0.sum(axis=1, keepdims=True), short.sum(keepdims=True), task.aim)[0])


def _bins(
    spectrum: Spectrum, low: Cuts, high: Cuts, task: Task
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """q0 (signals, M) and what is missing (M,), 0 or above 1, of bins from `low` to `high` (M,)."""
    # bins in batches of one size, the rest of them empty: one compilation serves all
    count, batch = len(low), 2 * POINTS
    padding = (0, -count % batch)
    low, high = np.pad(low, padding), np.pad(high, padding)
    found = [
        spectrum.between(low[at], high[at])
        for at in (slice(k, k + batch) for k in range(0, len(low), batch))
    ]
    parts = [_compiled(each.signals, each.background, each.variance, task) for each in found]
    met = np.concatenate([np.empty(0, bool), *(task.met(each) for each in found)])
    signals = spectrum.tally.signals
    q0 = np.concatenate([np.empty((signals, 0)), *(part[0] for part in parts)], axis=1)
    short = np.concatenate([np.empty(0), *(part[1] for part in parts)])
    return q0[:, :count], np.where(met, 0.0, 1.0 + short)[:count]


@partial(jax.jit, static_argnames="task")
def _compiled(
    signals: jax.Array,
    background: jax.Array,
    variance: jax.Array,
    task: Task,
) -> tuple[jax.Array, jax.Array]:
    short = task.requirements.shortfall(background, variance)
    return task.counting.discovery(signals, background), short


def _merits(q0: NDArray[np.float64], short: NDArray[np.float64], aim: Aim) -> NDArray[np.float64]:
    """The objective of q0 (signals, M) of all bins; below 0 where something (M,) is missing."""
    few_sizes = np.pad(q0.T, ((0, -len(short) % (2 * POINTS)), (0, 0)))
    value = _combine(few_sizes[:, :, None], aim)[: len(short)]
    return np.where(short > 0, -short, value)


@partial(jax.jit, static_argnames="aim")
def _combine(q0: jax.Array, aim: Aim) -> jax.Array:
    return aim.counting.combine(combined(q0))
