"""Categories of events: one definition, read softly for a gradient and hard for the truth.

A category is a region of the scores. The soft reading gives each event a share in every category;
the shares add up to 1 and tend to the hard reading as temperature → 0.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from zenith.errors import InputError


def between(x: Array, edges: Array, width: ArrayLike) -> Array:
    """Shares (K, N) of scores (N,) between inner edges: differences of sigmoids of a width."""
    slope = 1 / jnp.asarray(width, x.dtype)
    above = jax.nn.sigmoid(slope * (x - edges.astype(x.dtype)[:, None]))
    one = jnp.ones((1, x.shape[0]), x.dtype)
    return jnp.concatenate([one, above]) - jnp.concatenate([above, 0 * one])


def place(x: Array, edges: Array) -> Array:
    """Category (N,) of scores (N,) between inner edges; an edge belongs to the one above it."""
    return jnp.searchsorted(edges.astype(x.dtype), x, side="right")


class FixedEdges(eqx.Module):
    """Inner edges (K − 1,), ascending, that stay where they are."""

    edges: Array


class Edges(eqx.Module):
    """Bins of one score, between K − 1 inner edges inside of a range.

    Edges are cumulative sums of a softmax, so that they stay ordered whatever the parameters. The
    soft reading of an edge is a sigmoid whose width is `temperature` times the range.
    """

    logits: Array  # (K,) of the widths of the bins
    low: float = eqx.field(static=True)
    high: float = eqx.field(static=True)

    @classmethod
    def at(cls, edges: ArrayLike, low: float = 0.0, high: float = 1.0) -> Self:
        """Inner edges (K − 1,), ascending. Raises `InputError` if they do not increase inside."""
        ends = np.concatenate([[low], np.asarray(edges, np.float64), [high]])
        if not (np.isfinite(ends).all() and (np.diff(ends) > 0).all()):
            raise InputError(f"inner edges must increase between {low:g} and {high:g}: {edges}")
        return cls(jnp.log(jnp.diff(ends) / (high - low)), float(low), float(high))

    @property
    def categories(self) -> int:
        """K."""
        return self.logits.shape[-1]

    @property
    def edges(self) -> Array:
        """The inner edges, (K − 1,)."""
        shares = jnp.cumsum(jax.nn.softmax(self.logits))[:-1]
        return self.low + (self.high - self.low) * shares

    def moved(self, step: Self) -> Self:
        """A step away: widths of bins change by factors."""
        return type(self)(self.logits + step.logits, self.low, self.high)

    def soft(self, x: ArrayLike, temperature: ArrayLike) -> Array:
        """Shares (K, N) of scores (1, N): differences of sigmoids."""
        x = jnp.asarray(x)[0]
        width = jnp.asarray(temperature, x.dtype) * (self.high - self.low)
        return between(x, self.edges, width)

    def hard(self, x: ArrayLike) -> Array:
        """Category (N,) of scores (1, N); an edge belongs to the category above it."""
        return place(jnp.asarray(x)[0], self.edges)


class Mixture(eqx.Module):
    """Regions where one component of a Gaussian mixture outweighs all others.

    The soft reading is softmax((log N + log π) / temperature) over the components, the hard one
    their argmax. The learned factor of a component is W, lower triangular with exp(diagonal) and
    W Σ Wᵀ = 1: the Cholesky factor of its inverse covariance, which needs no triangular solve.
    """

    logits: Array  # (K,) of the weights π
    means: Array  # (K, D)
    factors: Array  # (K, D, D): below the diagonal W, on it log W, above it unused

    @classmethod
    def of(cls, weights: ArrayLike, means: ArrayLike, covariances: ArrayLike) -> Self:
        """Weights (K,), means (K, D) and covariances (K, D, D).

        Raises `InputError` for weights that are not above 0, covariances that are not positive
        definite, and shapes that do not belong together.
        """
        weights, means, covariances = (
            np.asarray(a, np.float64) for a in (weights, means, covariances)
        )
        if means.ndim != 2 or covariances.shape != (*means.shape, means.shape[1]):
            raise InputError(
                f"categories: means of shape {means.shape} and covariances of shape "
                f"{covariances.shape} do not belong together"
            )
        if weights.shape != means.shape[:1] or not (weights > 0).all():
            raise InputError(f"categories: one weight above 0 is needed for each mean: {weights}")
        try:
            # Σ = L Lᵀ and W = L⁻¹ is lower triangular too
            inverse = np.linalg.inv(np.linalg.cholesky(covariances))
        except np.linalg.LinAlgError:
            raise InputError("categories: a covariance is not positive definite") from None
        diagonal = np.arange(means.shape[1])
        inverse[:, diagonal, diagonal] = np.log(inverse[:, diagonal, diagonal])
        return cls(jnp.log(weights / weights.sum()), jnp.asarray(means), jnp.asarray(inverse))

    @property
    def categories(self) -> int:
        """K."""
        return self.logits.shape[-1]

    @property
    def weights(self) -> Array:
        """π, (K,), of sum 1."""
        return jax.nn.softmax(self.logits)

    @property
    def _inverse(self) -> Array:
        return _triangular(self.factors)

    @property
    def covariances(self) -> Array:
        """Σ, (K, D, D)."""
        factor = jnp.linalg.inv(self._inverse)
        return jnp.asarray(factor @ jnp.swapaxes(factor, -1, -2))

    def moved(self, step: Self) -> Self:
        """A step away, in units of each component: μ + W⁻¹ Δμ, and T W for W, T like W of `step`.

        A step is as large for a component of any width, wherever it is and however it leans: where
        categories crowd into a corner of the simplex, no parameter needs a rate of its own.
        """
        inverse, diagonal = self._inverse, jnp.arange(self.means.shape[-1])
        shift = jax.scipy.linalg.solve_triangular(inverse, step.means[..., None], lower=True)
        factors = _triangular(step.factors) @ inverse
        # logarithms on the diagonal add up
        logs = self.factors[..., diagonal, diagonal] + step.factors[..., diagonal, diagonal]
        factors = factors.at[..., diagonal, diagonal].set(logs)
        return type(self)(self.logits + step.logits, self.means + shift[..., 0], factors)

    def log_densities(self, x: ArrayLike) -> Array:
        """log π + log N of scores (D, N) in every component, (K, N), but for a constant."""
        x = jnp.asarray(x)
        inverse = self._inverse
        shift = jnp.einsum("kij,kj->ki", inverse, self.means)
        log_norm = jax.nn.log_softmax(self.logits) + jnp.trace(
            self.factors, axis1=-2, axis2=-1
        )  # log |W| is the sum of the logarithms on its diagonal
        distance = jnp.einsum("kij,jn->kin", inverse.astype(x.dtype), x)
        distance = distance - shift.astype(x.dtype)[:, :, None]
        return log_norm.astype(x.dtype)[:, None] - 0.5 * (distance**2).sum(axis=1)

    def soft(self, x: ArrayLike, temperature: ArrayLike) -> Array:
        """Shares (K, N) of scores (D, N)."""
        densities = self.log_densities(x)
        return jax.nn.softmax(densities / jnp.asarray(temperature, densities.dtype), axis=0)

    def hard(self, x: ArrayLike) -> Array:
        """Category (N,) of scores (D, N)."""
        return self.log_densities(x).argmax(axis=0)

    def keep(self, which: ArrayLike) -> Self:
        """Only these components: events of the others go to whichever is the next in weight."""
        which = np.asarray(which)
        return type(self)(self.logits[which], self.means[which], self.factors[which])


def _triangular(factors: Array) -> Array:
    """Lower triangular matrices (K, D, D) whose diagonals are given as logarithms."""
    diagonal = jnp.diagonal(factors, axis1=-2, axis2=-1)
    return jnp.tril(factors, -1) + jnp.exp(diagonal)[..., None] * jnp.eye(factors.shape[-1])


Categories = Edges | Mixture


def product(shares: Sequence[Array]) -> Array:
    """Shares (K₁ K₂ …, N) in all combinations of categories of several variables.

    The first variable varies slowest, as `hard` numbers of each combine by `ravel_multi_index`.
    """

    def pair(a: Array, b: Array) -> Array:
        return (a[:, None, :] * b[None, :, :]).reshape(-1, a.shape[-1])

    return reduce(pair, shares)
