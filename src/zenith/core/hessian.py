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

from zenith.core.structure import Structure

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
    return Partition(
        dense=np.array([*scalars, *shared], int),
        alphas=len(alphas),
        factor_mask=np.concatenate([empty, *(structure.where(t, [name]) for t, name in factors)]),
        shared=shared[:, None, None] == parameters.layer,
        local=(parameters.layer < n) & ~np.isin(parameters.layer, shared),
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
    parameters, split = structure.parameters, partition(structure)
    n = len(parameters.names)
    layer = np.where(split.local, parameters.layer, n)
    right_dense, right_local = right[split.dense], jnp.append(right, 0.0)[layer]
    a_diagonal, d_diagonal = jnp.diag(blocks.a), jnp.einsum("kkb->kb", blocks.d)
    dense = moving[split.dense] & ((a_diagonal != 0) | (right_dense != 0))
    local = jnp.append(moving, False)[layer] & ((d_diagonal != 0) | (right_local != 0))
    a, c, d = _restricted(blocks, dense, local)
    a += ridge * jnp.diag(jnp.diag(a))
    d += ridge * jnp.eye(len(d))[:, :, None] * d
    right_dense = jnp.where(dense, right_dense, 0.0)
    right_local = jnp.where(local, right_local, 0.0)

    eliminate = _block_inverse(d)
    c_over_d = jnp.einsum("gkb,klb->glb", c, eliminate)
    schur = a - jnp.einsum("gkb,hkb->gh", c_over_d, c)
    reduced = right_dense - jnp.einsum("gkb,kb->g", c_over_d, right_local)
    x_dense = cho_solve((jnp.linalg.cholesky(schur), True), reduced)
    rest = right_local - jnp.einsum("gkb,g->kb", c, x_dense)
    x_local = jnp.einsum("klb,lb->kb", eliminate, rest)
    x = jnp.zeros(n).at[split.dense].set(x_dense)
    return x.at[layer].set(x_local, mode="drop")


def lowest(structure: Structure, blocks: Blocks, moving: Array) -> tuple[Array, Array]:
    """Curvature and direction (n,) of the parameters that may move, negative if H has such a one.

    The curvature is the lowest eigenvalue of a bin's local parameters if that is negative, or else
    of the dense ones with the local ones eliminated: the signs of both together are those of the
    whole (Haynsworth 1968, doi:10.1016/0024-3795(68)90050-5). The largest component is 1.
    """
    parameters, split = structure.parameters, partition(structure)
    n = len(parameters.names)
    layer = np.where(split.local, parameters.layer, n)
    local = jnp.append(moving, False)[layer] & (jnp.einsum("kkb->kb", blocks.d) != 0)
    a, c, d = _restricted(blocks, moving[split.dense], local)
    bends, axes = jnp.linalg.eigh(jnp.moveaxis(d, -1, 0))
    if len(d):
        worst = jnp.argmin(bends[:, 0])
        bend_local = _beyond_rounding(bends[worst, 0], bends[worst])
        only = jnp.zeros(local.shape).at[:, worst].set(axes[worst, :, 0])
    else:
        bend_local, only = jnp.array(0.0), jnp.zeros(local.shape)
    eliminate = _block_inverse(d + RIDGE * jnp.eye(len(d))[:, :, None] * d)
    c_over_d = jnp.einsum("gkb,klb->glb", c, eliminate)
    schur = a - jnp.einsum("gkb,hkb->gh", c_over_d, c)
    if len(a):
        all_bends, vectors = jnp.linalg.eigh(schur)
        bend, along = _beyond_rounding(all_bends[0], all_bends), vectors[:, 0]
    else:
        bend, along = jnp.array(0.0), jnp.zeros(0)
    by_bin = bend_local < 0
    x_dense = jnp.where(by_bin, 0.0, along)
    x_local = jnp.where(by_bin, only, -jnp.einsum("glb,g->lb", c_over_d, along))
    x = jnp.zeros(n).at[split.dense].set(x_dense).at[layer].set(x_local, mode="drop")
    x = jnp.where(moving, x, 0.0)
    return jnp.where(by_bin, bend_local, bend), x / jnp.abs(x).max()


def _beyond_rounding(bend: Array, bends: Array) -> Array:
    """An eigenvalue, or zero where it is negative by rounding alone."""
    return jnp.where(bend < -ROUNDING * jnp.abs(bends).max(), bend, jnp.maximum(bend, 0.0))


def _restricted(blocks: Blocks, dense: Array, local: Array) -> Blocks:
    """The Hessian of some parameters (G,) and (K, B), with an identity for the others."""
    identity = jnp.eye(len(local))[:, :, None]
    return Blocks(
        jnp.where(dense[:, None] & dense, blocks.a, jnp.eye(len(dense))),
        jnp.where(dense[:, None, None] & local, blocks.c, 0.0),
        jnp.where(local[:, None, :] & local, blocks.d, identity),
    )


def _block_inverse(d: Array) -> Array:
    """Inverse of the (K, K) matrix of every bin; NaN where it is not positive definite."""
    if len(d) == 1:
        return jnp.where(d > 0, 1 / d, jnp.nan)
    lower = jnp.linalg.cholesky(jnp.moveaxis(d, -1, 0))
    identity = jnp.broadcast_to(jnp.eye(len(d)), lower.shape)
    return jnp.moveaxis(cho_solve((lower, True), identity), 0, -1)
