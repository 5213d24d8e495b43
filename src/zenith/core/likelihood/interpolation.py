"""HistFactory's interpolation between the -1, 0 and +1 standard deviation variations.

CERN-OPEN-2012-016, section 4.1; the numbers of the codes are those of pyhf and RooFit.
"""

import jax
import jax.numpy as jnp
from jax import Array


def code4p(alpha: Array) -> tuple[Array, Array, Array]:
    r"""Even part h of the piecewise-linear interpolation (code 4p), with h' and h''.

    The shift of a yield is $\alpha\,(u - d)/2 + h(\alpha)\,(u + d - 2n)/16$ with
    $h = 15\alpha^2 - 10\alpha^4 + 3\alpha^6$ inside of one standard deviation and $8|\alpha|$
    beyond, so that only two scalar functions of alpha meet the templates.
    """
    square = alpha**2
    inside = square < 1
    return (
        jnp.where(inside, square * (15 + square * (3 * square - 10)), 8 * jnp.abs(alpha)),
        jnp.where(inside, alpha * (30 + square * (18 * square - 40)), 8 * jnp.sign(alpha)),
        jnp.where(inside, 30 + square * (90 * square - 120), 0.0),
    )


def code4_coefficients(log_up: Array, log_down: Array) -> tuple[Array, ...]:
    r"""Coefficients $a_1 \ldots a_6$ of code 4's polynomial.

    They make the factor and its first two derivatives continuous with the exponentials
    $u^\alpha$ and $d^{-\alpha}$ at one standard deviation. With $v_\pm$, $v'_\pm$, $v''_\pm$ the
    value less one, slope and curvature required at $\pm 1$, the even and odd parts of the
    polynomial separate.
    """
    up, down = jnp.exp(log_up), jnp.exp(log_down)
    slope_up, slope_down = log_up * up, -log_down * down
    bend_up, bend_down = log_up * slope_up, -log_down * slope_down
    odd, even = (up - down) / 2, (up + down) / 2 - 1
    odd_slope, even_slope = (slope_up + slope_down) / 2, (slope_up - slope_down) / 2
    odd_bend, even_bend = (bend_up - bend_down) / 2, (bend_up + bend_down) / 2
    return (
        (15 * odd - 7 * odd_slope + odd_bend) / 8,
        (24 * even - 9 * even_slope + even_bend) / 8,
        (-5 * odd + 5 * odd_slope - odd_bend) / 4,
        (-12 * even + 7 * even_slope - even_bend) / 4,
        (3 * odd - 3 * odd_slope + odd_bend) / 8,
        (8 * even - 5 * even_slope + even_bend) / 8,
    )


def code4(alpha: Array, log_up: Array, log_down: Array, coefficients: tuple[Array, ...]) -> Array:
    """Polynomial inside of one standard deviation, exponential beyond (code 4): a factor.

    `alpha` broadcasts against `log_up`; `coefficients` are those of `code4_coefficients`.
    """
    polynomial = jnp.zeros_like(log_up)
    for coefficient in coefficients[::-1]:
        polynomial = (polynomial + coefficient) * alpha
    beyond = jnp.exp(jnp.where(alpha > 0, alpha * log_up, -alpha * log_down))
    return jnp.where(jnp.abs(alpha) < 1, 1 + polynomial, beyond)


def code4_derivatives(
    alpha: Array, log_up: Array, log_down: Array, coefficients: tuple[Array, ...]
) -> tuple[Array, Array, Array]:
    """As `code4`, with the first and second derivative by alpha."""
    value = slope = half_bend = jnp.zeros_like(log_up)
    terms: list[Array | float] = [*coefficients[::-1], 1.0]
    for coefficient in terms:  # Horner's scheme for all three
        half_bend = half_bend * alpha + slope
        slope = slope * alpha + value
        value = value * alpha + coefficient
    log = jnp.where(alpha > 0, log_up, -log_down)
    beyond = jnp.exp(alpha * log)
    inside = jnp.abs(alpha) < 1
    return (
        jnp.where(inside, value, beyond),
        jnp.where(inside, slope, beyond * log),
        jnp.where(inside, 2 * half_bend, beyond * log**2),
    )


@jax.custom_jvp
def product(factors: Array) -> Array:
    """Product along the first axis of factors that are not zero.

    Its derivative is the product times the relative ones, one pass where JAX's own takes many.
    """
    return factors.prod(0)


@product.defjvp
def _product_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (factors,), (changes,) = primals, tangents
    value = product(factors)
    return value, value * (changes / factors).sum(0)
