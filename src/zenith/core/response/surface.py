"""Response surfaces: how the yield of every bin and process follows nuisance parameters.

    ln[Y(ν) / Y(0)] = Σ_A a_A ν_A + Σ_{A ≤ B} b_AB ν_A ν_B

is fitted to copies of the simulated events, shifted to K points ν_k, by weighted least squares.
Copies are the same events as the nominal ones: what stays in a bin with its weight has fluctuated
alike in both and says the same of both. With C_kl = Σ_i w_ik w_il over the events that are in the
bin at k and at l, the nominal point among them, the logarithms of the ratios have the covariance

    Σ_kl = C_kl / (Y_k Y_l) - C_0k / (Y_0 Y_k) - C_0l / (Y_0 Y_l) + C_00 / Y_0².

Weights are 1 / Σ_kk. With X the terms of the polynomial at the points and W the weights, the
coefficients are G r, G = (Xᵀ W X)⁻¹ Xᵀ W, and have the covariance G Σ Gᵀ.

What a shift takes from one bin it gives to another, so that bins do not fluctuate on their own.
Events are in J groups, of yields Y_gk. Were group g there twice, r_k would change by

    u_gk = Y_gk / Y_k - Y_g0 / Y_0

to first order, and Σ_g u_gk u_gl is Σ_kl on average, of any two bins (the jackknife, B. Efron, The
Jackknife, the Bootstrap and Other Resampling Plans, SIAM 1982). Σ_g ξ_g G u_g with normal numbers
ξ_g is the noise of the coefficients in all bins together.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from zenith.core.likelihood.quadratics import monomials, names, pairs
from zenith.errors import InputError

Array = NDArray[np.float64]

# A point that moves no event has no error, though its neighbours have: in its weight the error
# squared is at least this share of the mean over the points of the bin
LEAST = 1e-2
# Relative yields that differ by less are equal to a fit of fewer than a million events in a bin
TOLERANCE = 1e-3
# Groups of events: variances by so many have an error of 14 %
GROUPS = 100
# Directions of the terms whose singular value is below this share of the largest are not determined
SINGULAR = 1e-8


class Copies(NamedTuple):
    """Yields of S processes in B bins at the nominal point, the first, and at K others."""

    points: Array
    """(K, A), nuisance parameters in standard deviations, without the nominal point."""
    groups: Array
    """(J, 1 + K, S, B), Y_gk, in events."""
    covariance: Array
    """(1 + K, 1 + K, S, B), C_kl."""

    @property
    def yields(self) -> Array:
        """(1 + K, S, B), in events."""
        return np.asarray(self.groups.sum(axis=0))

    @classmethod
    def of_events(
        cls, points: Array, places: Sequence[NDArray[Any]], weights: Sequence[Array], bins: int
    ) -> Self:
        """The copies of events: of each process their bins and weights, (1 + K, N) each.

        An event that is in none of the bins at a point has there the bin -1.
        """
        parts = [sums(*each, bins) for each in zip(places, weights, strict=True)]
        groups, covariances = zip(*parts, strict=True)
        return cls(np.asarray(points, float), np.stack(groups, 2), np.stack(covariances, 2))


def sums(place: NDArray[Any], weight: Array, bins: int) -> tuple[Array, Array]:
    """Yields of groups (J, 1 + K, B) and C (1 + K, 1 + K, B) of events of one process; those of
    parts add up.

    `place` and `weight` are (1 + K, N). Events are dealt to the groups in turn.
    """
    size, events = place.shape
    first = np.arange(events) % GROUPS * (1 + bins)  # of each group, where no bin is
    flat = [
        np.bincount(first + 1 + there, of_events, GROUPS * (1 + bins))
        for there, of_events in zip(place, weight, strict=True)
    ]
    groups = np.asarray(flat, float).reshape(size, GROUPS, 1 + bins)[..., 1:].swapaxes(0, 1)
    covariance = np.zeros((size, size, bins))
    for b in range(bins):
        inside = place == b
        some = inside.any(axis=0)
        here = np.where(inside[:, some], weight[:, some], 0.0)
        covariance[:, :, b] = here @ here.T
    return groups, covariance


class Surface(NamedTuple):
    """The polynomials of S processes in B bins; F terms in the order of `quadratics`."""

    nuisances: tuple[str, ...]
    processes: tuple[str, ...]
    coefficients: Array
    """(F, S, B)"""
    covariance: Array
    """(F, F, S, B), of the number of simulated events, in each bin."""
    noise: Array
    """(J, F, S, B): the sum over J, each times a normal number, is that of all bins together."""

    def log_ratio(self, values: Array) -> Array:
        """ln[Y(ν) / Y(0)], (…, A) → (…, S, B)."""
        return np.asarray(np.tensordot(monomials(np.asarray(values, float)), self.coefficients, 1))

    def error(self, values: Array) -> Array:
        """Its error, by the number of simulated events, (…, A) → (…, S, B)."""
        terms = monomials(np.asarray(values, float))
        variance = np.einsum("...f,...g,fgsb->...sb", terms, terms, self.covariance, optimize=True)
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)))

    def of(self, nuisances: Sequence[str], processes: Sequence[str]) -> "Surface":
        """Some of its nuisance parameters and processes, in this order."""
        order = [self.nuisances.index(name) for name in nuisances]
        place = {pair: k for k, pair in enumerate(zip(*pairs(len(self.nuisances)), strict=True))}
        rows = [*order]
        for a, b in zip(*pairs(len(order)), strict=True):
            first, second = sorted((order[a], order[b]))
            rows.append(len(self.nuisances) + place[first, second])
        columns = [self.processes.index(name) for name in processes]
        return Surface(
            tuple(nuisances),
            tuple(processes),
            self.coefficients[np.ix_(rows, columns)],
            self.covariance[np.ix_(rows, rows, columns)],
            self.noise[:, rows][:, :, columns],
        )


class Closure(NamedTuple):
    """How the polynomials meet copies that they were not fitted to."""

    chi2: float
    """Sum of the squared pulls."""
    number: int
    """Of the pulls: points × processes × bins with events."""
    pulls: Array
    """(T, S, B), ln ratio less polynomial over the error of this difference; 0 without events."""


def fit(
    copies: Copies,
    nuisances: Sequence[str],
    processes: Sequence[str],
    used: NDArray[np.bool_] | None = None,
) -> Surface:
    """The surface of all points, or of those `used`, (K,) bool. A bin that is empty at all of
    them responds to nothing.

    Raises InputError, naming process, bin and point, for yields that are not finite, bins that are
    empty at some points alone, and points that do not determine the polynomial, with the nuisance
    parameters that lack some.
    """
    used = np.ones(len(copies.points), bool) if used is None else used
    _check(copies, nuisances, processes)
    ratios, covariance = _logarithms(copies)
    _determined(copies.points[used], nuisances)
    operator = _operator(copies.points[used], covariance[np.ix_(used, used)])
    return Surface(
        tuple(nuisances),
        tuple(processes),
        np.einsum("sbfk,ksb->fsb", operator, ratios[used]),
        np.einsum(
            "sbfk,klsb,sbgl->fgsb", operator, covariance[np.ix_(used, used)], operator,
            optimize=True,
        ),
        np.einsum("sbfk,jksb->jfsb", operator, _changes(copies)[:, used], optimize=True),
    )  # fmt: skip


def closure(surface: Surface, copies: Copies, used: NDArray[np.bool_]) -> Closure:
    """The pulls at the points that the surface was not fitted to; `copies` and `used` as of `fit`.

    The copies at all points are of the same events, so that the polynomial has fluctuated with
    them. The error of their difference knows that; `TOLERANCE` is added in quadrature.
    """
    _check(copies, surface.nuisances, surface.processes)
    ratios, covariance = _logarithms(copies)
    operator = _operator(copies.points[used], covariance[np.ix_(used, used)])
    terms = monomials(copies.points[~used])
    share = np.einsum("tf,sbfk->tksb", terms, operator)  # of the ratios used in the predictions
    across = covariance[np.ix_(~used, used)]
    variance = (
        np.einsum("ttsb->tsb", covariance[np.ix_(~used, ~used)])
        - 2 * np.einsum("tksb,tksb->tsb", share, across)
        + np.einsum(
            "tksb,klsb,tlsb->tsb", share, covariance[np.ix_(used, used)], share, optimize=True
        )
    )
    difference = ratios[~used] - surface.log_ratio(copies.points[~used])
    filled = copies.yields[0] > 0.0
    pulls = difference / np.sqrt(np.maximum(variance, 0.0) + TOLERANCE**2) * filled
    return Closure(float((pulls**2).sum()), int(filled.sum() * len(pulls)), pulls)


def _check(copies: Copies, nuisances: Sequence[str], processes: Sequence[str]) -> None:
    points, groups, covariance = copies
    yields = copies.yields
    shape = (1 + len(points), len(processes), *yields.shape[2:])
    expected = ((len(points), len(nuisances)), (len(groups), *shape), (shape[0], *shape))
    if groups.ndim != 4 or tuple(array.shape for array in copies) != expected:
        raise InputError(
            f"response surface: points, groups and covariance have shapes "
            f"{', '.join(str(array.shape) for array in copies)}, not {expected} as "
            f"{len(nuisances)} nuisance parameters and {len(processes)} processes need"
        )

    def where(wrong: NDArray[np.bool_]) -> str:
        k, s, b = (int(i) for i in np.argwhere(wrong)[0])
        values = [] if k == 0 else points[k - 1]
        at = ", ".join(f"{name} = {v:g}" for name, v in zip(nuisances, values, strict=False) if v)
        return f"process '{processes[s]}', bin {b}, at {at or 'the nominal point'}"

    bad = ~(np.isfinite(yields) & np.isfinite(covariance).all(axis=1))
    if bad.any() or not np.isfinite(points).all():
        place = where(bad) if bad.any() else "the points"
        raise InputError(f"response surface: {place}: not a finite number; look for NaN weights")
    filled = (yields != 0.0).any(axis=0)
    empty = (yields <= 0.0) & filled
    if empty.any():
        raise InputError(
            f"response surface: {where(empty)}: the yield is {yields[empty][0]:g}, which has no "
            "logarithm, though there are events at other points; merge bins, or simulate more"
        )


def _logarithms(copies: Copies) -> tuple[Array, Array]:
    """ln(Y_k / Y_0), (K, S, B), and Σ, (K, K, S, B); 0 in bins without events."""
    filled, yields = _filled(copies)
    relative = copies.covariance / yields / yields[:, None] * filled
    first = relative[0, 1:]
    covariance = relative[1:, 1:] - first - first[:, None] + relative[0, 0]
    return np.log(yields[1:] / yields[0]), covariance


def _changes(copies: Copies) -> Array:
    """u, (J, K, S, B), of variance Σ_kk also where groups are few; 0 in bins without events."""
    filled, yields = _filled(copies)
    share = copies.groups / yields * filled
    number = len(share)
    return np.asarray((share[:, 1:] - share[:, :1]) * np.sqrt(number / max(number - 1, 1)))


def _filled(copies: Copies) -> tuple[NDArray[np.bool_], Array]:
    """Where there are nominal events, (S, B), and yields that are 1 elsewhere, (1 + K, S, B)."""
    yields = copies.yields
    filled = yields[0] > 0.0
    return filled, np.where(filled, yields, 1.0)


def _operator(points: Array, covariance: Array) -> Array:
    """G of every process and bin, (S, B, F, K)."""
    variance = np.moveaxis(np.einsum("kksb->ksb", covariance), 0, -1).clip(0.0)  # (S, B, K)
    least = LEAST * variance.mean(axis=-1, keepdims=True)
    variance = np.where(least > 0.0, np.maximum(variance, least), 1.0)
    root = np.sqrt(variance.min(axis=-1, keepdims=True) / variance)
    inverse = np.linalg.pinv(root[..., None] * monomials(points), rcond=1e-13)
    return np.asarray(inverse * root[..., None, :])


def _determined(points: Array, nuisances: Sequence[str]) -> None:
    """Raise InputError that names the terms which points (K, A) do not determine."""
    terms = monomials(points)
    named = names(nuisances)
    size = np.sqrt((terms**2).sum(axis=0))
    scaled = terms / np.where(size > 0.0, size, 1.0)
    values, directions = np.linalg.svd(scaled)[1:]
    rank = int((values > SINGULAR * max(values.max(initial=0.0), SINGULAR)).sum())
    if rank < len(named):
        involved = (np.abs(directions[rank:]) > 1e-6).any(axis=0)
        lacking = [name for name, part in zip(named, involved, strict=True) if part]
        raise InputError(
            f"response surface: {len(points)} points do not determine the {len(named)} terms: "
            f"{', '.join(lacking)}; shift these nuisance parameters to three values, the nominal "
            "one among them, and pairs of them at the same time"
        )
