"""Training by gradient descent: Adam on mini-batches, of events and of their packed objects."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from zenith.config.networks.descent import DescentSettings
from zenith.config.networks.settings import Mva
from zenith.core.networks.ensemble import Ensemble
from zenith.core.networks.network import Network, Objects
from zenith.core.networks.tokens import PackedObjects
from zenith.errors import FitError
from zenith.training.examples import Examples
from zenith.training.trained import Progress, Trained

Rooms = Mapping[str, int]  # of each collection, objects that a batch has place for
NONE: Rooms = MappingProxyType({})
SPREADS = 5.0  # standard deviations above the mean that a batch has place for
GRAIN = 16  # objects, by which places are rounded up


class _Batch(NamedTuple):
    x: jax.Array  # (N, features): whole events are picked from it
    label: jax.Array  # (N,)
    weight: jax.Array  # (N,)
    objects: Mapping[str, tuple[jax.Array, jax.Array]]  # values (N, M, fields), valid (N, M)

    @classmethod
    def of(cls, events: Examples, multiple: int = 1) -> "_Batch":
        """All events, and as many of weight 0 without objects as make a multiple."""
        added = -len(events.weight) % multiple

        def array(given: np.ndarray, dtype: Any) -> jax.Array:
            widths = [(0, added), *[(0, 0)] * (given.ndim - 1)]
            return jnp.asarray(np.pad(np.asarray(given, dtype), widths))

        objects = {
            name: (array(np.asarray(values).T, np.float32), array(np.asarray(valid).T, bool))
            for name, (values, valid) in events.objects.items()
        }
        x, weight = array(events.x.T, np.float32), array(events.weight, np.float32)
        return cls(x, array(events.label, np.int32), weight, objects)

    def picked(self, chosen: jax.Array) -> "_Batch":
        picked: _Batch = jax.tree.map(lambda array: array[chosen], self)
        return picked

    def inputs(self, rooms: Rooms) -> tuple[Any, ...]:
        """What a network reads: of a collection that has rooms the objects are packed."""
        objects: dict[str, Objects | PackedObjects] = {}
        for name, (values, valid) in self.objects.items():
            padded = Objects(jnp.transpose(values), valid.T)
            packed = name in rooms
            objects[name] = PackedObjects.of(padded, rooms[name]) if packed else padded
        return (self.x.T, objects) if objects else (self.x.T,)


def _weighted(network: Network, batch: _Batch, rooms: Rooms) -> jax.Array:
    logits = network.logits(*batch.inputs(rooms))
    if network.classes:
        each = optax.softmax_cross_entropy_with_integer_labels(logits, batch.label, axis=0)
    else:
        each = optax.sigmoid_binary_cross_entropy(logits[0], batch.label.astype(logits.dtype))
    weighted: jax.Array = batch.weight * each
    return weighted


def _loss(network: Network, batch: _Batch, rooms: Rooms = NONE) -> jax.Array:
    # Not divided by the weights of the batch, which may cancel: their mean is 1 over all batches.
    return jnp.mean(_weighted(network, batch, rooms))


def _of_each(network: Network, batch: _Batch, rooms: Rooms = NONE) -> jax.Array:
    """The loss of a network, or the sum of those of the members of an ensemble."""
    if isinstance(network, Ensemble):
        return jax.vmap(lambda one: _loss(one, batch, rooms))(network.members).sum()
    return _loss(network, batch, rooms)


def _of_all(network: Network, events: _Batch, size: int, number: int, rooms: Rooms) -> jax.Array:
    """The loss on all events, of which there are `number`; of objects, batch after batch."""
    if not events.objects:
        return _loss(network, events)
    number_of = len(events.weight) // size
    batches = jax.tree.map(lambda a: a.reshape(number_of, size, *a.shape[1:]), events)
    sums: jax.Array = jax.lax.map(lambda one: _weighted(network, one, rooms).sum(), batches)
    return sums.sum() / number


@eqx.filter_jit
def _epoch(
    network: Network,
    state: Any,
    order: jax.Array,
    parts: tuple[_Batch, _Batch],
    numbers: tuple[int, int],
    optimiser: optax.GradientTransformation,
    rooms: Rooms,
) -> tuple[Network, Any, jax.Array, jax.Array]:
    def step(carry: tuple[Network, Any], chosen: jax.Array) -> tuple[tuple[Network, Any], None]:
        network, state = carry
        gradient = jax.grad(_of_each)(network, parts[0].picked(chosen), rooms)
        updates, state = optimiser.update(gradient, state)
        return (optax.apply_updates(network, updates), state), None

    (network, state), _ = jax.lax.scan(step, (network, state), order)
    training, validation = (
        _of_all(network, events, order.shape[1], number, rooms)
        for events, number in zip(parts, numbers, strict=True)
    )
    return network, state, training, validation


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
    size = events // steps
    optimiser = _optimiser(network, mva, steps)
    state = optimiser.init(network)
    multiple = size if network.collections else 1
    numbers = events, len(validation.weight)
    read = tuple(_of(network, part) for part in (training, validation))
    batches = _Batch.of(read[0], multiple), _Batch.of(read[1], multiple)
    counts = {
        name: [np.asarray(part.objects[name].valid).sum(axis=0) for part in read]
        for name in (network.collections if network.packs else ())
    }
    rooms = {
        name: max(_room_for_all(of_part, size) for of_part in parts)
        for name, parts in counts.items()
    }
    best, best_epoch = network, 0
    losses: dict[str, list[float]] = {"train": [], "validation": []}
    for epoch in range(1, mva.epochs + 1):
        shuffled = random.permutation(events)[: events - events % steps]
        order = shuffled.reshape(steps, -1)  # a row is a batch
        rooms = {name: max(room, _room(counts[name][0], order)) for name, room in rooms.items()}
        places = jnp.asarray(order, jnp.int32)
        network, state, *both = _epoch(network, state, places, batches, numbers, optimiser, rooms)
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


def _of(network: Network, events: Examples) -> Examples:
    """The events with the objects that a network reads."""
    return events._replace(objects={name: events.objects[name] for name in network.collections})


def _room(counts: np.ndarray, order: np.ndarray) -> int:
    """Objects, of events with these counts, that every batch has place for, of later orders too.

    Nearly: where a later batch has more, all batches get the place, and are compiled again.
    """
    size = order.shape[1]
    usual = size * counts.mean() + SPREADS * np.sqrt(size) * counts.std()
    return _rounded(max(min(usual, size * counts.max()), counts[order].sum(axis=1).max()))


def _room_for_all(counts: np.ndarray, size: int) -> int:
    """Objects that the batches of events in their own order have."""
    return _rounded(np.add.reduceat(counts, np.arange(0, len(counts), size)).max())


def _rounded(room: float) -> int:
    return max(1, -int(-room // GRAIN)) * GRAIN


def _optimiser(network: Network, mva: DescentSettings, steps: int) -> optax.GradientTransformation:
    """Adam with the learning rate of each step, on clipped gradients if configured."""
    rate: Any = mva.learning_rate
    rising = round(mva.warm_up * steps)
    if mva.schedule == "cosine":
        rate = optax.cosine_decay_schedule(mva.learning_rate, mva.epochs * steps - rising)
    if rising:
        rise = optax.linear_schedule(mva.learning_rate / rising, mva.learning_rate, rising - 1)
        falls = rate if callable(rate) else optax.constant_schedule(rate)
        rate = optax.join_schedules([rise, falls], [rising])
    adam = optax.adam(rate)
    return adam if mva.clip is None else optax.chain(_clip(network, mva.clip), adam)


def _clip(network: Network, largest: float) -> optax.GradientTransformation:
    """Gradients of no larger norm, of each member of an ensemble for itself."""
    clip = optax.clip_by_global_norm(largest)

    def one(gradient: Network) -> Network:
        clipped: Network = clip.update(gradient, optax.EmptyState())[0]
        return clipped

    def update(gradient: Any, state: Any, parameters: Any = None) -> tuple[Any, Any]:
        return (jax.vmap(one) if isinstance(network, Ensemble) else one)(gradient), state

    return optax.GradientTransformation(clip.init, update)
