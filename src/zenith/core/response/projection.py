"""The efficient score: what of the signal's score no nuisance parameter can imitate.

With the intensity λ(x | μ, ν) of all processes together, s = ∂ ln λ / ∂(μ, ν) are the scores of an
event at the nominal point, I = Σ w s sᵀ is the information of all events on the parameters, and P
the inverse covariance that the nuisance parameters have beforehand: 1 with a Gaussian constraint of
unit width, 0 without one. The efficient score (semiparametric statistics: Bickel, Klaassen, Ritov
and Wellner, 1993; as a compression: Alsing and Wandelt, arXiv:1903.01473)

    t = s_μ − a · s_ν,   a = (I_νν + P)⁻¹ I_νμ

has lost nothing to first order: Σ w t s_μ = I_μμ − I_μν (I_νν + P)⁻¹ I_νμ, the information on μ
where all ν are profiled. Binned in t, a bin keeps (Σ w t)² / Σ w of the Σ w t² of its events.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zenith.core.categories.runs import best_runs
from zenith.errors import InputError

Array = NDArray[np.float64]
SINGULAR = 1e-6  # eigenvalues of a matrix with unit diagonal that are 0 in float32
PLACES = 400  # where edges may be, at equal shares of the events and of their information


class Projection(NamedTuple):
    """The efficient score's coefficients, and what information there is on the signal strength."""

    coefficients: Array  # (A,), of the score of each nuisance parameter
    information: float  # on μ, all nuisance parameters profiled; 1 / σ(μ)²
    unprofiled: float  # on μ, were all nuisance parameters known
    costs: Array  # (A,), what the information would gain if this one parameter were known


def information(scores: Array, weight: Array) -> Array:
    """I = Σ w s sᵀ, (1 + A, 1 + A), of scores (1 + A, N) and expected events (N,)."""
    return np.asarray((scores * weight) @ scores.T)


def project(total: Array, prior: Array) -> Projection:
    """The projection of the first score onto the others.

    Parameters
    ----------
    total
        The information (1 + A, 1 + A).
    prior
        Of each nuisance parameter its inverse variance before the measurement, (A,); 0 for a free
        one.

    Where parameters cannot be told from one another, and none of them is constrained, they share
    the coefficient (the solution of least norm). That of a parameter without information is 0.
    """
    informative = np.diag(total)[1:] > 0.0

    def profiled(known: NDArray[np.bool_]) -> tuple[Array, float]:
        kept = np.flatnonzero(~known & informative)
        inverse = np.linalg.pinv(
            total[1:, 1:][np.ix_(kept, kept)] + np.diag(prior[kept]), rcond=1e-12, hermitian=True
        )
        coefficients = np.zeros(len(prior))
        coefficients[kept] = inverse @ total[0, 1:][kept]
        return coefficients, float(total[0, 0] - coefficients @ total[0, 1:])

    coefficients, left = profiled(np.zeros(len(prior), bool))
    costs = [profiled(one)[1] - left for one in np.eye(len(prior), dtype=bool)]
    return Projection(coefficients, left, float(total[0, 0]), np.array(costs))


def inseparable(total: Array, prior: Array) -> list[int]:
    """The nuisance parameters of which a combination changes nothing and has no prior.

    `total` and `prior` are as in `project`; those without any information are not among them.
    """
    informative = np.flatnonzero(np.diag(total)[1:] > 0.0)
    inverse = total[1:, 1:][np.ix_(informative, informative)] + np.diag(prior[informative])
    size = np.sqrt(np.diag(inverse))
    values, directions = np.linalg.eigh(inverse / size / size[:, None])
    involved = (np.abs(directions[:, values < SINGULAR]) > 0.1).any(axis=1)
    return [int(k) for k in informative[involved]]


def efficient(scores: Array, coefficients: Array) -> Array:
    """t = s_μ − a · s_ν, (N,), of scores (1 + A, N)."""
    return np.asarray(scores[0] - coefficients @ scores[1:])


