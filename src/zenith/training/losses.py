"""Losses of events, and of how much a score says of an observable: functions of arrays alone."""

from functools import partial

import jax
import jax.numpy as jnp

TINY = 1e-30  # a squared distance, or a product of variances, that counts as 0


def targets(label: jax.Array, classes: int, smoothing: float) -> jax.Array:
    """What the probabilities are to be, (classes, N), of labels (N,).

    `smoothing` is the share of a label that all classes have alike (arXiv:1512.00567).
    """
    own = jax.nn.one_hot(label, classes, axis=0)
    return (1.0 - smoothing) * own + smoothing / classes


def focal(logits: jax.Array, target: jax.Array, gamma: float) -> jax.Array:
    """The loss of each event, (N,): −Σ_c t_c (1 − p_c)^γ ln p_c (arXiv:1708.02002).

    Logits are (1 or classes, N), targets (classes, N). With γ = 0 it is the cross-entropy.
    """
    z = jnp.concatenate([jnp.zeros_like(logits), logits]) if len(logits) == 1 else logits
    log_p = jax.nn.log_softmax(z, axis=0)
    if not gamma:
        return -jnp.sum(target * log_p, axis=0)
    # ln(1 − p) by the other logits: where p rounds to 1, its derivative is still finite
    others = jnp.where(jnp.eye(len(z), dtype=bool)[:, :, None], -jnp.inf, z[None])
    log_q = jax.nn.logsumexp(others, axis=1) - jax.nn.logsumexp(z, axis=0)
    return -jnp.sum(target * jnp.exp(gamma * log_q) * log_p, axis=0)


def regression(predicted: jax.Array, target: jax.Array, kind: str, deviation: float) -> jax.Array:
    """The loss of each event, (N,), of predictions (1 or 2, N) of a target (N,).

    With the difference d in units of the deviation, `l1` is |d| and `l2` d². `gaussian` is the
    negative logarithm of a Gaussian density, ½ (d² / v + ln v), without its constant; the second
    row is ln v in units of the target.
    """
    difference = (target - predicted[0]) / deviation
    if kind == "l1":
        return jnp.abs(difference)
    if kind == "l2":
        return difference**2
    log_variance = predicted[1] - 2.0 * jnp.log(deviation)
    return 0.5 * (difference**2 * jnp.exp(-log_variance) + log_variance)


def distance_correlation_squared(a: jax.Array, b: jax.Array, weight: jax.Array) -> jax.Array:
    """R², in [0, 1], of a (K, N) and b (L, N): 0 of what is independent, 1 of linear functions.

    With the distances A_ij = |a_i − a_j|, double-centred by weighted means, it is
    ⟨A B⟩ / √(⟨A²⟩ ⟨B²⟩), each mean over pairs with weights |w_i w_j| (arXiv:0803.4101; weighted as
    in arXiv:2001.05310). Without weight, or where one of them never varies, it is 0.
    """
    share = jnp.abs(weight)
    share = share / jnp.maximum(share.sum(), TINY)
    centred = [_centred(_distances(x), share) for x in (a, b)]

    def mean(one: jax.Array, other: jax.Array) -> jax.Array:
        return share @ (one * other) @ share

    product = mean(centred[0], centred[0]) * mean(centred[1], centred[1])
    varies = product > TINY
    ratio = mean(*centred) / jnp.sqrt(jnp.where(varies, product, 1.0))
    return jnp.where(varies, ratio, 0.0)


def _distances(x: jax.Array) -> jax.Array:
    """(K, N) → (N, N); the derivative of a distance that is 0 is 0."""
    difference = x[:, :, None] - x[:, None, :]
    if len(x) == 1:
        return jnp.abs(difference[0])
    squared = jnp.sum(difference**2, axis=0)
    apart = squared > TINY
    return jnp.where(apart, jnp.sqrt(jnp.where(apart, squared, 1.0)), 0.0)


def _centred(distances: jax.Array, share: jax.Array) -> jax.Array:
    means = distances @ share
    return distances - means[:, None] - means[None, :] + share @ means


def predicted_bins(logits: jax.Array, bins: jax.Array, weight: jax.Array) -> jax.Array:
    """Mean cross-entropy of bins (N,), of which there are as many as logits (bins, N), over |w|."""
    log_p = jax.nn.log_softmax(logits, axis=0)
    own = jnp.take_along_axis(log_p, bins[None], axis=0)[0]
    return -jnp.sum(jnp.abs(weight) * own) / jnp.maximum(jnp.abs(weight).sum(), TINY)


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def reversed_gradient(x: jax.Array, factor: float) -> jax.Array:
    """x, whose derivative is −`factor` in place of 1 (arXiv:1505.07818)."""
    return x


def _forward(x: jax.Array, factor: float) -> tuple[jax.Array, None]:
    return x, None


def _backward(factor: float, _: None, cotangent: jax.Array) -> tuple[jax.Array]:
    return (-factor * cotangent,)


reversed_gradient.defvjp(_forward, _backward)
