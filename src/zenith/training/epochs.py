"""One epoch of gradient descent, of events that are in memory or of those that are read."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from zenith.training.batches import Batch, Rooms, room, room_for_all
from zenith.training.examples import Examples
from zenith.training.objective import Learner, Objective

GROUP = 32  # batches that are read for one compiled call
Losses = tuple[jax.Array, jax.Array]  # of the training events, and of the validation
Places = dict[str, int]  # rooms, of which some may become larger


def _descended(
    learner: Learner,
    state: Any,
    order: jax.Array,
    events: Batch,
    objective: Objective,
    optimiser: optax.GradientTransformation,
    rooms: Rooms,
) -> tuple[Learner, Any]:
    """After a step for each row of the order."""

    def step(carry: tuple[Learner, Any], chosen: jax.Array) -> tuple[tuple[Learner, Any], None]:
        learner, state = carry
        gradient = jax.grad(objective.of_each)(learner, events.picked(chosen), rooms)
        updates, state = optimiser.update(gradient, state)
        return (optax.apply_updates(learner, updates), state), None

    return jax.lax.scan(step, (learner, state), order)[0]


def _losses(
    learner: Learner,
    parts: tuple[Batch, Batch],
    numbers: tuple[int, int],
    objective: Objective,
    size: int,
    rooms: Rooms,
) -> Losses:
    training, validation = (
        objective.of_all(learner, events, size, number, rooms)
        for events, number in zip(parts, numbers, strict=True)
    )
    return training, validation


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
) -> tuple[Learner, Any, Losses]:
    learner, state = _descended(learner, state, order, parts[0], objective, optimiser, rooms)
    return learner, state, _losses(learner, parts, numbers, objective, order.shape[1], rooms)


_some_steps, _losses_alone = eqx.filter_jit(_descended), eqx.filter_jit(_losses)


class Descent(NamedTuple):
    """What does not change from one epoch to the next."""

    objective: Objective
    optimiser: optax.GradientTransformation
    steps: int  # of an epoch
    size: int  # events of a batch
    parts: tuple[Batch, Batch]  # training and validation; of events that are read, a sample
    numbers: tuple[int, int]  # events of these, without what pads them
    counts: Mapping[str, np.ndarray]  # objects of each training event, of collections to be packed

    def in_memory(
        self, learner: Learner, state: Any, rooms: Places, random: np.random.Generator
    ) -> tuple[Learner, Any, Places, Losses]:
        """After an epoch of the training events in memory, in a random order."""
        events, steps = self.numbers[0], self.steps
        shuffled = random.permutation(events)[: events - events % steps]
        order = shuffled.reshape(steps, -1)  # a row is a batch
        rooms = {name: max(now, room(self.counts[name], order)) for name, now in rooms.items()}
        places = jnp.asarray(order, jnp.int32)
        learner, state, losses = _epoch(
            learner,
            state,
            places,
            self.parts,
            self.numbers,
            self.objective,
            self.optimiser,
            rooms,
        )
        return learner, state, rooms, losses

    def read(
        self,
        learner: Learner,
        state: Any,
        rooms: Places,
        batches: Iterator[Examples],
        prepare: Callable[[Examples], Examples],
    ) -> tuple[Learner, Any, Places, Losses]:
        """After an epoch of batches that are read, some of them for each compiled call."""
        for some in _grouped(batches, self.steps):
            found = prepare(some)
            order = np.arange(len(found.weight)).reshape(-1, self.size)
            rooms = {
                name: _room(now, objects_in(found, name), order) for name, now in rooms.items()
            }
            places, events = jnp.asarray(order, jnp.int32), Batch.of(found)
            learner, state = _some_steps(
                learner, state, places, events, self.objective, self.optimiser, rooms
            )
        losses = _losses_alone(learner, self.parts, self.numbers, self.objective, self.size, rooms)
        return learner, state, rooms, losses


def objects_in(events: Examples, collection: str) -> np.ndarray:
    """The number of objects of each event, (N,)."""
    counts: np.ndarray = np.asarray(events.objects[collection].valid).sum(axis=0)
    return counts


def _grouped(batches: Iterator[Examples], number: int) -> Iterator[Examples]:
    """The batches in groups of nearly one size, of which there are two at most, to compile few."""
    groups = -(-number // GROUP)
    for sizes in np.array_split(np.arange(number), groups):
        yield Examples.joined(list(islice(batches, len(sizes))))


def _room(now: int, counts: np.ndarray, order: np.ndarray) -> int:
    """Places for objects that are enough, with some to spare where they were not."""
    enough = room_for_all(counts, order.shape[1]) <= now
    return now if enough else room(counts, order)
