"""Responses of each process to nuisance parameters, which networks have learned event by event.

    ln[λ_p(x | ν) / λ_p(x | 0)] = Σ_A (Δ_pA(x) + r_pA) m_A(ν)

is a polynomial of second order in the nuisance parameters, m_A, with all cross terms: Δ that of the
density, which a network gives, r that of the yield. A classifier of events at ν against those at 0
whose logit is Δ(x) · m(ν) tends to the ratio of their densities, at all ν at once (parametrised
classifiers: Baldi et al., arXiv:1601.07913; ratios: Cranmer, Pavez and Louppe, arXiv:1506.02169; a
polynomial of systematic effects: Schöfbeck et al., arXiv:2505.05544).
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from zenith.core.likelihood.quadratics import monomials, names
from zenith.core.networks.network import Network, Objects, OnnxGraph
from zenith.core.networks.perceptron import Perceptron


class LearnedResponse(Network):
    """The responses of P processes to A nuisance parameters, of F terms each.

    Its logits are the Δ of all terms of one process after another, (P · F, N).
    """

    features: tuple[str, ...] = eqx.field(static=True)
    classes: tuple[str, ...] = eqx.field(static=True)  # `process: term`
    processes: tuple[str, ...] = eqx.field(static=True)
    parameters: tuple[str, ...] = eqx.field(static=True)
    networks: Perceptron  # of all processes: each array has P of them
    rates: jax.Array  # (P, F)

    @classmethod
    def create(
        cls,
        key: jax.Array,
        features: Sequence[str],
        processes: Sequence[str],
        parameters: Sequence[str],
        hidden: Sequence[int],
    ) -> Self:
        """Nothing responds: the last layers are 0. A process has its weights by its name."""
        terms = names(parameters)

        def network(process: str) -> Perceptron:
            own = jax.random.fold_in(key, zlib.crc32(process.encode()) >> 1)
            made = Perceptron.create(own, features, hidden, terms, activation="silu")
            *before, last = made.weights
            return replace(made, weights=(*before, jnp.zeros_like(last)))

        networks: Perceptron = jax.tree.map(
            lambda *arrays: jnp.stack(arrays), *(network(process) for process in processes)
        )
        return cls(
            features=tuple(features),
            classes=tuple(f"{process}: {term}" for process in processes for term in terms),
            processes=tuple(processes),
            parameters=tuple(parameters),
            networks=networks,
            rates=jnp.zeros((len(processes), len(terms)), jnp.float32),
        )

    def logits(self, events: jax.Array, objects: Mapping[str, Objects] = {}) -> jax.Array:
        """(features, N) → (P · F, N)."""
        found: jax.Array = jax.vmap(lambda network: network.logits(events))(self.networks)
        return found.reshape(-1, events.shape[-1])

    def terms(self, events: jax.Array) -> jax.Array:
        """Δ + r of all terms, (features, N) → (P, F, N)."""
        of_densities = self.logits(events).reshape(*self.rates.shape, -1)
        return of_densities + self.rates[:, :, None]

    def derivatives(self, events: jax.Array) -> jax.Array:
        """∂ ln λ_p / ∂ν at 0, (features, N) → (P, A, N)."""
        return self.terms(events)[:, : len(self.parameters)]

    def log_ratio(self, events: jax.Array, nuisances: ArrayLike) -> jax.Array:
        """ln[λ_p(x | ν) / λ_p(x | 0)] at a point (A,), (features, N) → (P, N)."""
        return jnp.einsum("f,pfn->pn", monomials(jnp.asarray(nuisances)), self.terms(events))

    def of_process(self, process: str) -> Perceptron:
        """The network of one process."""
        number = self.processes.index(process)
        found: Perceptron = jax.tree.map(lambda array: array[number], self.networks)
        return found

    def onnx(self, graph: OnnxGraph, events: str, objects: Mapping[str, tuple[str, str]]) -> str:
        """The nodes of each network, side by side."""
        parts = [self.of_process(process).onnx(graph, events, {}) for process in self.processes]
        return parts[0] if len(parts) == 1 else graph.node("Concat", *parts, axis=1)

    def onnx_derivatives(self, graph: OnnxGraph, events: str, shares: str) -> str:
        """∂ ln λ / ∂ν of all processes together, (N, A), by their shares (N, P)."""
        terms = self.onnx(graph, events, {})
        number, size = self.rates.shape
        rates = graph.constant(np.asarray(self.rates).reshape(1, -1))
        # a share for every term of its process, and then the sum over processes of each parameter
        spread = np.kron(np.eye(number), np.ones((1, size)))
        parameters = np.eye(size)[:, : len(self.parameters)]
        weighted = graph.node(
            "Mul",
            graph.node("Add", terms, rates),
            graph.node("MatMul", shares, graph.constant(spread)),
        )
        return graph.node("MatMul", weighted, graph.constant(np.tile(parameters, (number, 1))))
