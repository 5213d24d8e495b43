"""Training by gradient descent: Adam on mini-batches, of events and of their packed objects."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from zenith.config.networks.descent import DescentSettings
from zenith.config.networks.settings import Mva
from zenith.core.networks.ensemble import Ensemble
from zenith.core.networks.network import Network
from zenith.errors import ConfigError, FitError
from zenith.training.batches import Batch, Rooms, room, room_for_all
from zenith.training.checkpoints import Checkpoint, Reached
from zenith.training.examples import Examples
from zenith.training.objective import Learner, Objective
from zenith.training.regressions import target_scales
from zenith.training.trained import Progress, Trained


@eqx.filter_jit
def _epoch(
    learner: Learner,
    state: Any,
    order: jax.Array,
    parts: tuple[Batch, Batch],
    numbers: tuple[int, int],
    objective: Objective,
    optimiser: optax.GradientTransformation,
    rooms: Rooms,
) -> tuple[Learner, Any, jax.Array, jax.Array]:
    def step(carry: tuple[Learner, Any], chosen: jax.Array) -> tuple[tuple[Learner, Any], None]:
        learner, state = carry
        gradient = jax.grad(objective.of_each)(learner, parts[0].picked(chosen), rooms)
        updates, state = optimiser.update(gradient, state)
        return (optax.apply_updates(learner, updates), state), None

    (learner, state), _ = jax.lax.scan(step, (learner, state), order)
    training, validation = (
        objective.of_all(learner, events, order.shape[1], number, rooms)
        for events, number in zip(parts, numbers, strict=True)
    )
    return learner, state, training, validation


def train_with_jax(
    network: Network,
    mva: Mva,
    training: Examples,
    validation: Examples,
    random: np.random.Generator,
    progress: Progress,
    checkpoint: Checkpoint | None = None,
) -> Trained:
    """Train a network on balanced events; an epoch is one compiled call.

    Every epoch visits all events but fewer than there are batches, in another order each time. With
    a checkpoint the training goes on where it was.

    Raises `ConfigError` for a precision that the device has not, `FitError` if the loss is not
    finite, and `InputError` for a checkpoint that is damaged.
    """
    assert isinstance(mva, DescentSettings)
    events = len(training.weight)
    steps = max(1, round(events / mva.batch))
    size = events // steps
    optimiser = _optimiser(network, mva, steps)
    objective = Objective.of(mva, target_scales(mva, training)[1].tolist())
    learner = objective.learner(network, random)
    numbers = events, len(validation.weight)
    read = objective.prepared([_of(network, part) for part in (training, validation)])
    multiple = size if network.collections else 1
    if mva.loss.decorrelation is not None:  # batches of which each is a sample of all classes
        multiple = size
        read = [part.take(random.permutation(len(part.weight))) for part in read]
    batches = Batch.of(read[0], multiple), Batch.of(read[1], multiple)
    if mva.bootstrap:
        batches = batches[0].replicated(random.poisson(1.0, (events, mva.ensemble))), batches[1]
    counts = {
        name: [np.asarray(part.objects[name].valid).sum(axis=0) for part in read]
        for name in (network.collections if network.packs else ())
    }
    rooms = {
        name: max(room_for_all(of_part, size) for of_part in parts)
        for name, parts in counts.items()
    }
    losses: dict[str, list[float]] = {"train": [], "validation": []}
    reached = Reached(learner, optimiser.init(learner), network, 0, 0, losses, rooms, {})
    if checkpoint is not None:
        reached = checkpoint.read(reached._replace(random=dict(random.bit_generator.state)))
        random.bit_generator.state = reached.random
    learner, state, best, done, best_epoch, losses, rooms, _ = reached
    with matrix_products(mva.precision):
        for epoch in range(done + 1, mva.epochs + 1):
            if epoch - 1 - best_epoch >= mva.patience:
                break
            shuffled = random.permutation(events)[: events - events % steps]
            order = shuffled.reshape(steps, -1)  # a row is a batch
            rooms = {name: max(now, room(counts[name][0], order)) for name, now in rooms.items()}
            places = jnp.asarray(order, jnp.int32)
            learner, state, *both = _epoch(
                learner, state, places, batches, numbers, objective, optimiser, rooms
            )
            for column, loss in zip(losses.values(), both, strict=True):
                column.append(float(loss))
            if not np.isfinite([column[-1] for column in losses.values()]).all():
                raise FitError(
                    f"training diverged in epoch {epoch}: the loss is not finite; lower "
                    "learning_rate"
                )
            progress(epoch, losses["train"][-1], losses["validation"][-1])
            best_before = min(losses["validation"][:-1], default=np.inf)
            if losses["validation"][-1] < best_before or not objective.minimised:
                best, best_epoch = learner.network, epoch
            if checkpoint is not None:
                now = dict(random.bit_generator.state)
                checkpoint.write(
                    Reached(learner, state, best, epoch, best_epoch, losses, rooms, now)
                )
    return Trained(best, losses, best_epoch)


def matrix_products(precision: str) -> AbstractContextManager[Any]:
    """Products of matrices in this precision where it is entered; all sums are of float32.

    Raises `ConfigError` for bfloat16 without a GPU, where it would not be quicker.
    """
    if precision == "float32":
        return nullcontext()
    if jax.default_backend() != "gpu":
        raise ConfigError(
            f"precision: {precision} needs a GPU, and there is none: write float32, or start the "
            "training where there is one"
        )
    found: AbstractContextManager[Any] = jax.default_matmul_precision("BF16_BF16_F32")
    return found


def _of(network: Network, events: Examples) -> Examples:
    """The events with the objects that a network reads."""
    return events._replace(objects={name: events.objects[name] for name in network.collections})


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
