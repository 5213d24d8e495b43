"""Gradient and exact Hessian of the likelihood, in blocks, and the solution of Newton's system.

A model has a few parameters that act on many bins ("dense") and many that act on one ("local":
the gammas of the bins). The Hessian is [[A, C], [C', D]] with D block-diagonal over the bins, so
that eliminating the local parameters (Schur complement) costs next to nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.linalg import cho_solve

from zenith.core.histfactory import Data, Model, poisson_deviance
from zenith.core.interpolation import code4, code4p, with_derivatives
from zenith.core.newton import Quadratic
from zenith.core.parameters import GAUSSIAN, POISSON
from zenith.core.structure import Structure

# Stands for a factor of exactly zero in derivatives, which are the factor times f'/f
TINY = 1e-30
# A yield that small is such a stand-in
ZERO = 1e-20


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
    """The expected yields and their first derivatives; G' dense parameters act through factors."""

    rate: Array
    """(B,)"""
    by_sample: Array
    """(S, B)"""
    multiplier: Array
    """(S, B), the product of all factors."""
    log_slope: Array
    """(G', S, C), of the product of factors."""
    log_bend: Array
    """(A, S, C), second derivative of the logarithm of the interpolated ones."""
    slope: Array
    """(G', S, B), of the yields."""
    shift_bend: Array
    """(H,), of code 4p."""
    per_gamma: Array
    """(K, S, B), relative change of the yield with the parameter of a layer."""


