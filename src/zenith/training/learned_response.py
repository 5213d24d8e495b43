"""Training of the responses of all processes at once, by gradient descent on copies of events.

The loss of a process is the cross-entropy of its copies against its nominal events, with the
logit Δ(x) · m(ν) at each point ν (`zenith.core.response.learned`). Copies are the same events: in a
step those of one event stand beside the event itself, so that what they have in common is no noise.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from zenith.config.efficient_score import LearnedResponses
from zenith.core.likelihood.quadratics import monomials, names
from zenith.core.networks.network import mean_and_deviation
from zenith.core.networks.perceptron import Perceptron
from zenith.core.response import surface
from zenith.core.response.learned import LearnedResponse
from zenith.errors import FitError, InputError
from zenith.training.copied_events import Copied

Array = NDArray[np.float64]
CHECKS = 10  # how often the loss on validation events is looked at
BATCHES = 16  # of validation events


class Batch(NamedTuple):
    """Events of one process, nominal and S copies of each; or of every process, (P, …)."""

    x: Any  # (1 + S, features, B)
    weight: Any  # (1 + S, B), with a mean of 1
    terms: Any  # (S, F), of the points of the copies


class Learned(NamedTuple):
    """What was learned."""

    response: LearnedResponse
    losses: dict[str, list[float]]  # by process, on validation events


def learn(
    features: Sequence[str],
    parameters: Sequence[str],
    learning: Mapping[str, Copied],
    validation: Mapping[str, Copied],
    settings: LearnedResponses,
    seed: int,
) -> Learned:
    """Learn the responses of all processes; each has its own events, weights and random numbers.

    A process learns the same whichever others there are. The weights that are kept are those with
    the smallest loss on validation events. The responses of yields are fitted to all events
    (`zenith.core.response.surface`).

    Raises InputError for a process without events, or without any at a point; for a feature that
    never varies; and for points that do not determine the polynomial. FitError if it diverges.
    """
    for part, events in (("learning", learning), ("validation", validation)):
        for process, own in events.items():
            _check(process, own, part, parameters)
    untrained = LearnedResponse.create(
        jax.random.key(seed), features, tuple(learning), parameters, settings.hidden
    )
    response = _scaled(untrained, learning)
    draws = [Draws.of(process, own, settings, seed) for process, own in learning.items()]
    judges = [Draws.of(process, own, settings, seed + 1) for process, own in validation.items()]
    fixed = [_together(judges) for _ in range(BATCHES)]
    optimiser = optax.adam(optax.cosine_decay_schedule(settings.learning_rate, settings.steps))
    networks = best = response.networks
    state = optimiser.init(networks)
    lowest = _losses(networks, fixed)
    history = [lowest]
    for step in range(1, settings.steps + 1):
        networks, state = _step(networks, state, _together(draws), optimiser)
        if step % max(settings.steps // CHECKS, 1) and step < settings.steps:
            continue
        loss = _losses(networks, fixed)
        history.append(loss)
        if not np.isfinite(loss).all():
            raise FitError(
                "summary.learned_responses: training diverged: the loss is not finite; lower "
                "learning_rate"
            )
        best = _better(loss < lowest, networks, best)
        lowest = np.minimum(loss, lowest)
    found = {name: list(row) for name, row in zip(learning, np.transpose(history), strict=True)}
    rates = [_rates(process, own, parameters) for process, own in learning.items()]
    made = eqx.tree_at(lambda r: (r.networks, r.rates), response, (best, jnp.float32(rates)))
    return Learned(made, found)


class Draws(NamedTuple):
    """Random batches of one process."""

    events: Copied
    weight: NDArray[np.float32]  # (1 + K, N), with a mean of 1 each
    terms: NDArray[np.float32]  # (K, F)
    size: int
    points: int
    random: np.random.Generator

    @classmethod
    def of(cls, process: str, events: Copied, settings: LearnedResponses, seed: int) -> "Draws":
        """Batches of the size and the number of points that are configured."""
        weight = (events.weight / events.weight.mean(axis=1, keepdims=True)).astype(np.float32)
        random = np.random.default_rng([seed, zlib.crc32(process.encode())])
        terms = monomials(events.points).astype(np.float32)
        return cls(events, weight, terms, settings.batch, settings.points, random)

    def batch(self) -> Batch:
        """The next one."""
        number = len(self.terms)
        chosen = self.random.integers(0, self.weight.shape[1], self.size)
        points = self.random.choice(number, self.points, replace=number < self.points)
        rows = np.concatenate([[0], 1 + points])
        x = self.events.x[rows[:, None], :, chosen].swapaxes(1, 2)
        return Batch(x, self.weight[rows[:, None], chosen], self.terms[points])


def _together(draws: Sequence[Draws]) -> Batch:
    return Batch(*(np.stack(arrays) for arrays in zip(*(d.batch() for d in draws), strict=True)))


def _loss(network: Perceptron, batch: Batch) -> jax.Array:
    """The mean over the events of one process and the points of its copies."""
    x, weight, terms = batch
    copies, features, events = x.shape
    response = network.logits(x.swapaxes(0, 1).reshape(features, -1)).reshape(-1, copies, events)
    nominal = terms @ response[:, 0]
    varied = jnp.einsum("sf,fsn->sn", terms, response[:, 1:])
    each = weight[1:] * jax.nn.softplus(-varied) + weight[:1] * jax.nn.softplus(nominal)
    return jnp.mean(each)


@eqx.filter_jit
def _step(
    networks: Perceptron,
    state: optax.OptState,
    batch: Batch,
    optimiser: optax.GradientTransformation,
) -> tuple[Perceptron, optax.OptState]:
    gradient = jax.grad(lambda n: jax.vmap(_loss)(n, batch).sum())(networks)
    updates, state = optimiser.update(gradient, state)
    return optax.apply_updates(networks, updates), state


_each = jax.jit(jax.vmap(_loss))


def _losses(networks: Perceptron, batches: Sequence[Batch]) -> Array:
    """The loss of each process, (P,)."""
    return np.asarray(
        np.mean([np.asarray(_each(networks, batch), float) for batch in batches], axis=0)
    )


def _better(chosen: NDArray[np.bool_], one: Perceptron, other: Perceptron) -> Perceptron:
    """The networks of one for chosen processes, (P,), and of the other for the rest."""

    def either(new: jax.Array, old: jax.Array) -> jax.Array:
        return jnp.where(chosen.reshape(-1, *[1] * (new.ndim - 1)), new, old)

    found: Perceptron = jax.tree.map(either, one, other)
    return found


def _check(process: str, events: Copied, part: str, parameters: Sequence[str]) -> None:
    where = f"summary.learned_responses: process {process!r}"
    if not events.weight.shape[1]:
        raise InputError(
            f"{where} has no {part} events that pass the cuts of the network: simulate more, or "
            "write fewer folds (folds.number)"
        )
    yields = events.weight.sum(axis=1)
    for point, total in zip(np.vstack([0 * events.points[:1], events.points]), yields, strict=True):
        if not total > 0.0:
            at = ", ".join(f"{n} = {v:g}" for n, v in zip(parameters, point, strict=True) if v)
            raise InputError(
                f"{where}: the weights of its {part} events add up to {total:.3g} at "
                f"{at or 'the nominal point'}: lower copies.reach, or simulate more"
            )


def _scaled(response: LearnedResponse, learning: Mapping[str, Copied]) -> LearnedResponse:
    """Each network standardised to the nominal events of its process."""
    varies = np.zeros(len(response.features), bool)
    means, scales = [], []
    for events in learning.values():
        x = events.x[0]
        mean, scale = mean_and_deviation(x, np.abs(events.weight[0]))
        means.append(mean)
        scales.append(np.where(x.min(axis=1) < x.max(axis=1), scale, 1.0))
        varies |= x.min(axis=1) < x.max(axis=1)
    for name, row, known in zip(response.features, x, varies, strict=True):
        if not known:
            raise InputError(
                f"summary.learned_responses: the feature {name!r} is {row[0]:g} in all training "
                "events: nothing can be learnt from it; remove it from features"
            )
    arrays = (jnp.asarray(np.stack(rows), jnp.float32) for rows in (means, scales))
    found: LearnedResponse = eqx.tree_at(
        lambda r: (r.networks.mean, r.networks.scale), response, tuple(arrays)
    )
    return found


def _rates(process: str, events: Copied, parameters: Sequence[str]) -> Array:
    """The terms of ln[Y(ν) / Y(0)] of a process, (F,); 0 of what does not shift it."""
    shifting = [k for k in range(len(parameters)) if (events.points[:, k] != 0.0).any()]
    own = [parameters[k] for k in shifting]
    places = [np.where(events.weight != 0.0, 0, -1)]
    copies = surface.Copies.of_events(events.points[:, shifting], places, [events.weight], 1)
    fitted = surface.fit(copies, own, [process])
    terms = names(parameters)
    found = np.zeros(len(terms))
    found[[terms.index(term) for term in names(own)]] = fitted.coefficients[:, 0, 0]
    return found
