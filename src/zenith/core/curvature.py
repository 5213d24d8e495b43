"""Gradient and exact Hessian of the likelihood, in blocks, and the solution of Newton's system.

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

from zenith.core.histfactory import SHARP, Data, Model, deviance, poisson_slopes
from zenith.core.interpolation import code4_derivatives, code4p
from zenith.core.newton import Function, Quadratic
from zenith.core.parameters import GAUSSIAN, POISSON
from zenith.core.structure import Structure

# Stands for a factor of exactly zero in derivatives, which are the factor times f'/f
TINY, NEARLY_TINY = 1e-30, 1e-20
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


class Response(NamedTuple):
    """The expected yields and their first derivatives; G' dense parameters act through factors,
    H of them (the last of the interpolated ones) on the shape."""

    by_sample: Array
    """(S, B)"""
    log_slope: Array
    """(G', S, C), of the product of factors."""
    log_bend: Array
    """(A, S, C), second derivative of the logarithm of the interpolated ones."""
    shape_slope: Array
    """(H, S, B), of the yields through their shape."""
    shape_bend: Array
    """(H,), of code 4p."""
    multiplier: Array
    """(S, B), the product of all factors."""
    per_gamma: Array
    """(K, S, B), relative change of the yield with the parameter of a layer."""


def respond(structure: Structure, model: Model, theta: Array) -> Response:
    """Analytic derivatives of the expected yields at theta (n,)."""
    parameters, split = structure.parameters, partition(structure)
    theta = jnp.where(parameters.multiplies & (theta == 0), TINY, theta)
    norms, shapes, factors = len(structure.normsys), len(structure.histosys), len(split.factor_mask)
    alpha = theta[split.dense[: split.alphas]]
    scale = theta[split.dense[split.alphas : split.alphas + factors]]

    shift = alpha[split.alphas - shapes :]
    even, even_slope, even_bend = code4p(shift)
    norm = alpha[:norms, None, None]
    code, code_slope, code_bend = code4_derivatives(
        norm, model.log_up, model.log_down, model.coefficients
    )
    factor = jnp.where(split.factor_mask, scale[:, None, None], 1.0)
    gammas = jnp.append(theta, 1.0)[parameters.layer][:, None, :]
    per_bin = jnp.where(parameters.layer_mask, gammas, 1.0).prod(0)
    multiplier = (code.prod(0) * factor.prod(0))[:, structure.channel_of_bin] * per_bin
    yields = model.nominal + jnp.tensordot(shift, model.odd, 1) + jnp.tensordot(even, model.even, 1)

    none = jnp.zeros((split.alphas - norms, *factor.shape[1:]))
    norm_slope = code_slope / code
    factor_slope = jnp.where(split.factor_mask, 1 / scale[:, None, None], 0.0)
    return Response(
        by_sample=yields * multiplier,
        log_slope=jnp.concatenate([norm_slope, none, factor_slope]),
        log_bend=jnp.concatenate([code_bend / code - norm_slope**2, none]),
        shape_slope=(model.odd + even_slope[:, None, None] * model.even) * multiplier,
        shape_bend=even_bend,
        multiplier=multiplier,
        per_gamma=jnp.where(parameters.layer_mask, 1 / gammas, 0.0),
    )


class Blocks(NamedTuple):
    """The Hessian [[a, c], [c', d]]: G dense parameters, K layers, B bins."""

    a: Array
    """(G, G)"""
    c: Array
    """(G, K, B)"""
    d: Array
    """(K, K, B)"""


class Expansion(NamedTuple):
    """The likelihood near one point."""

    gradient: Array
    """(n,)"""
    hessian: Blocks


def expand(
    structure: Structure,
    model: Model,
    theta: Array,
    data: Data,
    convex: Array | bool = False,
    softness: Array | float = SHARP,
) -> Expansion:
    """Gradient and Hessian of `histfactory.deviance`.

    The Hessian is exact, or where `convex` is true that of Gauss and Newton with expected counts
    (Fisher's information at theta): second derivatives of the yields left out, never negative.
    """
    parameters, split = structure.parameters, partition(structure)
    n = len(parameters.names)
    response = respond(structure, model, theta)
    rate = response.by_sample.sum(0)
    weight, exact = poisson_slopes(data.main, rate, softness)
    information = jnp.where(convex, jnp.where(rate > 0, 1 / rate, 0.0), exact)

    slope = _without_tiny(_per_bin(structure, response, 1.0))
    slope_local = _without_tiny((response.per_gamma * response.by_sample).sum(1))
    shared = split.shared.astype(float)
    shared_slope = jnp.einsum("zkb,kb->zb", shared, slope_local)
    layer = np.where(split.local, parameters.layer, n)
    pull, stiffness = constraint_slopes(structure, model, theta, data)
    gradient = pull.at[split.dense].add(jnp.concatenate([slope, shared_slope]) @ weight)
    gradient = gradient.at[layer].add(slope_local * weight, mode="drop")

    a, c, d = _second(structure, model, response, jnp.where(convex, 0.0, weight))
    a += (slope * information) @ slope.T
    c += slope[:, None, :] * slope_local * information
    d += slope_local[:, None, :] * slope_local * information
    if len(split.shared):
        # the rows of the shared per-bin parameters are sums over the bins that they act on
        rows = jnp.einsum("zkb,gkb->zg", shared, c)
        corner = jnp.einsum("zkb,klb,ylb->zy", shared, d, shared)
        a = jnp.block([[a, rows.T], [rows, corner]])
        c = jnp.concatenate([c, jnp.einsum("zkb,klb->zlb", shared, d)])
    a += jnp.diag(stiffness[split.dense])
    d += jnp.eye(len(d))[:, :, None] * jnp.append(stiffness, 0.0)[layer]
    return Expansion(gradient, Blocks(a, c, d))


def constraint_slopes(
    structure: Structure, model: Model, theta: Array, data: Data
) -> tuple[Array, Array]:
    """First and second derivatives of the constraint terms of `deviance`, each of shape (n,)."""
    kind = structure.parameters.constraint
    gaussian, poisson = kind == GAUSSIAN, kind == POISSON
    pull = jnp.where(gaussian, theta - data.auxiliary, 0.0)
    stiffness = jnp.where(gaussian, 1.0, 0.0)
    if poisson.any():
        ratio = jnp.where(poisson, data.auxiliary, 0.0) / jnp.where(poisson, theta, 1.0)
        pull = jnp.where(poisson, 1 - ratio, pull)
        stiffness = jnp.where(poisson, ratio / theta, stiffness)
    return pull / model.width**2, stiffness / model.width**2


def _without_tiny(slope: Array) -> Array:
    """Slopes that are zero but for TINY: another factor of the yields is zero."""
    return jnp.where(jnp.abs(slope) < NEARLY_TINY, 0.0, slope)


def _per_bin(structure: Structure, response: Response, part: Array | float) -> Array:
    """Derivatives of the sum over samples of the yields times part (S, B), shape (G', B)."""
    yields = response.by_sample * part
    slope = jnp.concatenate(
        [
            response.log_slope[:, :, c] @ yields[:, bins]
            for c, bins in enumerate(structure.slices.values())
        ],
        axis=1,
    )
    alphas, shapes = partition(structure).alphas, len(structure.histosys)
    return slope.at[alphas - shapes : alphas].add((response.shape_slope * part).sum(1))


def _per_channel(structure: Structure, values: Array) -> Array:
    """Sums over the bins of each channel: (..., B) to (..., C)."""
    return jnp.stack([values[..., bins].sum(-1) for bins in structure.slices.values()], axis=-1)


def _second(
    structure: Structure, model: Model, response: Response, weight: Array
) -> tuple[Array, Array, Array]:
    """Blocks of sum_b weight x (second derivatives of the rate), shared parameters left out."""
    split = partition(structure)
    shapes = slice(split.alphas - len(structure.histosys), split.alphas)
    weighted = _per_channel(structure, response.by_sample * weight).ravel()
    log_slope = response.log_slope.reshape(len(response.log_slope), weighted.size)
    shape = _per_channel(structure, response.shape_slope * weight)
    shape = shape.reshape(len(shape), weighted.size)
    mixed = shape @ log_slope.T
    bend = jnp.tensordot(model.even, response.multiplier * weight, 2) * response.shape_bend
    diagonal = response.log_bend.reshape(split.alphas, weighted.size) @ weighted
    # yields are linear in factors: exactly no curvature, also where TINY stands for zero
    size = len(log_slope)
    a = jnp.where(
        np.diag(np.arange(size) >= split.alphas), 0.0, (log_slope * weighted) @ log_slope.T
    )
    a = a.at[shapes].add(mixed).at[:, shapes].add(mixed.T)
    a += jnp.diag(jnp.pad(diagonal.at[shapes].add(bend), (0, size - split.alphas)))
    c = jnp.zeros((size, len(response.per_gamma), structure.bins))
    for k, part in enumerate(response.per_gamma):
        c = c.at[:, k].set(_per_bin(structure, response, part))
    d = jnp.einsum("ksb,lsb,sb->klb", response.per_gamma, response.per_gamma, response.by_sample)
    off_diagonal = 1 - jnp.eye(len(d))[:, :, None]
    return a, c * weight, d * off_diagonal * weight


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
    local = jnp.append(moving, False)[layer]
    a, c, d = _restricted(blocks, moving[split.dense], local)
    bends, axes = jnp.linalg.eigh(jnp.moveaxis(d, -1, 0))
    if len(d):
        worst = jnp.argmin(bends[:, 0])
        bend_local = _beyond_rounding(bends[worst, 0], bends[worst])
        only = jnp.zeros(local.shape).at[:, worst].set(axes[worst, :, 0])
    else:
        bend_local, only = jnp.array(0.0), jnp.zeros(local.shape)
    eliminate = _block_inverse(d)
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


def likelihood(
    structure: Structure, model: Model, data: Data, softness: Array | float = SHARP
) -> Function:
    """`histfactory.deviance` as `newton.minimise` wants it."""

    def value(theta: Array) -> Array:
        return deviance(structure, model, theta, data, softness)

    def expansion(theta: Array, convex: Array) -> Quadratic:
        gradient, hessian = expand(structure, model, theta, data, convex, softness)
        return Quadratic(
            gradient,
            lambda moving: solve(structure, hessian, gradient, moving, RIDGE),
            lambda moving: lowest(structure, hessian, moving),
        )

    return Function(value, expansion)
