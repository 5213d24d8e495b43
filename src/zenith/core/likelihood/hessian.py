"""The Hessian of a likelihood in blocks, and what it solves.

A model has a few parameters that act on many bins ("dense") and many that act on one ("local":
the gammas of the bins). The Hessian is [[A, C], [C', D]] with D block-diagonal over the bins, so
that eliminating the local parameters (Schur complement) costs next to nothing.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.linalg import cho_solve

from zenith.core.likelihood.structure import Structure

# Relative increase of the diagonal: a direction that the likelihood does not know has a solution
RIDGE = 1e-10
# Eigenvalues that rounding can make negative, relative to the largest
ROUNDING = 1e-10


@dataclass(frozen=True)
class Partition:
    """Which parameters are dense (G of them) and which are local."""

    dense: np.ndarray
    """(G,) parameters: interpolated (A), factors (F), shared (Z). Of the interpolated ones normsys
    are first, then histosys, then surfaces; one that is several is where it is first."""
    alphas: int
    shapes: slice
    """Where the histosys are among the interpolated ones."""
    surface: np.ndarray
    """(U, A): which interpolated parameter each of a surface is, as rows of 0 and one 1."""
    factor_mask: np.ndarray
    """(F, S, C)"""
    shared: np.ndarray
    """(Z, K, B): where a per-bin parameter that several bins share acts."""
    local: np.ndarray
    """(K, B): a parameter that acts on this bin alone."""
    layer: np.ndarray
    """(K, B): which one that is; n where there is none."""
    whole: bool
    """Every per-bin parameter is local, multiplies all samples of its bin and is never zero."""
    place: np.ndarray
    """(n,): where each parameter is among the dense and the local ones; G + K B if it is none."""

    def scatter(self, dense: Array, local: Array) -> Array:
        """All parameters, (n,), from dense (G,) and local (K, B) ones; 0 for those without bins."""
        return jnp.concatenate([dense, local.ravel(), jnp.zeros(1)])[self.place]


@lru_cache(maxsize=64)
def partition(structure: Structure) -> Partition:
    """Sort the parameters of a structure by how many bins they act on."""
    parameters = structure.parameters
    alphas = list(dict.fromkeys([*structure.normsys, *structure.histosys, *structure.surface]))
    first = alphas.index(structure.histosys[0]) if structure.histosys else 0
    factors = [(type_, name) for type_ in ("normfactor", "lumi") for name in structure.names(type_)]
    n = len(parameters.names)
    counts = np.bincount(parameters.layer.ravel(), minlength=n + 1)[:n]
    shared = np.flatnonzero(counts > 1)
    scalars = [parameters.slices[name].start for name in [*alphas, *(name for _, name in factors)]]
    empty = np.zeros((0, len(structure.samples), len(structure.channels)), bool)
    local = (parameters.layer < n) & ~np.isin(parameters.layer, shared)
    layer = np.where(local, parameters.layer, n)
    dense = np.array([*scalars, *shared], int)
    place = np.full(n + 1, len(dense) + layer.size)
    place[layer.ravel()] = len(dense) + np.arange(layer.size)
    place[dense] = np.arange(len(dense))
    mask = parameters.layer_mask
    whole = not len(shared) and (mask == mask[:, :1]).all()
    return Partition(
        dense=dense,
        alphas=len(alphas),
        shapes=slice(first, first + len(structure.histosys)),
        surface=np.eye(len(alphas))[np.array([alphas.index(u) for u in structure.surface], int)],
        factor_mask=np.concatenate([empty, *(structure.where(t, [name]) for t, name in factors)]),
        shared=shared[:, None, None] == parameters.layer,
        local=local,
        layer=layer,
        whole=bool(whole and (parameters.lower[layer[local]] > 0).all()),
        place=place[:n],
    )


class Blocks(NamedTuple):
    """The Hessian [[a, c], [c', d]]: G dense parameters, K layers, B bins.

    With the slopes of the rates, a = bend + slope information slope' and c = slope coupling + rest.
    """

    slope: Array
    """(G, B)"""
    information: Array
    """(B,)"""
    bend: Array
    """(G, G)"""
    coupling: Array
    """(K, B)"""
    rest: Array | None
    """(G, K, B); `None` where the partition is `whole`, so that coupling is all there is."""
    d: Array
    """(K, K, B)"""

    @property
    def a(self) -> Array:
        """(G, G)"""
        return self.bend + (self.slope * self.information) @ self.slope.T

    @property
    def diagonal(self) -> Array:
        """Of a, (G,)."""
        return jnp.diag(self.bend) + (self.slope**2 * self.information).sum(1)

    @property
    def c(self) -> Array:
        """(G, K, B)"""
        c = self.slope[:, None, :] * self.coupling
        return c if self.rest is None else c + self.rest

    def onto_dense(self, local: Array) -> Array:
        """Product of c and local parameters (K, B), shape (G,)."""
        if self.rest is None:
            return self.slope @ (self.coupling * local).sum(0)
        return jnp.tensordot(self.c, local, 2)

    def onto_local(self, dense: Array) -> Array:
        """Product of c' and dense parameters (G,), shape (K, B)."""
        if self.rest is None:
            return self.coupling * (dense @ self.slope)
        return jnp.tensordot(dense, self.c, 1)


def solve(
    structure: Structure, blocks: Blocks, right: Array, moving: Array, ridge: float = 0.0
) -> Array:
    """H^-1 right for the parameters that may move, 0 for the others; all of shape (n,).

    NaN where H, restricted to them and with its diagonal multiplied by 1 + ridge, is not positive
    definite. A parameter that H does not know is left out if `right` is zero there.
    """
    split = partition(structure)
    right_dense, right_local = right[split.dense], jnp.append(right, 0.0)[split.layer]
    dense = moving[split.dense] & ((blocks.diagonal != 0) | (right_dense != 0))
    local = (_diagonal(blocks.d) != 0) | (right_local != 0)
    local &= jnp.append(moving, False)[split.layer]
    schur, inverse = _eliminated(blocks, dense, local, ridge)
    # of the transpose, which is the same, in the order in which LAPACK wants it
    lower = jnp.linalg.cholesky(schur.T, symmetrize_input=False)
    reduced = right_dense - blocks.onto_dense(_times(right_local, inverse))
    x_dense = cho_solve((lower, True), jnp.where(dense, reduced, 0.0))
    return split.scatter(x_dense, _times(right_local - blocks.onto_local(x_dense), inverse))


def lowest(structure: Structure, blocks: Blocks, moving: Array) -> tuple[Array, Array]:
    """Curvature and direction (n,) of the parameters that may move, negative if H has such a one.

    The curvature is the lowest eigenvalue of a bin's local parameters if that is negative, or else
    of the dense ones with the local ones eliminated: the signs of both together are those of the
    whole (Haynsworth 1968, doi:10.1016/0024-3795(68)90050-5). The largest component is 1.
    """
    split = partition(structure)
    local = jnp.append(moving, False)[split.layer] & (_diagonal(blocks.d) != 0)
    d = _restricted(blocks.d, local)
    if len(d) == 1:  # numbers
        bends, axes = d[0].T, jnp.ones((d.shape[-1], 1, 1))
    else:
        bends, axes = jnp.linalg.eigh(jnp.moveaxis(d, -1, 0))
    if len(d):
        worst = jnp.argmin(bends[:, 0])
        bend_local = _beyond_rounding(bends[worst, 0], bends[worst])
        only = jnp.zeros(local.shape).at[:, worst].set(axes[worst, :, 0])
    else:
        bend_local, only = jnp.array(0.0), jnp.zeros(local.shape)
    schur, inverse = _eliminated(blocks, moving[split.dense], local, RIDGE)
    if len(schur):
        all_bends, vectors = jnp.linalg.eigh(schur)
        bend, along = _beyond_rounding(all_bends[0], all_bends), vectors[:, 0]
    else:
        bend, along = jnp.array(0.0), jnp.zeros(0)
    by_bin = bend_local < 0
    x_dense = jnp.where(by_bin, 0.0, along)
    x_local = jnp.where(by_bin, only, -_times(blocks.onto_local(along), inverse))
    x = jnp.where(moving, split.scatter(x_dense, x_local), 0.0)
    return jnp.where(by_bin, bend_local, bend), x / jnp.abs(x).max()


def _beyond_rounding(bend: Array, bends: Array) -> Array:
    """An eigenvalue, or zero where it is negative by rounding alone."""
    return jnp.where(bend < -ROUNDING * jnp.abs(bends).max(), bend, jnp.maximum(bend, 0.0))


def _eliminated(blocks: Blocks, dense: Array, local: Array, ridge: float) -> tuple[Array, Array]:
    """Schur complement of the local parameters (K, B), and D^-1, zero for others than them.

    The complement has an identity for others than the dense parameters (G,). Diagonals are
    multiplied by 1 + ridge.
    """
    slope, information, d = blocks.slope, blocks.information, blocks.d
    inverse = _block_inverse(_restricted(d, local) * (1 + ridge * np.eye(len(d))[:, :, None]))
    inverse = jnp.where(local[:, None, :] & local, inverse, 0.0)
    schur = blocks.bend + jnp.diag(ridge * blocks.diagonal)
    if blocks.rest is None:  # what is eliminated leaves the bins less information
        information -= (_times(blocks.coupling, inverse) * blocks.coupling).sum(0)
    else:
        schur -= jnp.tensordot(_times(blocks.c, inverse), blocks.c, ((1, 2), (1, 2)))
    schur += (slope * information) @ slope.T
    return jnp.where(dense[:, None] & dense, schur, np.eye(len(schur))), inverse


def _restricted(d: Array, local: Array) -> Array:
    """The matrices (K, K) of the bins for some of the parameters, with an identity for others."""
    return jnp.where(local[:, None, :] & local, d, np.eye(len(d))[:, :, None])


def _diagonal(d: Array) -> Array:
    """(K, B) of (K, K, B)."""
    layers = np.arange(len(d))
    return d[layers, layers]


def _times(local: Array, d: Array) -> Array:
    """Product of (..., K, B) with the (K, K) matrix of every bin."""
    return local * d[0] if len(d) == 1 else jnp.einsum("...kb,klb->...lb", local, d)


def _block_inverse(d: Array) -> Array:
    """Inverse of the (K, K) matrix of every bin; NaN where it is not positive definite."""
    if len(d) == 1:
        return jnp.where(d > 0, 1 / d, jnp.nan)
    lower = jnp.linalg.cholesky(jnp.moveaxis(d, -1, 0), symmetrize_input=False)
    identity = jnp.broadcast_to(jnp.eye(len(d)), lower.shape)
    return jnp.moveaxis(cho_solve((lower, True), identity), 0, -1)
