"""Gradient and exact Hessian of the likelihood, and the likelihood as Newton's method wants it."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from zenith.core.likelihood.hessian import RIDGE, Blocks, lowest, partition, solve
from zenith.core.likelihood.histfactory import (
    SHARP,
    Data,
    Model,
    constraint_terms,
    deviance,
    log_ratio,
    poisson_deviance,
    poisson_slopes,
)
from zenith.core.likelihood.interpolation import code4_derivatives, code4p
from zenith.core.likelihood.newton import Function, Quadratic
from zenith.core.likelihood.parameters import GAUSSIAN, POISSON
from zenith.core.likelihood.structure import Structure

# Stands for a factor of exactly zero in derivatives, which are the factor times f'/f
TINY, NEARLY_TINY = 1e-30, 1e-20


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
    surface_slope: Array
    """(U, S, B), relative change of the yield with a parameter of the surfaces."""


def respond(structure: Structure, model: Model, theta: Array) -> Response:
    """Analytic derivatives of the expected yields at theta (n,)."""
    parameters, split = structure.parameters, partition(structure)
    theta = jnp.where(parameters.multiplies & (theta == 0), TINY, theta)
    norms, factors = len(structure.normsys), len(split.factor_mask)
    alpha = theta[split.dense[: split.alphas]]
    scale = theta[split.dense[split.alphas : split.alphas + factors]]

    shift = alpha[split.shapes]
    even, even_slope, even_bend = code4p(shift)
    norm = alpha[:norms, None, None]
    code, code_slope, code_bend = code4_derivatives(
        norm, model.log_up, model.log_down, model.coefficients
    )
    factor = jnp.where(split.factor_mask, scale[:, None, None], 1.0)
    gammas = jnp.append(theta, 1.0)[parameters.layer][:, None, :]
    per_bin = jnp.where(parameters.layer_mask, gammas, 1.0).prod(0)
    multiplier = (code.prod(0) * factor.prod(0))[:, structure.channel_of_bin] * per_bin
    moved = jnp.asarray(split.surface) @ alpha
    surface_slope = model.log_slope
    if structure.surface:
        multiplier *= jnp.exp(log_ratio(model, moved))
        surface_slope += jnp.tensordot(moved, model.log_bend, 1)
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
        surface_slope=surface_slope,
    )


class Expansion(NamedTuple):
    """The likelihood near one point."""

    value: Array
    """`histfactory.deviance`."""
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
    """Value, gradient and Hessian of `histfactory.deviance`.

    The Hessian is exact, or where `convex` is true that of Gauss and Newton with expected counts
    (Fisher's information at theta): second derivatives of the yields left out, never negative.
    """
    split = partition(structure)
    response = respond(structure, model, theta)
    rate = response.by_sample.sum(0)
    weight, exact = poisson_slopes(data.main, rate, softness)
    # without counts the likelihood falls straight to its kink: no need for short steps before it
    inverse = 1 / jnp.where(rate > 0, rate, 1.0)
    falling = jnp.where(rate == 0, 0.0, jnp.maximum(jnp.minimum(inverse, 1.0), exact))
    fisher = jnp.where(rate > 0, inverse, exact)
    information = jnp.where(convex, jnp.where(data.main == 0, falling, fisher), exact)

    slope = _per_bin(structure, response, 1.0)
    weight_bent = jnp.where(convex, 0.0, weight)
    bend, rest, d = _second(structure, model, response, slope, weight_bent)
    slope = _without_tiny(slope)
    slope_local = _without_tiny((response.per_gamma * response.by_sample).sum(1))
    if len(split.shared):
        # the rows of the shared per-bin parameters are sums over the bins that they act on
        shared = split.shared.astype(float)
        rows = jnp.einsum("zkb,gkb->zg", shared, rest)
        corner = jnp.einsum("zkb,klb,ylb->zy", shared, d, shared)
        bend = jnp.block([[bend, rows.T], [rows, corner]])
        rest = jnp.concatenate([rest, jnp.einsum("zkb,klb->zlb", shared, d)])
        slope = jnp.concatenate([slope, jnp.einsum("zkb,kb->zb", shared, slope_local)])
    coupling = slope_local * information
    if split.whole:
        coupling += response.per_gamma[:, 0] * weight_bent
    d += slope_local[:, None, :] * slope_local * information
    pull, stiffness = constraint_slopes(structure, model, theta, data)
    bend += jnp.diag(stiffness[split.dense])
    d += np.eye(len(d))[:, :, None] * jnp.append(stiffness, 0.0)[split.layer]
    main = poisson_deviance(data.main, _without_tiny(rate), softness).sum()
    return Expansion(
        value=main + constraint_terms(structure, model, theta, data),
        gradient=pull + split.scatter(slope @ weight, slope_local * weight),
        hessian=Blocks(slope, information, bend, coupling, None if split.whole else rest, d),
    )


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


def _without_tiny(values: Array) -> Array:
    """Rates and slopes that are zero but for TINY: another factor of the yields is zero."""
    return jnp.where(jnp.abs(values) < NEARLY_TINY, 0.0, values)


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
    split = partition(structure)
    before, after = split.shapes.start, len(slope) - split.shapes.stop
    slope += jnp.pad((response.shape_slope * part).sum(1), ((before, after), (0, 0)))
    if not structure.surface:
        return slope
    moved = split.surface.T @ (response.surface_slope * yields).sum(1)
    return slope + jnp.pad(moved, ((0, len(slope) - split.alphas), (0, 0)))


def _per_channel(structure: Structure, values: Array) -> Array:
    """Sums over the bins of each channel: (..., B) to (..., C)."""
    return jnp.stack([values[..., bins].sum(-1) for bins in structure.slices.values()], axis=-1)


def _second(
    structure: Structure, model: Model, response: Response, slope: Array, weight: Array
) -> tuple[Array, Array, Array]:
    """Blocks of sum_b weight x (second derivatives of the rate), shared parameters left out."""
    split = partition(structure)
    shapes = split.shapes
    weighted = _per_channel(structure, response.by_sample * weight).ravel()
    log_slope = response.log_slope.reshape(len(response.log_slope), weighted.size)
    shape = _per_channel(structure, response.shape_slope * weight)
    shape = shape.reshape(len(shape), weighted.size)
    size, before = len(log_slope), shapes.start
    shape = jnp.pad(shape, ((before, size - shapes.stop), (0, 0)))
    left = jnp.concatenate([log_slope * weighted + shape, log_slope], axis=1)
    a = left @ jnp.concatenate([log_slope, shape], axis=1).T
    # yields are linear in factors: exactly no curvature, also where TINY stands for zero
    a = jnp.where(np.diag(np.arange(size) >= split.alphas), 0.0, a)
    diagonal = response.log_bend.reshape(split.alphas, weighted.size) @ weighted
    bend = jnp.tensordot(model.even, response.multiplier * weight, 2) * response.shape_bend
    diagonal += jnp.pad(bend, (before, split.alphas - shapes.stop))
    a += jnp.diag(jnp.pad(diagonal, (0, size - split.alphas)))
    if structure.surface:
        a += _second_of_surfaces(structure, model, response, log_slope, weight)
    layers = len(response.per_gamma)
    c, d = jnp.zeros((size, layers, structure.bins)), jnp.zeros((layers, layers, structure.bins))
    if layers:
        each = [_scaled(structure, response, slope, layer) for layer in range(layers)]
        c = jnp.stack(each, axis=1) * weight
    if layers > 1:
        per_gamma = response.per_gamma
        d = jnp.einsum("ksb,lsb,sb->klb", per_gamma, per_gamma, response.by_sample)
        d *= (1 - np.eye(layers))[:, :, None] * weight
    return a, c, d


def _second_of_surfaces(
    structure: Structure, model: Model, response: Response, log_slope: Array, weight: Array
) -> Array:
    """What the parameters of surfaces add to the second derivatives by G' dense parameters,
    (G', G'), with one another and with the others; `log_slope` is (G', S C)."""
    split, size = partition(structure), len(log_slope)
    count = len(structure.surface)
    yields = response.by_sample * weight
    slope = response.surface_slope
    weighted = slope * yields
    flat = slope.reshape(count, yields.size)
    own = weighted.reshape(count, yields.size) @ flat.T + jnp.tensordot(model.log_bend, yields, 2)
    mixed = _per_channel(structure, weighted).reshape(count, log_slope.shape[1]) @ log_slope.T
    shape = response.shape_slope * weight
    shape = flat @ shape.reshape(len(shape), yields.size).T
    mixed += jnp.pad(shape, ((0, 0), (split.shapes.start, size - split.shapes.stop)))
    place = jnp.asarray(np.pad(split.surface, ((0, 0), (0, size - split.alphas))))
    rows = place.T @ mixed
    return place.T @ own @ place + rows + rows.T


def _scaled(structure: Structure, response: Response, slope: Array, layer: int) -> Array:
    """Mixed second derivatives of the rate by G' dense parameters and those of a layer, (G', B)."""
    mask = structure.parameters.layer_mask[layer]
    if (mask == mask[0]).all():  # all samples of a bin, or none
        return slope * response.per_gamma[layer, 0]
    return _per_bin(structure, response, response.per_gamma[layer])


def likelihood(
    structure: Structure, model: Model, data: Data, softness: Array | float = SHARP
) -> Function:
    """`histfactory.deviance` as `newton.minimise` wants it."""

    def value(theta: Array) -> Array:
        return deviance(structure, model, theta, data, softness)

    def expansion(theta: Array, convex: Array) -> Quadratic:
        at = expand(structure, model, theta, data, convex, softness)
        return Quadratic(
            at.value,
            at.gradient,
            lambda moving: solve(structure, at.hessian, at.gradient, moving, RIDGE),
            lambda moving: lowest(structure, at.hessian, moving),
        )

    return Function(value, expansion)
