"""What gradient descent makes small: the loss of a configuration, on batches of events.

The loss of the classes is a mean over events; what is beside it, like a distance correlation, is
one number for a batch.
"""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from zenith.config.networks.descent import DescentSettings
from zenith.config.networks.loss import Adversary, Loss
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
    reversed_gradient,
    targets,
)
from zenith.training.planing import quantiles


class Learner(eqx.Module):
    """What is trained: a network or an ensemble, and its adversary, or one of each member."""

    network: Network
    adversary: Layers | None = None


class Objective(NamedTuple):
    """The loss of a network. Equal ones are compiled once."""

    loss: Loss
    classes: int
    background: tuple[int, ...]  # labels, in which the score is decorrelated

    @classmethod
    def of(cls, mva: DescentSettings) -> "Objective":
        """That of a configuration."""
        names = tuple(mva.classes)
        decorrelated = mva.loss.decorrelation.of(names) if mva.loss.decorrelation else ()
        return cls(mva.loss, len(names), tuple(names.index(name) for name in decorrelated))

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

    def prepared(self, parts: Sequence[Examples]) -> list[Examples]:
        """Parts with the observable as `aside`: its bin, or its value with unit deviation.

        Both are those of the background in the first part. Raises `InputError` where it never
        varies there, or has fewer values than there are to be bins.
        """
        settings = self.loss.decorrelation
        if settings is None:
            return [part._replace(observables={}) for part in parts]
        first = parts[0]
        chosen = np.isin(first.label, self.background)
        values, weight = first.observables[settings.observable][chosen], first.weight[chosen]
        if values.min() == values.max():
            raise InputError(
                f"loss: {settings.observable!r} is {values.min():g} in all training events of the "
                "background, and no score depends on it: remove the term"
            )
        if isinstance(settings, Adversary):
            edges = quantiles(values, weight, settings.bins, settings.observable)
            made = [np.searchsorted(edges, part.observables[settings.observable])
                    for part in parts]  # fmt: skip
        else:
            mean, deviation = values.mean(), values.std()
            made = [(part.observables[settings.observable] - mean) / deviation for part in parts]
        return [
            part._replace(observables={"aside": array.astype(np.float32)})
            for part, array in zip(parts, made, strict=True)
        ]

    def of_events(self, logits: jax.Array, batch: Batch) -> jax.Array:
        """Weight times loss of each event, (N,)."""
        plain = self.loss.type == "cross_entropy" and not self.loss.label_smoothing
        if not plain:
            target = targets(batch.label, self.classes, self.loss.label_smoothing)
            each = focal(logits, target, self.loss.exponent)
        elif len(logits) > 1:
            each = optax.softmax_cross_entropy_with_integer_labels(logits, batch.label, axis=0)
        else:
            each = optax.sigmoid_binary_cross_entropy(logits[0], batch.label.astype(logits.dtype))
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
        logits = learner.network.logits(*batch.inputs(rooms))
        # Not divided by the weights of the batch, which may cancel: their mean is 1 over all.
        loss = jnp.mean(self.of_events(logits, batch))
        if self.loss.decorrelation is not None:
            loss = loss + self.beside(learner, logits, batch)
        return loss

    def of_each(self, learner: Learner, batch: Batch, rooms: Rooms = NONE) -> jax.Array:
        """The loss of a network, or the sum of those of the members of an ensemble."""
        if isinstance(learner.network, Ensemble):
            members = Learner(learner.network.members, learner.adversary)
            return jax.vmap(lambda one: self(one, batch, rooms))(members).sum()
        return self(learner, batch, rooms)

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
            logits = learner.network.logits(*batch.inputs(rooms))
            loss = self.of_events(logits, batch).sum()
            if self.loss.decorrelation is None:
                return loss, jnp.zeros(()), jnp.zeros(())
            return (
                loss,
                self._beside_mean(learner, logits, batch),
                self.background_weight(batch).sum(),
            )

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
