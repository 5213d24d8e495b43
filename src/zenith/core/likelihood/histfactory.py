"""HistFactory's expected yields and likelihood, in JAX, differentiable in templates and parameters.

CERN-OPEN-2012-016: sample s has in bin b the yield (product of factors) x (nominal + sum of
shifts), the bin's count is Poisson, and every constrained parameter has an auxiliary measurement.
Response surfaces, which HistFactory lacks, are factors exp(polynomial) of single bins.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import gammaln

from zenith.core.likelihood.interpolation import code4, code4_coefficients, code4p, product
from zenith.core.likelihood.parameters import GAUSSIAN, POISSON
from zenith.core.likelihood.quadratics import number, symmetric
from zenith.core.likelihood.structure import Structure, Templates
from zenith.errors import FitError

# Rates below zero count as zero; the kink there is rounded within so many events, so that a minimum
# on it has derivatives
SHARP = 1e-8


class Model(NamedTuple):
    """What follows from the templates and stays constant during a fit."""

    nominal: Array  # (S, B)
    odd: Array  # (H, S, B), half the difference of the variations
    even: Array  # (H, S, B), a sixteenth of their second difference
    log_up: Array  # (N, S, C)
    log_down: Array  # (N, S, C)
    coefficients: tuple[Array, ...]  # 6 x (N, S, C)
    log_slope: Array  # (U, S, B), of surfaces at zero
    log_bend: Array  # (U, U, S, B), their second derivatives, which are constant
    width: Array  # (n,) of the constraint terms
    free: Array  # (n,) bool


class Data(NamedTuple):
    """What the measurement and the auxiliary measurements saw."""

    main: Array
    """Counts, shape (B,)."""
    auxiliary: Array
    """Where each constraint is centred, in units of its parameter, shape (n,)."""


def prepare(structure: Structure, templates: Templates) -> Model:
    """Everything about the templates that a fit needs again and again."""
    channel = structure.channel_of_bin
    histosys = structure.where("histosys", structure.histosys)[:, :, channel]
    normsys = structure.where("normsys", structure.normsys)
    up, down = templates.histosys_up, templates.histosys_down
    log_up = jnp.log(jnp.where(normsys, templates.normsys_up, 1.0))
    log_down = jnp.log(jnp.where(normsys, templates.normsys_down, 1.0))
    log_slope, log_bend = _surface(structure, templates)
    width, fixed = _widths(structure, templates)
    return Model(
        nominal=templates.nominal,
        odd=jnp.where(histosys, (up - down) / 2, 0.0),
        even=jnp.where(histosys, (up + down - 2 * templates.nominal) / 16, 0.0),
        log_up=log_up,
        log_down=log_down,
        coefficients=code4_coefficients(log_up, log_down),
        log_slope=log_slope,
        log_bend=log_bend,
        width=width,
        free=~fixed,
    )


def _surface(structure: Structure, templates: Templates) -> tuple[Array, Array]:
    """First and second derivatives of ln(yield ratio) at zero, where the surfaces act."""
    names = structure.surface
    shape = (number(len(names)), *templates.nominal.shape)
    terms = jnp.asarray(templates.surface) if names else jnp.zeros(shape)
    if terms.shape != shape:
        raise FitError(
            f"surfaces of {len(names)} parameters need terms of shape {shape}, not {terms.shape}"
        )
    acts = structure.where("surface", names)[:, :, structure.channel_of_bin]
    slope = jnp.where(acts, terms[: len(names)], 0.0)
    return slope, jnp.where(acts & acts[:, None], symmetric(terms, len(names)), 0.0)


def log_ratio(model: Model, values: Array) -> Array:
    """Of surfaces, ln(yield ratio) at values (U,) of their parameters, shape (S, B)."""
    return jnp.tensordot(values, model.log_slope + jnp.tensordot(values, model.log_bend, 1) / 2, 1)


def _widths(structure: Structure, templates: Templates) -> tuple[Array, Array]:
    """Width of every constraint, and which parameters are fixed, each of shape (n,).

    The gamma of a bin has the relative uncertainty of the sum of the samples that it multiplies;
    one without yield or uncertainty is fixed, with a width of one, as in pyhf.
    """
    parameters = structure.parameters
    n = len(parameters.names)
    mask = parameters.layer_mask
    total = jnp.where(mask, templates.nominal, 0.0).sum(1)
    variance = jnp.where(mask, templates.uncertainty**2, 0.0).sum(1)
    valid = (total > 0) & (variance > 0)
    relative = jnp.sqrt(jnp.where(valid, variance, 1.0)) / jnp.where(valid, total, 1.0)
    # the bin that each parameter acts on; the entry at the end is for those of none
    place = np.full(n + 1, parameters.layer.size)
    place[parameters.layer.ravel()] = np.arange(parameters.layer.size)
    from_templates = jnp.append(relative, 1.0)[place[:n]]
    invalid = jnp.append(~valid, False)[place[:n]]
    width = jnp.where(np.isnan(parameters.width), from_templates, parameters.width)
    fixed = jnp.where(parameters.fixed < 0, invalid, parameters.fixed > 0)
    return width, fixed


def rates(structure: Structure, model: Model, theta: Array | np.ndarray) -> Array:
    """Expected yield of every sample and bin, shape (S, B), at parameters theta (n,).

    Where theta is an array of numpy, systematics that are all at zero cost nothing.
    """
    parameters = structure.parameters
    constant = isinstance(theta, np.ndarray)

    def alpha(names: tuple[str, ...]) -> Array:
        return theta[np.array([parameters.slices[name].start for name in names], int)]

    yields, factor = model.nominal, jnp.ones((len(structure.samples), len(structure.channels)))
    shift, norm = alpha(structure.histosys), alpha(structure.normsys)[:, None, None]
    if not constant or shift.any():
        even, _, _ = code4p(jnp.asarray(shift))
        yields += jnp.tensordot(shift, model.odd, 1) + jnp.tensordot(even, model.even, 1)
    if not constant or norm.any():
        factor = product(code4(norm, model.log_up, model.log_down, model.coefficients))
    for type_ in ("normfactor", "lumi"):
        names = structure.names(type_)
        where = structure.where(type_, names)
        factor *= jnp.where(where, alpha(names)[:, None, None], 1.0).prod(0)
    gammas = jnp.append(theta, 1.0)[parameters.layer][:, None, :]
    per_bin = jnp.where(parameters.layer_mask, gammas, 1.0).prod(0)
    moved = alpha(structure.surface)
    if structure.surface and (not constant or moved.any()):
        per_bin *= jnp.exp(log_ratio(model, jnp.asarray(moved)))
    return yields * factor[:, structure.channel_of_bin] * per_bin


def nominal(structure: Structure, mu: float) -> np.ndarray:
    """Initial parameters with the parameter of interest at mu, shape (n,)."""
    theta = structure.parameters.init.copy()
    theta[structure.parameters.poi] = mu
    return theta


def asimov(structure: Structure, model: Model, theta: Array | np.ndarray) -> Data:
    """The data set that has theta as its exact best fit (arXiv:1007.1727, section 3.4)."""
    main = jnp.maximum(rates(structure, model, theta).sum(0), 0.0)
    return Data(main, jnp.asarray(theta))


def observed(structure: Structure, model: Model, main: Array) -> Data:
    """Observed counts (B,), and the auxiliary data of the measurement."""
    parameters = structure.parameters
    auxdata = jnp.asarray(parameters.auxdata)
    poisson = jnp.where(np.isnan(parameters.auxdata), 1.0, auxdata * model.width**2)
    centre = jnp.where(parameters.constraint == POISSON, poisson, auxdata)
    return Data(jnp.asarray(main), centre)


def positive_part(rate: Array, softness: Array | float = SHARP) -> tuple[Array, Array, Array]:
    """max(rate, 0) with the kink rounded within `softness`, and its first two derivatives.

    A hyperbola through zero, that is 0 at a rate of 0, and lower by `softness` far from it.
    """
    root = jnp.sqrt(rate**2 + 4 * softness**2)
    inverse = 1 / root
    bend = 2 * softness**2 * inverse**3
    return (rate + root) / 2 - softness, (1 + rate * inverse) / 2, bend


def poisson_deviance(count: Array, rate: Array, softness: Array | float = SHARP) -> Array:
    """Half the deviance, -log Poisson(count | rate) + log Poisson(count | count), elementwise.

    Written with log1p, so that its rounding error is that of `rate - count` alone. A rate below
    zero counts as zero: nothing for a count of zero (within `softness` of the kink), else infinite
    as is a negative count. Where `softness` is larger than `SHARP` the logarithm ends at the share
    softness / 2 of the count, and a parabola continues it to all rates.
    """
    seen = count > 0
    safe = jnp.where(seen, count, 1.0)
    edge = _edge(safe, softness)
    inside = jnp.maximum(rate, edge)
    x = (jnp.where(seen & (inside > 0), inside, safe) - safe) / safe
    beyond = jnp.where(edge > 0, rate - inside, 0.0)
    ratio = safe / jnp.where(inside > 0, inside, 1.0)
    parabola = beyond * (1 - ratio + 0.5 * beyond * ratio / jnp.where(inside > 0, inside, 1.0))
    nothing, _, _ = positive_part(rate, softness)
    possible = (count == 0) | (seen & (inside > 0))
    logarithm = safe * (x - jnp.log1p(x)) + parabola
    return jnp.where(possible, jnp.where(seen, logarithm, nothing), jnp.inf)


def poisson_slopes(
    count: Array, rate: Array, softness: Array | float = SHARP
) -> tuple[Array, Array]:
    """First and second derivative of `poisson_deviance` with the rate."""
    seen = count > 0
    inside = jnp.maximum(rate, _edge(count, softness))
    inverse = 1 / jnp.where(inside > 0, inside, 1.0)
    ratio = count * inverse
    _, slope, bend = positive_part(rate, softness)
    bend_seen = ratio * inverse
    return (
        jnp.where(seen, 1 - ratio + (rate - inside) * bend_seen, slope),
        jnp.where(seen, bend_seen, bend),
    )


def _edge(count: Array, softness: Array | float) -> Array:
    """The rate below which a parabola replaces the logarithm."""
    return jnp.where(jnp.asarray(softness) > SHARP, softness * count / 2, 0.0)


def deviance(
    structure: Structure,
    model: Model,
    theta: Array,
    data: Data,
    softness: Array | float = SHARP,
) -> Array:
    """Negative log-likelihood less that of a perfect fit to the same data: zero at best."""
    rate = rates(structure, model, theta).sum(0)
    main = poisson_deviance(data.main, rate, softness).sum()
    return main + constraint_terms(structure, model, theta, data)


def constraint_terms(structure: Structure, model: Model, theta: Array, data: Data) -> Array:
    """The part of `deviance` that the auxiliary measurements give."""
    constraint = structure.parameters.constraint
    poisson = constraint == POISSON
    pull = jnp.where(constraint == GAUSSIAN, theta - data.auxiliary, 0.0) / model.width
    terms = 0.5 * pull @ pull
    if poisson.any():
        tail = poisson_deviance(data.auxiliary[poisson], theta[poisson])
        terms += (tail / model.width[poisson] ** 2).sum()
    return terms


def perfect_twice_nll(structure: Structure, model: Model, data: Data) -> Array:
    """-2 log L of a perfect fit: add it to 2 x `deviance` for pyhf's `twice_nll`."""
    constraint = structure.parameters.constraint
    poisson = constraint == POISSON
    width = model.width[constraint == GAUSSIAN]
    counts = jnp.append(data.main, data.auxiliary[poisson] / model.width[poisson] ** 2)
    log_counts = jnp.log(jnp.where(counts > 0, counts, 1.0))
    main = (counts - counts * log_counts + gammaln(counts + 1)).sum()
    return 2 * main + jnp.log(2 * jnp.pi * width**2).sum()
