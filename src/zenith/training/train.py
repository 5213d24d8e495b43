"""Pretraining of a network: cross-entropy of the classes, by Adam on mini-batches or LightGBM."""

import zlib
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from zenith.config.networks.descent import DescentSettings
from zenith.config.networks.settings import Mva
from zenith.core.networks.ensemble import Ensemble
from zenith.core.networks.network import Network, require_events_alone
from zenith.errors import FitError, InputError
from zenith.training.balance import balanced, without_negative
from zenith.training.examples import Examples
from zenith.training.trained import Progress, Trained


def train(
    name: str,
    mva: Mva,
    training: Examples,
    validation: Examples,
    seed: int,
    progress: Progress = lambda *_: None,
) -> Trained:
    """Train the network `name`; the same arguments give the same numbers.

    The loss is the mean of weight · cross-entropy, with a sigmoid for two classes and a softmax for
    more, over events balanced as configured. The weights that are kept are those with the smallest
    loss on `validation`, which is balanced by weights alone.

    Raises `InputError` for a class whose weights add up to nothing and for a feature that never
    varies, and `FitError` if the loss is not finite.
    """
    number = zlib.crc32(name.encode())
    random = np.random.default_rng([seed, number])
    key = jax.random.fold_in(jax.random.key(seed), number)
    network = mva.untrained(key)
    require_events_alone(name, network)
    how = train_with_jax
    if mva.framework == "keras":
        from zenith.training.keras import train_with_keras as how
    elif mva.framework == "lightgbm":
        from zenith.training.boosted_trees import train_with_lightgbm as how
    try:
        training, validation = _balanced(mva, training, validation, random)
        _check_that_features_vary(mva, training)
        network = network.scaled_to(training.x, np.abs(training.weight))
        return how(network, mva, training, validation, random, progress)
    except (InputError, FitError) as error:
        raise type(error)(f"mva.{name}: {error}") from None


def _balanced(
    mva: Mva, training: Examples, validation: Examples, random: np.random.Generator
) -> tuple[Examples, Examples]:
    """Both as the loss has them; the events of the validation are never sampled."""
    classes, rule = tuple(mva.classes), mva.negative_weights
    return (
        balanced(without_negative(training, rule), classes, mva.balance, random),
        balanced(
            without_negative(validation, rule),
            classes,
            "none" if mva.balance == "none" else "class_weights",
            random,
        ),
    )


def _check_that_features_vary(mva: Mva, events: Examples) -> None:
    lowest, highest = events.x.min(axis=1), events.x.max(axis=1)
    for feature, low, high in zip(mva.features, lowest, highest, strict=True):
        if low == high:
            raise InputError(
                f"the feature {feature!r} is {low:g} in all training events: nothing can be "
                "learnt from it; remove it from features"
            )


class _Batch(NamedTuple):
    x: jax.Array  # (N, features): whole events are picked from it
    label: jax.Array  # (N,)
    weight: jax.Array  # (N,)

    @classmethod
    def of(cls, events: Examples) -> "_Batch":
        weight = jnp.asarray(events.weight, jnp.float32)
        return cls(jnp.asarray(events.x.T, jnp.float32), jnp.asarray(events.label), weight)


def _loss(network: Network, batch: _Batch) -> jax.Array:
    logits = network.logits(batch.x.T)
    if network.classes:
        each = optax.softmax_cross_entropy_with_integer_labels(logits, batch.label, axis=0)
    else:
        each = optax.sigmoid_binary_cross_entropy(logits[0], batch.label.astype(logits.dtype))
    # Not divided by the weights of the batch, which may cancel: their mean is 1 over all batches.
    return jnp.mean(batch.weight * each)


def _of_each(network: Network, batch: _Batch) -> jax.Array:
    """The loss of a network, or the sum of those of the members of an ensemble."""
    if isinstance(network, Ensemble):
        return jax.vmap(_loss, (0, None))(network.members, batch).sum()
    return _loss(network, batch)


@eqx.filter_jit
def _epoch(
    network: Network,
    state: Any,
    order: jax.Array,
    training: _Batch,
    validation: _Batch,
    optimiser: optax.GradientTransformation,
) -> tuple[Network, Any, jax.Array, jax.Array]:
    def step(carry: tuple[Network, Any], chosen: jax.Array) -> tuple[tuple[Network, Any], None]:
        network, state = carry
        batch = _Batch(*(array[chosen] for array in training))
        updates, state = optimiser.update(jax.grad(_of_each)(network, batch), state)
        return (optax.apply_updates(network, updates), state), None

    (network, state), _ = jax.lax.scan(step, (network, state), order)
    return network, state, _loss(network, training), _loss(network, validation)


def train_with_jax(
    network: Network,
    mva: Mva,
    training: Examples,
    validation: Examples,
    random: np.random.Generator,
    progress: Progress,
) -> Trained:
    """Train a network on balanced events; an epoch is one compiled call.

    Every epoch visits all events but fewer than there are batches, in another order each time.
    """
    assert isinstance(mva, DescentSettings)
    events = len(training.weight)
    steps = max(1, round(events / mva.batch))
    rate: Any = mva.learning_rate
    if mva.schedule == "cosine":
        rate = optax.cosine_decay_schedule(mva.learning_rate, mva.epochs * steps)
    optimiser = optax.adam(rate)
    state = optimiser.init(network)
    batches = _Batch.of(training), _Batch.of(validation)
    best, best_epoch = network, 0
    losses: dict[str, list[float]] = {"train": [], "validation": []}
    for epoch in range(1, mva.epochs + 1):
        shuffled = random.permutation(events)[: events - events % steps]
        order = jnp.asarray(shuffled.reshape(steps, -1), jnp.int32)  # a row is a batch
        network, state, *both = _epoch(network, state, order, *batches, optimiser)
        for column, loss in zip(losses.values(), both, strict=True):
            column.append(float(loss))
        if not np.isfinite([column[-1] for column in losses.values()]).all():
            raise FitError(
                f"training diverged in epoch {epoch}: the loss is not finite; lower learning_rate"
            )
        progress(epoch, losses["train"][-1], losses["validation"][-1])
        if epoch == 1 or losses["validation"][-1] < losses["validation"][best_epoch - 1]:
            best, best_epoch = network, epoch
        if epoch - best_epoch >= mva.patience:
            break
    return Trained(best, losses, best_epoch)