class Binned(NamedTuple):
    """The bins of a summary."""

    edges: Array  # (B - 1,) between the bins; an event on an edge is above it
    kept: float  # share of Σ w t² that is left in the bins


def best_edges(
    summary: Array,
    weight: Array,
    bins: int,
    *,
    is_background: NDArray[np.bool_],
    effective_events: float = 0.0,
    cells: NDArray[np.integer] | None = None,
    order_by: Array | None = None,
) -> Binned:
    """The bins in which most of Σ w t² is kept, of all with their edges on a grid of places.

    Parameters
    ----------
    summary, weight
        t and expected events, (N,).
    bins
        The largest number of bins.
    is_background
        (N,) bool.
    effective_events
        The fewest effective events (Σw)² / Σw² of background in a bin.
    cells
        (N,) A second, fixed binning by whole numbers from 0: what is kept is then the sum over the
        cells of every bin.
    order_by
        (N,) What the edges are on, if that is not t itself.

    Raises
    ------
    InputError
        Weights that are not above 0 in total, and fewer effective events than one bin needs.
    """
    x = summary if order_by is None else order_by
    if not weight.sum() > 0.0:
        raise InputError("the weights of the events do not add up to more than 0")
    order = np.argsort(x, kind="stable")
    x, t, w = x[order], summary[order], weight[order]
    starts = _places(x, t, w)

    def below(values: Array) -> Array:
        """Sums of the rows (N, C) below each place, (places, C)."""
        sums = np.add.reduceat(values, starts, axis=0)
        return np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(sums, axis=0)])

    def between(values: Array) -> Array:
        """Of the run from place i to place j: element [j, i], (places, places, C)."""
        sums = below(values)
        return np.asarray(sums[:, None] - sums[None])

    cell = np.zeros(len(x), np.int64) if cells is None else np.asarray(cells)[order]
    one_hot = np.eye(int(cell.max()) + 1)[cell]
    background = (w * is_background[order])[:, None]
    total, moment = between(one_hot * w[:, None]), between(one_hot * (w * t)[:, None])
    # where weights of both signs cancel, to less than half an effective event, nothing is known
    known = (total > 0.0) & (total**2 > 0.5 * between(one_hot * (w**2)[:, None]))
    gain = np.where(known, moment**2 / np.where(known, total, 1.0), 0.0).sum(axis=-1)
    own, squares = between(background)[..., 0], between(background**2)[..., 0]
    allowed = np.tri(len(gain), k=-1, dtype=bool)
    if effective_events > 0.0:
        allowed &= (own > 0.0) & (own**2 >= effective_events * squares)
    runs = best_runs(np.where(allowed, gain, -np.inf), bins)
    if runs is None:
        found = float(own[-1, 0] ** 2 / squares[-1, 0]) if squares[-1, 0] > 0.0 else 0.0
        raise InputError(
            f"the background has {found:.3g} effective events, fewer than the "
            f"{effective_events:g} that a bin needs: simulate more, or lower effective_events"
        )
    ends = np.concatenate([[0], runs, [len(gain) - 1]])
    kept = float(gain[ends[1:], ends[:-1]].sum() / np.sum(w * t**2))
    return Binned(x[starts[runs]], kept)


def _places(x: Array, t: Array, w: Array) -> NDArray[np.intp]:
    """Events, by their number in ascending x, at which a bin may start; the first is among them."""
    share = np.cumsum(np.maximum(w, 0.0)) / np.maximum(w, 0.0).sum()
    moment = np.cumsum(np.maximum(w, 0.0) * t**2)
    share = share + moment / moment[-1] if moment[-1] > 0.0 else share
    wanted = np.searchsorted(share, np.linspace(0.0, share[-1], PLACES + 1)[1:-1])
    # events of one value stay together
    return np.unique(np.append(0, np.searchsorted(x, x[wanted], side="left")))
