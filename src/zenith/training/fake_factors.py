"""A fake factor as a ratio of densities, learned by classifiers.

A classifier of events a against events b tends to a(x) / (a(x) + b(x)), so that the exponential of
its logit is the ratio r = a / b. Two of data against prompt simulation, of the tight and of the
loose events of a measurement region, give each event of data the weight 1 - 1/r(x), its probability
not to be prompt. A third, of tight against loose data of these weights, none of which is negative,
gives the fake factor.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from zenith.core.networks.network import Network
from zenith.core.networks.perceptron import Perceptron
from zenith.errors import FitError, InputError
from zenith.statistics.fake_factors import NOMINAL, Counted, Vector, require_loose

_CHUNK = 1024  # numbers of events are padded to its multiples, for few sizes to compile
_AT_ONCE = 32 * _CHUNK  # events that a ratio is evaluated for, in all versions


@dataclass(frozen=True)
class Training:
    """How classifiers of ratios are trained: all events at once, by Adam."""

    hidden: tuple[int, ...] = (16, 16)
    steps: int = 500
    learning_rate: float = 0.02


@dataclass(frozen=True)
class Ratio:
    """The ratio of two densities in each version: exp(logit + offset), in float32.

    Attributes
    ----------
    networks
        One network whose arrays have an axis of versions in front.
    offset
        The logarithm of the ratio of totals, (V,).
    """

    networks: Network
    offset: Vector

    def __call__(self, x: NDArray[np.float32]) -> Vector:
        """(features, N) → (V, N)."""
        found = np.empty((len(self.offset), x.shape[1]))
        for start in range(0, x.shape[1], _AT_ONCE):
            part = x[:, start : start + _AT_ONCE]
            logits = np.asarray(_logits(self.networks, jnp.asarray(_padded(part))), np.float64)
            found[:, start : start + _AT_ONCE] = logits[:, : part.shape[1]]
        return np.exp(found + self.offset[:, None])


def learned(
    events: Counted,
    multipliers: Vector,
    features: Sequence[str],
    training: Training,
    seed: int,
    where: str,
) -> Ratio:
    """The factor of a measurement region in each version of the weights, (V, N).

    Its total is that of the signed weights: loose events, data minus simulation, each times the
    factor, are as many as tight ones.

    Raises
    ------
    InputError
        There are no loose events or no tight ones, or too much prompt simulation.
    FitError
        The loss is not finite.
    """
    require_loose(events, where)
    tight = events.take(events.tight).weight.sum()
    if not tight > 0.0:
        raise InputError(
            f"{where}: tight data minus prompt simulation are {tight:.4g} events, not above 0: "
            "check the cross-sections of the prompt samples, or take a region with more fakes"
        )
    keys = jax.random.split(jax.random.key(seed), 3)
    weights = multipliers * np.abs(events.weight)
    fakes = np.zeros_like(weights)  # of data alone: 1 - 1/r, times the weight
    for key, of in zip(keys[:2], (events.tight, ~events.tight), strict=True):
        data = of & events.data
        fakes[:, data] = weights[:, data]
        if (of & ~events.data).any():
            r = ratio(
                key, events.x[:, of], events.data[of], weights[:, of], features, training, where
            )
            fakes[:, data] *= np.maximum(1.0 - 1.0 / r(events.x[:, data]), 0.0)
    data = events.data
    if not all(fakes[NOMINAL, data & of].any() for of in (events.tight, ~events.tight)):
        raise InputError(
            f"{where}: wherever there are data, there is as much prompt simulation: check the "
            "cross-sections of the prompt samples, or take a region with more fakes"
        )
    found = ratio(
        keys[2], events.x[:, data], events.tight[data], fakes[:, data], features, training, where
    )
    signed, loose = multipliers * events.weight, ~events.tight
    predicted = (signed[:, loose] * found(events.x[:, loose])).sum(axis=1)
    wanted = signed[:, events.tight].sum(axis=1)
    # a replica without fakes, in a small region, would have a factor below 0
    scale = np.maximum(wanted, 1e-9) / np.maximum(predicted, 1e-9)
    return replace(found, offset=found.offset + np.log(scale))


def ratio(
    key: jax.Array,
    x: NDArray[np.float32],
    above: NDArray[np.bool_],
    weights: Vector,
    features: Sequence[str],
    training: Training,
    where: str,
) -> Ratio:
    """The density of the events `above` over that of the others, with their totals.

    Parameters
    ----------
    key
        Of what is random.
    x
        (features, N).
    above
        Which events are of the numerator, (N,).
    weights
        In each version, (V, N), none below 0. The first is trained from scratch, the others from
        where it ends.

    Raises InputError, which names `where`, for a feature that never varies, and FitError for a loss
    that is not finite or higher than at the start.
    """
    for feature, values in zip(features, x, strict=True):
        if np.ptp(values) == 0.0:
            raise InputError(
                f"{where}: the feature {feature!r} is {values[0]:g} in all of {len(values)} events "
                "that a network is to learn from: remove it from learn.features"
            )
    totals = weights[:, above].sum(axis=1), weights[:, ~above].sum(axis=1)
    offset = np.log(np.maximum(totals[0], 1e-9) / np.maximum(totals[1], 1e-9))
    network = Perceptron.create(key, features, training.hidden, activation="tanh")
    network = network.scaled_to(x, weights[NOMINAL])
    last = 0.0 * network.weights[-1]  # so that the first ratio is that of the totals
    network = replace(network, weights=(*network.weights[:-1], last))
    share = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    x, label, share = _padded(x), _padded(above.astype(np.float32)), _padded(share)
    start = jax.tree.map(lambda leaf: leaf[None], network)
    shorter = replace(training, steps=training.steps // 3, learning_rate=training.learning_rate / 2)
    nominal, loss = _trained(start, x, label, share[:1], offset[:1], training)
    start = jax.tree.map(lambda leaf: jnp.repeat(leaf, len(share) - 1, axis=0), nominal)
    varied, losses = _trained(start, x, label, share[1:], offset[1:], shorter)
    if not np.isfinite(losses).all() or not loss[-1, 0] <= loss[0, 0] + 1e-3:
        raise FitError(f"{where}: the training diverged: lower learn.learning_rate")
    return Ratio(jax.tree.map(lambda *a: jnp.concatenate(a), nominal, varied), offset)


def _padded(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """The last axis filled with zeros to a multiple of the chunk, in float32."""
    more = -values.shape[-1] % _CHUNK
    widths = [(0, 0)] * (values.ndim - 1) + [(0, more)]
    return np.pad(values, widths).astype(np.float32)


@eqx.filter_jit
def _logits(networks: Network, x: jax.Array) -> jax.Array:
    found: jax.Array = jax.vmap(lambda network: network.logits(x)[0])(networks)
    return found


@eqx.filter_jit
def _trained(
    networks: Network,
    x: NDArray[np.float32],
    label: NDArray[np.float32],
    weights: NDArray[np.float32],
    offset: Vector,
    training: Training,
) -> tuple[Network, jax.Array]:
    """All versions at once: weighted cross-entropy, and its value before each step, (steps, V)."""
    rate = optax.cosine_decay_schedule(training.learning_rate, training.steps)
    optimiser = optax.adam(rate)
    constants = jnp.asarray(offset, jnp.float32)

    def of_one(network: Network, weight: jax.Array, constant: jax.Array) -> jax.Array:
        logits = network.logits(jnp.asarray(x))[0] + constant
        each = optax.sigmoid_binary_cross_entropy(logits, jnp.asarray(label))
        return jnp.sum(weight * each)

    def total(networks: Network) -> tuple[jax.Array, jax.Array]:
        losses = jax.vmap(of_one)(networks, jnp.asarray(weights), constants)
        return losses.sum(), losses

    def step(carry: tuple[Network, Any], _: None) -> tuple[tuple[Network, Any], jax.Array]:
        networks, state = carry
        grad, losses = jax.grad(total, has_aux=True)(networks)
        updates, state = optimiser.update(grad, state)
        return (optax.apply_updates(networks, updates), state), losses

    (networks, _), losses = jax.lax.scan(
        step, (networks, optimiser.init(networks)), None, training.steps
    )
    return networks, losses
