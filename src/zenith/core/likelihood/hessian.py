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
    """(G,) parameters: interpolated (A; normsys first, histosys last), factors (F), shared (Z)."""
    alphas: int
    factor_mask: np.ndarray
    """(F, S, C)"""
    shared: np.ndarray
    """(Z, K, B): where a per-bin parameter that several bins share acts."""
    local: np.ndarray
    """(K, B): a parameter that acts on this bin alone."""
    layer: np.ndarray
    """(K, B): which one that is; n where there is none."""
    place: np.ndarray
    """(n,): where each parameter is among the dense and the local ones; G + K B if it is none."""

    def scatter(self, dense: Array, local: Array) -> Array:
        """All parameters, (n,), from dense (G,) and local (K, B) ones; 0 for those without bins."""
        return jnp.concatenate([dense, local.ravel(), jnp.zeros(1)])[self.place]


@lru_cache(maxsize=64)
def partition(structure: Structure) -> Partition:
    """Sort the parameters of a structure by how many bins they act on."""
    parameters = structure.parameters
    alphas = list(dict.fromkeys([*structure.normsys, *structure.histosys]))
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
    return Partition(
        dense=dense,
        alphas=len(alphas),
        factor_mask=np.concatenate([empty, *(structure.where(t, [name]) for t, name in factors)]),
        shared=shared[:, None, None] == parameters.layer,
        local=local,
        layer=layer,
        place=place[:n],
    )


class Blocks(NamedTuple):
    """The Hessian [[a, c], [c', d]]: G dense parameters, K layers, B bins."""

    a: Array
    """(G, G)"""
    c: Array
    """(G, K, B)"""
    d: Array
    """(K, K, B)"""


def solve(
    structure: Structure, blocks: Blocks, right: Array, moving: Array, ridge: float = 0.0
) -> Array:
    """H^-1 right for the parameters that may move, 0 for the others; all of shape (n,).

    NaN where H, restricted to them and with its diagonal multiplied by 1 + ridge, is not positive
    definite. A parameter that H does not know is left out if `right` is zero there.
    """
    split = partition(structure)
    right_dense, right_local = right[split.dense], jnp.append(right, 0.0)[split.layer]
    dense = moving[split.dense] & ((jnp.diag(blocks.a) != 0) | (right_dense != 0))
    local = (_diagonal(blocks.d) != 0) | (right_local != 0)
    local &= jnp.append(moving, False)[split.layer]
    schur, c_over_d, eliminate = _eliminated(blocks, dense, local, ridge)
    lower = jnp.linalg.cholesky(schur, symmetrize_input=False)
    reduced = right_dense - _over_bins(c_over_d, right_local[None])[:, 0]
    x_dense = cho_solve((lower, True), jnp.where(dense, reduced, 0.0))
    rest = right_local - jnp.tensordot(x_dense, blocks.c, 1)
    return split.scatter(x_dense, _times(rest[None], eliminate)[0])


def lowest(structure: Structure, blocks: Blocks, moving: Array) -> tuple[Array, Array]:
    """Curvature and direction (n,) of the parameters that may move, negative if H has such a one.

    The curvature is the lowest eigenvalue of a bin's local parameters if that is negative, or else
    of the dense ones with the local ones eliminated: the signs of both together are those of the
    whole (Haynsworth 1968, doi:10.1016/0024-3795(68)90050-5). The largest component is 1.
    """
    split = partition(structure)
    local = jnp.append(moving, False)[split.layer] & (_diagonal(blocks.d) != 0)
    d = _restricted(blocks.d, local)
    bends, axes = jnp.linalg.eigh(jnp.moveaxis(d, -1, 0))
    if len(d):
        worst = jnp.argmin(bends[:, 0])
        bend_local = _beyond_rounding(bends[worst, 0], bends[worst])
        only = jnp.zeros(local.shape).at[:, worst].set(axes[worst, :, 0])
    else:
        bend_local, only = jnp.array(0.0), jnp.zeros(local.shape)
    schur, c_over_d, _ = _eliminated(blocks, moving[split.dense], local, RIDGE)
    if len(schur):
        all_bends, vectors = jnp.linalg.eigh(schur)
        bend, along = _beyond_rounding(all_bends[0], all_bends), vectors[:, 0]
    else:
        bend, along = jnp.array(0.0), jnp.zeros(0)
    by_bin = bend_local < 0
    x_dense = jnp.where(by_bin, 0.0, along)
    x_local = jnp.where(by_bin, only, -jnp.tensordot(along, c_over_d, 1))
    x = jnp.where(moving, split.scatter(x_dense, x_local), 0.0)
    return jnp.where(by_bin, bend_local, bend), x / jnp.abs(x).max()


def _beyond_rounding(bend: Array, bends: Array) -> Array:
    """An eigenvalue, or zero where it is negative by rounding alone."""
    return jnp.where(bend < -ROUNDING * jnp.abs(bends).max(), bend, jnp.maximum(bend, 0.0))


def _eliminated(
    blocks: Blocks, dense: Array, local: Array, ridge: float
) -> tuple[Array, Array, Array]:
    """Schur complement of the local parameters (K, B), C D^-1 and D^-1, zero for others than them.

    The complement has an identity for others than the dense parameters (G,). Diagonals are
    multiplied by 1 + ridge.
    """
    a, c, d = blocks
    ridges = 1 + ridge * np.eye(len(d))[:, :, None]
    inverse = _block_inverse(_restricted(d, local) * ridges)
    inverse = jnp.where(local[:, None, :] & local, inverse, 0.0)
    c_over_d = _times(c, inverse)
    schur = a * (1 + ridge * np.eye(len(a))) - _over_bins(c_over_d, c)
    return jnp.where(dense[:, None] & dense, schur, np.eye(len(a))), c_over_d, inverse


def _restricted(d: Array, local: Array) -> Array:
    """The matrices (K, K) of the bins for some of the parameters, with an identity for others."""
    return jnp.where(local[:, None, :] & local, d, np.eye(len(d))[:, :, None])


def _diagonal(d: Array) -> Array:
    """(K, B) of (K, K, B)."""
    layers = np.arange(len(d))
    return d[layers, layers]


def _times(c: Array, d: Array) -> Array:
    """Product of (G, K, B) with the (K, L) matrix of every bin."""
    return c * d[0] if len(d) == 1 else jnp.einsum("gkb,klb->glb", c, d)


def _over_bins(a: Array, b: Array) -> Array:
    """Sums over layers and bins of the products of (G, K, B) and (H, K, B), shape (G, H)."""
    return jnp.tensordot(a, b, ((1, 2), (1, 2)))


def _block_inverse(d: Array) -> Array:
    """Inverse of the (K, K) matrix of every bin; NaN where it is not positive definite."""
    if len(d) == 1:
        return jnp.where(d > 0, 1 / d, jnp.nan)
    lower = jnp.linalg.cholesky(jnp.moveaxis(d, -1, 0), symmetrize_input=False)
    identity = jnp.broadcast_to(jnp.eye(len(d)), lower.shape)
    return jnp.moveaxis(cho_solve((lower, True), identity), 0, -1)
