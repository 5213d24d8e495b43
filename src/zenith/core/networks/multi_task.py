"""Classes and regressions by one network, whose outputs are divided among them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zenith.core.networks.ensemble import Ensemble
from zenith.core.networks.network import Network, Objects, OnnxGraph
from zenith.core.networks.wrapping import Wrapping


class MultiTask(Wrapping):
    """The first outputs of a network are classes, the others predict numbers.

    A regression has one output, m + s z of the output z, or two, of which the second is the
    logarithm of the variance, 2 ln s + z. Two classes have two outputs, whose difference is the
    logit.
    """

    features: tuple[str, ...] = eqx.field(static=True)
    classes: tuple[str, ...] = eqx.field(static=True)
    heads: tuple[tuple[str, int], ...] = eqx.field(static=True)  # name, number of outputs
    network: Network  # of all outputs
    mean: jax.Array  # (heads,) of the targets, in their units
    deviation: jax.Array  # (heads,) above 0

    @classmethod
    def create(
        cls, network: Network, classes: Sequence[str], heads: Sequence[tuple[str, int]]
    ) -> Self:
        """Of a network with as many outputs as there are classes, two at least, and for heads."""
        number = len(heads)
        return cls(
            features=network.features,
            classes=tuple(classes),
            heads=tuple(heads),
            network=network,
            mean=jnp.zeros(number, jnp.float32),
            deviation=jnp.ones(number, jnp.float32),
        )

    @property
    def inner(self) -> Network:
        """The network of all outputs."""
        return self.network

    @property
    def regressions(self) -> Mapping[str, int]:
        """The heads."""
        return dict(self.heads)

    def logits(self, events: jax.Array, objects: Mapping[str, Objects] = {}) -> jax.Array:
        """(features, N) → (1 or classes, N)."""
        return self.outputs(events, objects)[: len(self.classes) or 1]

    def outputs(self, events: jax.Array, objects: Mapping[str, Objects] = {}) -> jax.Array:
        """(features, N) → the logits, and the heads in their units."""
        z = self.network.logits(events, objects)
        first = len(self.classes) or 2
        factor, shift = (
            jax.lax.stop_gradient(array).astype(z.dtype)[:, None] for array in self._scaling()
        )
        logits = z[:first] if self.classes else z[1:2] - z[:1]
        return jnp.concatenate([logits, factor * z[first:] + shift])

    def _scaling(self) -> tuple[jax.Array, jax.Array]:
        """Factor and shift of every output after those of the classes."""
        factors, shifts = [], []
        for k, (_, outputs) in enumerate(self.heads):
            factors += [self.deviation[k], jnp.ones(())][:outputs]
            shifts += [self.mean[k], 2.0 * jnp.log(self.deviation[k])][:outputs]
        return jnp.stack(factors), jnp.stack(shifts)

    def scaled_to(
        self, events: np.ndarray, weight: np.ndarray, objects: Mapping[str, Objects] = {}
    ) -> Self:
        """The network scaled to the events; `scaled_to_targets` scales the heads."""
        return replace(self, network=self.network.scaled_to(events, weight, objects))

    def combined(
        self, matrix: np.ndarray, offsets: np.ndarray, classes: tuple[str, ...]
    ) -> "MultiTask":
        """The network combined; the regressions stay as they are."""
        of_classes = matrix if self.classes else np.hstack([-matrix, matrix])
        rest = sum(outputs for _, outputs in self.heads)
        whole = np.zeros((len(of_classes) + rest, of_classes.shape[1] + rest))
        whole[: len(of_classes), : of_classes.shape[1]] = of_classes
        whole[len(of_classes) :, of_classes.shape[1] :] = np.eye(rest)
        names = (*classes, *(f"regression_{k}" for k in range(rest)))
        network = self.network.combined(whole, np.append(offsets, np.zeros(rest)), names)
        return replace(self, classes=classes, network=network)

    def onnx(self, graph: OnnxGraph, events: str, objects: Mapping[str, tuple[str, str]]) -> str:
        """The nodes of the logits."""
        return self.onnx_outputs(graph, events, objects)[0]

    def onnx_outputs(
        self, graph: OnnxGraph, events: str, objects: Mapping[str, tuple[str, str]]
    ) -> tuple[str, dict[str, str]]:
        """The nodes of the logits, and of each regression (N, outputs)."""
        z = self.network.onnx(graph, events, objects)

        def columns(*chosen: int) -> str:
            return graph.node("Gather", z, graph.node("Constant", value_ints=[*chosen]), axis=1)

        first = len(self.classes) or 2
        logits = columns(*range(first)) if self.classes else (
            graph.node("Sub", columns(1), columns(0))
        )  # fmt: skip
        factor, shift = (np.asarray(array) for array in self._scaling())
        found, start = {}, 0
        for name, outputs in self.heads:
            stop = start + outputs
            scaled = graph.node(
                "Mul", columns(*range(first + start, first + stop)),
                graph.constant(factor[start:stop]),
            )  # fmt: skip
            found[name] = graph.node("Add", scaled, graph.constant(shift[start:stop]))
            start = stop
        return logits, found


def scaled_to_targets(network: Network, mean: np.ndarray, deviation: np.ndarray) -> Network:
    """The same with targets of these means and deviations, (regressions,)."""
    if isinstance(network, Ensemble):
        return network.mapped(lambda one: scaled_to_targets(one, mean, deviation))
    assert isinstance(network, MultiTask)
    m, s = (jnp.asarray(array, jnp.float32) for array in (mean, deviation))
    return replace(network, mean=m, deviation=s)
