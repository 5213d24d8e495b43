"""How far scores of unseen events depend on an observable: the squared distance correlation."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

EVENTS = 4000  # of which all pairs are in memory at once


def distance_correlation_squared(
    score: ArrayLike, observable: ArrayLike, weight: ArrayLike
) -> tuple[Array, Array]:
    """R² of scores (K, N) and an observable (N,) for weights (R, N), and what chance makes: (R,).

    R² is that of the loss (`zenith.training.losses`), 0 of what is independent in infinitely many
    events. The second is its mean over permutations of n = (Σ|w|)² / Σw² independent events,
    tr A tr B / ((n − 1) √(⟨A²⟩ ⟨B²⟩)) of double-centred distances A and B and means over pairs:
    exact for equal weights. Both are 0 where one of them never varies.
    """
    share = np.abs(np.atleast_2d(np.asarray(weight, float)))
    share = share / share.sum(axis=1, keepdims=True)
    n = 1.0 / (share**2).sum(axis=1)
    a, b = (_distances(np.atleast_2d(np.asarray(x, float))) for x in (score, observable))
    rows_a, rows_b = share @ a, share @ b
    mean_a, mean_b = _mean(share, rows_a), _mean(share, rows_b)

    def covariance(x: Array, y: Array, rows_x: Array, rows_y: Array) -> Array:
        """⟨X Y⟩ of centred distances: ⟨x y⟩ + ⟨x⟩ ⟨y⟩ − 2 ⟨x̄ ȳ⟩."""
        means = _mean(share, rows_x) * _mean(share, rows_y)
        return np.asarray(
            _mean(share, share @ (x * y)) + means - 2.0 * _mean(share, rows_x * rows_y)
        )

    product = covariance(a, a, rows_a, rows_a) * covariance(b, b, rows_b, rows_b)
    varies = product > 1e-30
    root = np.sqrt(np.where(varies, product, 1.0))
    ratio = np.where(varies, covariance(a, b, rows_a, rows_b) / root, 0.0)
    chance = np.where(varies, mean_a * mean_b / (np.maximum(n - 1.0, 1.0) * root), 0.0)
    return ratio, chance


def _mean(share: Array, values: Array) -> Array:
    return np.asarray(np.einsum("rn,rn->r", share, values))


def _distances(x: Array) -> Array:
    """(K, N) → (N, N)."""
    if len(x) == 1:
        return np.asarray(np.abs(x[0][:, None] - x[0][None]))
    return np.asarray(np.sqrt(((x[:, :, None] - x[:, None, :]) ** 2).sum(axis=0)))
