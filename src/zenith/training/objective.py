"""What gradient descent makes small: the loss of a configuration, on batches of events.

The loss of the classes is a mean over events; what is beside it, like a distance correlation, is
one number for a batch.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from zenith.config.networks.descent import DescentSettings
from zenith.config.networks.loss import Adversary, Loss
from zenith.config.networks.regression import Regression
from zenith.core.networks.ensemble import Ensemble
from zenith.core.networks.layers import Layers
from zenith.core.networks.network import Network
from zenith.errors import InputError
from zenith.training.batches import NONE, Batch, Rooms
from zenith.training.examples import Examples
from zenith.training.losses import (
    distance_correlation_squared,
    focal,
    predicted_bins,
    regression,
    reversed_gradient,
    targets,
)
from zenith.training.planing import quantiles


class Learner(eqx.Module):
    """What is trained: a network or an ensemble, and its adversary, or one of each member."""

    network: Network
    adversary: Layers | None = None


class Head(NamedTuple):
    """A regression as the loss has it."""

    name: str
    settings: Regression
    labels: tuple[int, ...]  # of the events that teach it
    deviation: float  # of its target

    @property
    def target(self) -> str:
        """What batches call the target."""
        return f"target_{self.name}"


class Objective(NamedTuple):
    """The loss of a network. Equal ones are compiled once."""

    loss: Loss
    classes: int
    background: tuple[int, ...]  # labels, in which the score is decorrelated
    heads: tuple[Head, ...] = ()

    @classmethod
    def of(cls, mva: DescentSettings, deviations: Sequence[float] = ()) -> "Objective":
        """That of a configuration, with the standard deviations of the targets of regressions."""
        names = tuple(mva.classes)
        decorrelated = mva.loss.decorrelation.of(names) if mva.loss.decorrelation else ()
        heads = tuple(
            Head(name, of, tuple(names.index(c) for c in of.classes or names), float(deviation))
            for (name, of), deviation in zip(mva.regressions.items(), deviations, strict=True)
        )
        background = tuple(names.index(name) for name in decorrelated)
        return cls(mva.loss, len(names), background, heads)

    @property
    def minimised(self) -> bool:
        """Whether its minimum is looked for; with an adversary it is a saddle point."""
        return self.loss.adversary is None

    def learner(self, network: Network, random: np.random.Generator) -> Learner:
        """A network with the adversary that the loss asks for."""
        settings = self.loss.adversary
        if settings is None:
            return Learner(network)
        sizes = (len(network.classes) or 1, *settings.hidden, settings.bins)
        key = jax.random.key(int(random.integers(2**31)))
        if isinstance(network, Ensemble):
            keys = jax.random.split(key, len(network.each()))
            return Learner(network, jax.vmap(lambda k: Layers.create(k, sizes, "relu"))(keys))
        return Learner(network, Layers.create(key, sizes, "relu"))

    def preparation(self, first: Examples) -> Callable[[Examples], Examples]:
        """What gives events the observables of batches, 0 in classes that do not need them.

        They are the targets of regressions, and `aside`, of which the score is to be independent:
        its bin, or its value with unit deviation in the background of the first events. Raises
        `InputError` where it never varies there, or has fewer values than there are to be bins.
        """
        aside = self._aside(first)

        def prepared(part: Examples) -> Examples:
            observables = {
                head.target: _within(part, head.labels, part.observables[head.settings.target])
                for head in self.heads
            }
            if aside is not None:
                observables["aside"] = _within(part, self.background, aside(part))
            return part._replace(observables=observables)

        return prepared

    def _aside(self, first: Examples) -> Callable[[Examples], NDArray[Any]] | None:
        settings = self.loss.decorrelation
        if settings is None:
            return None
        name = settings.observable
        chosen = np.isin(first.label, self.background)
        values, weight = first.observables[name][chosen], first.weight[chosen]
        if values.min() == values.max():
            raise InputError(
                f"loss: {name!r} is {values.min():g} in all training events of the background, and "
                "no score depends on it: remove the term"
            )
        if isinstance(settings, Adversary):
            edges = quantiles(values, weight, settings.bins, name)
            return lambda part: np.searchsorted(edges, part.observables[name])
        mean, deviation = values.mean(), values.std()
        return lambda part: (part.observables[name] - mean) / deviation

    def logits(self, outputs: jax.Array) -> jax.Array:
        """Those of the classes, which come first."""
        return outputs[: self.classes if self.classes > 2 else 1] if self.heads else outputs

    def of_events(self, outputs: jax.Array, batch: Batch) -> jax.Array:
        """Weight times loss of each event, (N,): that of the classes, and of regressions."""
        logits = self.logits(outputs)
        plain = self.loss.type == "cross_entropy" and not self.loss.label_smoothing
        if not plain:
            target = targets(batch.label, self.classes, self.loss.label_smoothing)
            each = focal(logits, target, self.loss.exponent)
        elif len(logits) > 1:
            each = optax.softmax_cross_entropy_with_integer_labels(logits, batch.label, axis=0)
        else:
            each = optax.sigmoid_binary_cross_entropy(logits[0], batch.label.astype(logits.dtype))
        row = len(logits)
        for head in self.heads:
            rows = outputs[row : row + head.settings.outputs]
            row += len(rows)
            there = jnp.isin(batch.label, jnp.array(head.labels))
            target = batch.observables[head.target]
            loss = regression(rows, target, head.settings.loss, head.deviation)
            each = each + head.settings.weight * jnp.where(there, loss, 0.0)
        weighted: jax.Array = batch.weight * each
        return weighted

    def background_weight(self, batch: Batch) -> jax.Array:
        """|w| in the classes that are decorrelated, else 0: (N,)."""
        there = jnp.isin(batch.label, jnp.array(self.background))
        return jnp.where(there, jnp.abs(batch.weight), 0.0)

    def beside(self, learner: Learner, logits: jax.Array, batch: Batch) -> jax.Array:
        """What a batch adds to the loss of its events.

        Of an adversary it is what the score tells it, ln(bins) minus its cross-entropy. Its own
        gradient is reversed: the network makes this small, the adversary makes it large.
        """
        settings = self.loss.decorrelation
        assert settings is not None
        weight, aside = self.background_weight(batch), batch.observables["aside"]
        score = learner.network.of_logits(logits)
        if not isinstance(settings, Adversary):
            return settings.strength * distance_correlation_squared(score, aside[None], weight)
        assert learner.adversary is not None
        against = jax.tree.map(
            lambda a: reversed_gradient(a, 1.0 / settings.strength), learner.adversary
        )
        predicted = predicted_bins(against(score), aside.astype(jnp.int32), weight)
        return settings.strength * (float(np.log(settings.bins)) - predicted)

    def __call__(self, learner: Learner, batch: Batch, rooms: Rooms = NONE) -> jax.Array:
        """The loss of one network on a batch."""
        outputs = learner.network.outputs(*batch.inputs(rooms))
        # Not divided by the weights of the batch, which may cancel: their mean is 1 over all.
        loss = jnp.mean(self.of_events(outputs, batch))
        if self.loss.decorrelation is not None:
            loss = loss + self.beside(learner, self.logits(outputs), batch)
        return loss

    def of_each(self, learner: Learner, batch: Batch, rooms: Rooms = NONE) -> jax.Array:
        """The loss of a network, or the sum of those of the members of an ensemble."""
        if isinstance(learner.network, Ensemble):
            members = Learner(learner.network.members, learner.adversary)
            numbers = jnp.arange(len(jax.tree.leaves(members)[0]))

            def of_member(one: Learner, number: jax.Array) -> jax.Array:
                return self(one, batch.of_network(number), rooms)

            return jax.vmap(of_member)(members, numbers).sum()
        return self(learner, batch.of_network(0), rooms)

    def of_all(
        self, learner: Learner, events: Batch, size: int, number: int, rooms: Rooms
    ) -> jax.Array:
        """The loss on all events, of which there are `number`; of an ensemble, of its mean.

        Where there are objects, or pairs of events count, batch after batch: what batches add is
        averaged by their weight of background.
        """
        if self.loss.decorrelation is None and not events.objects:
            return self(learner, events)

        def of_batch(batch: Batch) -> tuple[jax.Array, jax.Array, jax.Array]:
            outputs = learner.network.outputs(*batch.inputs(rooms))
            loss = self.of_events(outputs, batch).sum()
            if self.loss.decorrelation is None:
                return loss, jnp.zeros(()), jnp.zeros(())
            added = self._beside_mean(learner, self.logits(outputs), batch)
            return loss, added, self.background_weight(batch).sum()

        sums, added, weights = jax.lax.map(of_batch, events.parted(size))
        loss: jax.Array = sums.sum() / number
        if self.loss.decorrelation is not None:
            loss = loss + (added * weights).sum() / weights.sum()
        return loss

    def _beside_mean(self, learner: Learner, logits: jax.Array, batch: Batch) -> jax.Array:
        """As `beside`, for the mean logits of an ensemble: by the adversaries of all members."""
        if not isinstance(learner.network, Ensemble) or learner.adversary is None:
            return self.beside(learner, logits, batch)

        def of(adversary: Layers) -> jax.Array:
            return self.beside(Learner(learner.network, adversary), logits, batch)

        return jax.vmap(of)(learner.adversary).mean()


def _within(part: Examples, labels: Sequence[int], values: NDArray[Any]) -> NDArray[np.float32]:
    return np.where(np.isin(part.label, labels), values, 0.0).astype(np.float32)
