"""Training by gradient descent: Adam on mini-batches, of events and of their packed objects."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax
import numpy as np
import optax

from zenith.config.networks.descent import DescentSettings
from zenith.config.networks.settings import Mva
from zenith.core.networks.ensemble import Ensemble
from zenith.core.networks.network import Network
from zenith.errors import ConfigError, FitError
from zenith.training.batches import Batch, room_for_all
from zenith.training.checkpoints import Checkpoint, Reached
from zenith.training.epochs import Descent, objects_in
from zenith.training.examples import Examples
from zenith.training.objective import Objective
from zenith.training.regressions import target_scales
from zenith.training.stream import Epochs
from zenith.training.trained import Progress, Trained, Watch


def train_with_jax(
    network: Network,
    mva: Mva,
    training: Examples,
    validation: Examples,
    random: np.random.Generator,
    progress: Progress,
    checkpoint: Checkpoint | None = None,
    epochs: Epochs | None = None,
    watch: Watch = lambda _: {},
) -> Trained:
    """Train a network on balanced events.

    Every epoch visits all events but fewer than there are batches, in another order each time.
    Where they do not fit into memory, `epochs` reads them, and `training` is a sample, of which the
    loss is told. `watch` says what is noted of every epoch. With a checkpoint the training goes on
    where it was.

    Raises `ConfigError` for a precision that the device has not, `FitError` if the loss is not
    finite, and `InputError` for a checkpoint that is damaged.
    """
    assert isinstance(mva, DescentSettings)
    events = len(training.weight) if epochs is None else epochs.events
    steps = max(1, round(events / mva.batch))
    size = events // steps
    optimiser = _optimiser(network, mva, steps)
    objective = Objective.of(mva, target_scales(mva, training)[1].tolist())
    learner = objective.learner(network, random)
    numbers = len(training.weight), len(validation.weight)
    parts = [_of(network, part) for part in (training, validation)]
    prepare = objective.preparation(parts[0])
    read = [prepare(part) for part in parts]
    multiple = size if network.collections else 1
    if mva.loss.decorrelation is not None:  # batches of which each is a sample of all classes
        multiple = size
        read = [part.take(random.permutation(len(part.weight))) for part in read]
    batches = Batch.of(read[0], multiple), Batch.of(read[1], multiple)
    if mva.bootstrap:
        batches = batches[0].replicated(random.poisson(1.0, (events, mva.ensemble))), batches[1]
    counts = {
        name: [objects_in(part, name) for part in read]
        for name in (network.collections if network.packs else ())
    }
    rooms = {
        name: max(room_for_all(of_part, size) for of_part in both) for name, both in counts.items()
    }
    taught = {name: both[0] for name, both in counts.items()}
    descent = Descent(objective, optimiser, steps, size, batches, numbers, taught)
    losses: dict[str, list[float]] = {"train": [], "validation": []}
    reached = Reached(learner, optimiser.init(learner), network, 0, 0, losses, {}, rooms, {})
    if checkpoint is not None:
        reached = checkpoint.read(reached._replace(random=dict(random.bit_generator.state)))
        random.bit_generator.state = reached.random
    learner, state, best, done, best_epoch, losses, noted, rooms, _ = reached
    with matrix_products(mva.precision):
        for epoch in range(done + 1, mva.epochs + 1):
            if epoch - 1 - best_epoch >= mva.patience:
                break
            if epochs is None:
                learner, state, rooms, found = descent.in_memory(learner, state, rooms, random)
            else:
                these = (_of(network, batch) for batch in epochs.batches(epoch, size, steps))
                learner, state, rooms, found = descent.read(learner, state, rooms, these, prepare)
            for column, loss in zip(losses.values(), found, strict=True):
                column.append(float(loss))
            if not np.isfinite([column[-1] for column in losses.values()]).all():
                raise FitError(
                    f"training diverged in epoch {epoch}: the loss is not finite; lower "
                    "learning_rate"
                )
            for name, number in watch(learner.network).items():
                noted.setdefault(name, []).append(number)
            progress(epoch, losses["train"][-1], losses["validation"][-1])
            best_before = min(losses["validation"][:-1], default=np.inf)
            if losses["validation"][-1] < best_before or not objective.minimised:
                best, best_epoch = learner.network, epoch
            if checkpoint is not None:
                now = dict(random.bit_generator.state)
                checkpoint.write(
                    Reached(learner, state, best, epoch, best_epoch, losses, noted, rooms, now)
                )
    return Trained(best, losses, best_epoch, noted)


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
