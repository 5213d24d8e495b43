"""The efficient score as an observable: from the features of events to a place in its bins.

Class ratios give the share of each class in the intensity at an event's features,
p_c = Y_c q_c / Σ Y q with the expected events Y_c and the balanced class probabilities q_c. Then

    s_μ = Σ_c signal_c p_c,   s_ν = Σ_c rate_νc p_c   (a rate: ∂ ln Y_c / ∂ν)
    s_ν = scale_ν tanh(z_ν / 2)                       (a response: z the logit of up against down)
    s_ν = scale_ν Σ_p p_p ∂ ln λ_p / ∂ν               (a response that each process p has learned)

since a classifier of varied events tends to λ_up / (λ_up + λ_down), and
(λ_up - λ_down) / (λ_up + λ_down) = tanh(z / 2) is the derivative ∂ ln λ / ∂ν, of up against the
nominal half of it. `zenith.core.response.projection` has the mathematics of what follows.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from numpy.typing import NDArray

from zenith.core.networks.network import Network, Objects, OnnxGraph
from zenith.core.response.learned import LearnedResponse
from zenith.core.response.projected import Projected


class EfficientScore(Network):
    """The parameter scores of events, projected."""

    features: tuple[str, ...] = eqx.field(static=True)
    classes: tuple[str, ...] = eqx.field(static=True)  # none: it has one score
    ratios: Network  # of the classes
    responses: Network | None  # a logit for each nuisance that varies shapes
    expected: jax.Array  # (classes,), events of each
    signal: jax.Array  # (classes,), 1 where the signal strength multiplies a class, else 0
    rates: jax.Array  # (A - R, classes)
    scales: jax.Array  # (R,), of the responses, and then of learned ones
    projected: Projected  # of μ, then of rates, then of responses, then of learned ones
    learned: LearnedResponse | None = None  # of each process, to some nuisance parameters
    composition: jax.Array | None = None  # (classes, P), shares of its processes in each class

    @classmethod
    def of(
        cls,
        ratios: Network,
        responses: Network | None,
        expected: np.ndarray,
        signal: np.ndarray,
        rates: np.ndarray,
        scales: np.ndarray,
        bins: int,
        learned: LearnedResponse | None = None,
        composition: np.ndarray | None = None,
    ) -> Self:
        """The scores of the parameters are known; there is no projection and are no bins yet."""
        read = [ratios, *filter(None, [responses, learned])]
        features = dict.fromkeys(name for network in read for name in network.features)
        return cls(
            features=tuple(features),
            classes=(),
            ratios=ratios,
            responses=responses,
            expected=jnp.asarray(expected, jnp.float32),
            signal=jnp.asarray(signal, jnp.float32),
            rates=jnp.asarray(rates, jnp.float32),
            scales=jnp.asarray(scales, jnp.float32),
            projected=Projected.empty(len(rates) + len(scales), bins),
            learned=learned,
            composition=None if learned is None else jnp.asarray(composition, jnp.float32),
        )

    def parameter_scores(self, events: jax.Array) -> jax.Array:
        """The scores of all parameters, (features, N) → (1 + A, N): μ, rates, responses."""
        shares = self._shares(events)
        found = [jnp.concatenate([self.signal[None], self.rates]) @ shares]
        by_trees = len(self.scales) - (len(self.learned.parameters) if self.learned else 0)
        if self.responses is not None:
            pulls = jnp.tanh(self._read(self.responses, events) / 2)
            found.append(self.scales[:by_trees, None] * pulls)
        if self.learned is not None and self.composition is not None:
            derivatives = jax.lax.stop_gradient(
                self.learned.derivatives(events[self._rows(self.learned)])
            )
            of_all = jnp.einsum("pn,pan->an", self.composition.T @ shares, derivatives)
            found.append(self.scales[by_trees:, None] * of_all)
        return jnp.concatenate(found)

    def process_shares(self, events: jax.Array) -> jax.Array:
        """Shares of the processes of learned responses in the intensity, (features, N) → (P, N)."""
        assert self.composition is not None
        return self.composition.T @ self._shares(events)

    def signal_share(self, events: jax.Array) -> jax.Array:
        """The score of μ alone, (features, N) → (N,): the share of the signal in the intensity."""
        return self.signal @ self._shares(events)

    def _shares(self, events: jax.Array) -> jax.Array:
        """Shares of the classes, (classes, N)."""
        logits = self._read(self.ratios, events)
        if not self.ratios.classes:  # one logit, of the second class against the first
            logits = jnp.concatenate([jnp.zeros_like(logits), logits])
        weighted = jax.nn.softmax(logits, axis=0) * self.expected[:, None]
        return weighted / weighted.sum(axis=0)

    def _read(self, network: Network, events: jax.Array) -> jax.Array:
        return jax.lax.stop_gradient(network.logits(events[self._rows(network)]))

    def _rows(self, network: Network) -> NDArray[np.intp]:
        return np.array([self.features.index(name) for name in network.features])

    def projecting(self, coefficients: ArrayLike, edges: ArrayLike) -> Self:
        """The same with coefficients (A,), and edges (B + 1,) of t, in no cells."""
        return replace(self, projected=self.projected.projecting(coefficients, edges))

    def in_cells(self, parameter: int, borders: ArrayLike, edges: ArrayLike) -> Self:
        """The same with edges (K, B + 1) of t, in the cells between borders (K - 1,) of a score.

        It is the row `parameter` of `parameter_scores`.
        """
        return replace(self, projected=self.projected.in_cells(parameter, borders, edges))

    def efficient(self, events: jax.Array) -> jax.Array:
        """t, (features, N) → (N,)."""
        return self.projected.efficient(self.parameter_scores(events))

    def logits(self, events: jax.Array, objects: Mapping[str, Objects] = {}) -> jax.Array:
        """(features, N) → (1, N), of the place in the bins."""
        return self.projected.logits(self.parameter_scores(events))

    def onnx(self, graph: OnnxGraph, events: str, objects: Mapping[str, tuple[str, str]]) -> str:
        """The nodes of ratios and responses, and one for each operation on them."""

        def given(network: Network) -> str:
            # a gather by a product: whole numbers are no tensors of this graph
            chosen = np.eye(len(self.features), dtype=np.float32)[:, self._rows(network)]
            return graph.node("MatMul", events, graph.constant(chosen))

        of_classes = self.ratios.onnx(graph, given(self.ratios), {})
        if not self.ratios.classes:
            second = graph.constant(np.array([[0.0, 1.0]]))
            of_classes = graph.node("MatMul", of_classes, second)
        weighted = graph.node(
            "Mul", graph.node("Softmax", of_classes, axis=1), graph.constant(self.expected)
        )
        ones = np.ones((len(self.expected), 1), np.float32)
        shares = graph.node("Div", weighted, graph.node("MatMul", weighted, graph.constant(ones)))
        rates = np.concatenate([np.asarray(self.signal)[None], np.asarray(self.rates)])
        scores = graph.node("MatMul", shares, graph.constant(rates.T))
        by_trees = len(self.scales) - (len(self.learned.parameters) if self.learned else 0)
        if self.responses is not None:
            logits = self.responses.onnx(graph, given(self.responses), {})
            half = graph.node("Mul", logits, graph.constant(0.5))
            scales = graph.constant(self.scales[:by_trees])
            scores = graph.node(
                "Concat", scores, graph.node("Mul", graph.node("Tanh", half), scales), axis=1
            )
        if self.learned is not None:
            of_process = graph.node("MatMul", shares, graph.constant(np.asarray(self.composition)))
            found = self.learned.onnx_derivatives(graph, given(self.learned), of_process)
            found = graph.node("Mul", found, graph.constant(self.scales[by_trees:]))
            scores = graph.node("Concat", scores, found, axis=1)
        return self.projected.onnx(graph, scores, {})