def respond(structure: Structure, model: Model, theta: Array) -> Response:
    """Analytic derivatives of the expected yields at theta (n,)."""
    parameters, split = structure.parameters, partition(structure)
    channel = structure.channel_of_bin
    theta = jnp.where(parameters.multiplies & (theta == 0), TINY, theta)
    norms, shifts, factors = len(structure.normsys), len(structure.histosys), len(split.factor_mask)
    alpha = theta[split.dense[: split.alphas]]
    scale = theta[split.dense[split.alphas : split.alphas + factors]]

    shift = alpha[split.alphas - shifts :]
    even, even_slope, even_bend = code4p(shift)
    yields = model.nominal + jnp.einsum("h,hsb->sb", shift, model.odd)
    yields += jnp.einsum("h,hsb->sb", even, model.even)
    yields_slope = model.odd + even_slope[:, None, None] * model.even

    norm = jnp.broadcast_to(alpha[:norms, None, None], model.log_up.shape)
    code, code_slope, code_bend = with_derivatives(
        lambda x: code4(x, model.log_up, model.log_down, model.coefficients), norm
    )
    factor = jnp.where(split.factor_mask, scale[:, None, None], 1.0)
    gammas = jnp.append(theta, 1.0)[parameters.layer][:, None, :]
    per_bin = jnp.where(parameters.layer_mask, gammas, 1.0).prod(0)
    multiplier = (code.prod(0) * factor.prod(0))[:, channel] * per_bin

    none = jnp.zeros((split.alphas - norms, *factor.shape[1:]))
    norm_slope = code_slope / code
    factor_slope = jnp.where(split.factor_mask, 1 / scale[:, None, None], 0.0)
    log_slope = jnp.concatenate([norm_slope, none, factor_slope])
    log_bend = jnp.concatenate([code_bend / code - norm_slope**2, none])
    by_sample = yields * multiplier
    padding = ((split.alphas - shifts, factors), (0, 0), (0, 0))
    slope = log_slope[:, :, channel] * by_sample + jnp.pad(yields_slope * multiplier, padding)
    return Response(
        rate=by_sample.sum(0),
        by_sample=by_sample,
        multiplier=multiplier,
        log_slope=log_slope,
        log_bend=log_bend,
        slope=slope,
        shift_bend=even_bend,
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

    value: Array
    """`histfactory.deviance`, scalar."""
    gradient: Array
    """(n,)"""
    hessian: Blocks


def expand(
    structure: Structure, model: Model, theta: Array, data: Data, convex: Array | bool = False
) -> Expansion:
    """Value, gradient and Hessian of `histfactory.deviance`.

    The Hessian is exact, or where `convex` is true that of Gauss and Newton with expected counts
    (Fisher's information at theta): second derivatives of the yields left out, never negative.
    """
    parameters, split = structure.parameters, partition(structure)
    n = len(parameters.names)
    response = respond(structure, model, theta)
    rate = jnp.where(jnp.abs(response.rate) < ZERO, 0.0, response.rate)
    safe = jnp.where(rate == 0, 1.0, rate)
    slope_local = jnp.einsum("ksb,sb->kb", response.per_gamma, response.by_sample)
    shared = split.shared.astype(float)
    shared_slope = jnp.einsum("zkb,kb->zb", shared, slope_local)
    slope_dense = jnp.concatenate([response.slope.sum(1), shared_slope])
    weight = jnp.where(data.main == 0, 1.0, 1 - data.main / safe)

    layer = np.where(split.local, parameters.layer, n)
    terms, pull, stiffness = constraints(structure, model, theta, data)
    gradient = pull.at[split.dense].add(slope_dense @ weight)
    gradient = gradient.at[layer].add(slope_local * weight, mode="drop")

    exact = jnp.where(data.main == 0, 0.0, data.main / safe**2)
    information = jnp.where(convex, jnp.where(rate > 0, 1 / safe, 1.0), exact)
    a, c, d = _second(structure, model, response, jnp.where(convex, 0.0, weight))
    slope = slope_dense[: len(response.slope)]
    a += (slope * information) @ slope.T
    c += slope[:, None, :] * slope_local * information
    d += slope_local[:, None, :] * slope_local * information
    # the rows of the shared per-bin parameters are sums over the bins that they act on
    rows = jnp.einsum("zkb,gkb->zg", shared, c)
    corner = jnp.einsum("zkb,klb,ylb->zy", shared, d, shared)
    a = jnp.block([[a, rows.T], [rows, corner]]) + jnp.diag(stiffness[split.dense])
    c = jnp.concatenate([c, jnp.einsum("zkb,klb->zlb", shared, d)])
    d += jnp.eye(len(d))[:, :, None] * jnp.append(stiffness, 0.0)[layer]
    value = poisson_deviance(data.main, rate).sum() + terms.sum()
    return Expansion(value, gradient, Blocks(a, c, d))


def constraints(
    structure: Structure, model: Model, theta: Array, data: Data
) -> tuple[Array, Array, Array]:
    """Constraint terms of `deviance` with first and second derivatives, each of shape (n,)."""
    kind = structure.parameters.constraint
    gaussian, poisson = kind == GAUSSIAN, kind == POISSON
    centre = jnp.where(gaussian | poisson, data.auxiliary, 1.0)
    away = theta - centre
    terms = jnp.where(gaussian, away**2 / 2, 0.0)
    pull = jnp.where(gaussian, away, 0.0)
    stiffness = jnp.where(gaussian, 1.0, 0.0)
    if poisson.any():
        gamma = jnp.where(poisson, theta, 1.0)
        terms = jnp.where(poisson, poisson_deviance(centre, gamma), terms)
        pull = jnp.where(poisson, 1 - centre / gamma, pull)
        stiffness = jnp.where(poisson, centre / gamma**2, stiffness)
    return terms / model.width**2, pull / model.width**2, stiffness / model.width**2


def _second(
    structure: Structure, model: Model, response: Response, weight: Array
) -> tuple[Array, Array, Array]:
    """Blocks of sum_b weight x (second derivatives of the rate), shared parameters left out."""
    split = partition(structure)
    of_channel = np.eye(len(structure.channels))[structure.channel_of_bin]
    size = len(response.slope)
    log_slope = response.log_slope.reshape(size, -1)
    weighted = ((response.by_sample * weight) @ of_channel).reshape(-1)
    slope = ((response.slope * weight) @ of_channel).reshape(size, -1)
    mixed = log_slope @ slope.T
    bend = jnp.einsum("hsb,sb->h", model.even, response.multiplier * weight)
    diagonal = response.log_bend.reshape(split.alphas, weighted.size) @ weighted
    diagonal += jnp.pad(response.shift_bend * bend, (split.alphas - len(bend), 0))
    a = mixed + mixed.T - (log_slope * weighted) @ log_slope.T
    # yields are linear in factors: exactly no curvature, also where TINY stands for zero
    a = jnp.where(np.diag(np.arange(size) >= split.alphas), 0.0, a)
    a += jnp.diag(jnp.pad(diagonal, (0, size - split.alphas)))
    c = jnp.einsum("gsb,ksb->gkb", response.slope, response.per_gamma) * weight
    d = jnp.einsum("ksb,lsb,sb->klb", response.per_gamma, response.per_gamma, response.by_sample)
    off_diagonal = 1 - jnp.eye(len(d))[:, :, None]
    return a, c, d * off_diagonal * weight


def solve(structure: Structure, blocks: Blocks, right: Array, moving: Array) -> Array:
    """H^-1 right for the parameters that may move, 0 for the others; all of shape (n,).

    NaN where H, restricted to them, is not positive definite.
    """
    parameters, split = structure.parameters, partition(structure)
    n = len(parameters.names)
    layer = np.where(split.local, parameters.layer, n)
    # what cannot change the likelihood stays where it is
    dense = moving[split.dense] & (jnp.diag(blocks.a) != 0)
    local = jnp.append(moving, False)[layer] & (jnp.einsum("kkb->kb", blocks.d) != 0)
    a = jnp.where(dense[:, None] & dense, blocks.a, jnp.eye(len(dense)))
    c = jnp.where(dense[:, None, None] & local, blocks.c, 0.0)
    identity = jnp.eye(len(local))[:, :, None]
    d = jnp.where(local[:, None, :] & local, blocks.d, identity)
    right_dense = jnp.where(dense, right[split.dense], 0.0)
    right_local = jnp.where(local, jnp.append(right, 0.0)[layer], 0.0)

    eliminate = _block_inverse(d)
    c_over_d = jnp.einsum("gkb,klb->glb", c, eliminate)
    schur = a - jnp.einsum("gkb,hkb->gh", c_over_d, c)
    reduced = right_dense - jnp.einsum("gkb,kb->g", c_over_d, right_local)
    x_dense = cho_solve((jnp.linalg.cholesky(schur), True), reduced)
    rest = right_local - jnp.einsum("gkb,g->kb", c, x_dense)
    x_local = jnp.einsum("klb,lb->kb", eliminate, rest)
    x = jnp.zeros(n).at[split.dense].set(x_dense)
    return x.at[layer].set(x_local, mode="drop")


def _block_inverse(d: Array) -> Array:
    """Inverse of the (K, K) matrix of every bin; NaN where it is not positive definite."""
    if len(d) == 1:
        return jnp.where(d > 0, 1 / d, jnp.nan)
    lower = jnp.linalg.cholesky(jnp.moveaxis(d, -1, 0))
    identity = jnp.broadcast_to(jnp.eye(len(d)), lower.shape)
    return jnp.moveaxis(cho_solve((lower, True), identity), 0, -1)


def newton(structure: Structure, model: Model, data: Data) -> Callable[[Array, Array], Quadratic]:
    """The likelihood as `newton.minimise` wants it."""

    def expansion(theta: Array, convex: Array) -> Quadratic:
        value, gradient, hessian = expand(structure, model, theta, data, convex)
        return Quadratic(value, gradient, partial(solve, structure, hessian, gradient))

    return expansion
