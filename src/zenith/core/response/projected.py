"""From the scores of all parameters to a place in bins of the efficient score.

`zenith.core.response.projection` finds the coefficients and the edges of the bins.
"""

from collections.abc import Mapping
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from zenith.core.networks.network import Network, Objects, OnnxGraph

END = 2.0**-20  # how near to 0 and 1, and to a border between cells, a place may be


class Projected(Network):
    """t = s_μ − a · s_ν of parameter scores, in units of its bins.

    The score is (k + (t - e_k) / (e_{k+1} - e_k)) / B: equal bins of it, from 0 to 1, are the bins
    between `edges` of t; what lies beyond the outermost edges is in the first and the last bin.
    """

    features: tuple[str, ...] = eqx.field(static=True)  # the scores of μ and of A others
    classes: tuple[str, ...] = eqx.field(static=True)  # none: it has one score
    coefficients: jax.Array  # (A,)
    edges: jax.Array  # (B + 1,) of t

    @classmethod
    def empty(cls, others: int, bins: int) -> Self:
        """Nothing is projected yet, and bins are equal."""
        edges = jnp.linspace(0.0, 1.0, bins + 1, dtype=jnp.float32)
        names = tuple(f"parameter_score_{k}" for k in range(others + 1))
        return cls(names, (), jnp.zeros(others, jnp.float32), edges)

    def projecting(self, coefficients: ArrayLike, edges: ArrayLike) -> "Projected":
        """The same scores with coefficients (A,), and edges (B + 1,) of t."""
        coefficients, edges = (jnp.asarray(x, jnp.float32) for x in (coefficients, edges))
        return Projected(self.features, (), coefficients, edges)

    def in_cells(self, parameter: int, borders: ArrayLike, edges: ArrayLike) -> "InCells":
        """The same in cells of another score, as `InCells` has them."""
        borders, edges = (jnp.asarray(x, jnp.float32) for x in (borders, edges))
        return InCells(self.features, (), self.coefficients, edges, parameter, borders)

    @property
    def edges_of_cells(self) -> jax.Array:
        """(K, B + 1), of one cell if there are no others."""
        return jnp.atleast_2d(self.edges)

    def cell(self, scores: ArrayLike) -> jax.Array:
        """(1 + A, N) → (N,) whole numbers from 0: the cell of each event."""
        return jnp.zeros(jnp.shape(scores)[1], int)

    def efficient(self, scores: jax.Array) -> jax.Array:
        """t, (1 + A, N) → (N,)."""
        return scores[0] - self.coefficients @ scores[1:]

    def logits(self, events: jax.Array, objects: Mapping[str, Objects] = {}) -> jax.Array:
        """(1 + A, N) → (1, N), of the place in the bins, which is between 0 and 1."""
        place = _place(self.efficient(events), self.edges)
        # finite, and within the outermost bins
        return jax.scipy.special.logit(jnp.clip(place, END, 1 - END))[None]

    def onnx(self, graph: OnnxGraph, events: str, objects: Mapping[str, tuple[str, str]]) -> str:
        """One node for each operation."""
        place = _onnx_place(graph, self._onnx_efficient(graph, events), np.asarray(self.edges))
        return _onnx_logit(
            graph, graph.node("Clip", place, graph.constant(END), graph.constant(1 - END))
        )

    def _onnx_efficient(self, graph: OnnxGraph, scores: str) -> str:
        of_scores = np.concatenate([[1.0], -np.asarray(self.coefficients)])[:, None]
        return graph.node("MatMul", scores, graph.constant(of_scores))


class InCells(Projected):
    """t in bins of its own in each of K cells, which `borders` of one parameter's score divide.

    The score is (c + s) / K in cell c, where s is the place in the bins of the cell: equal bins of
    it, from c / K to (c + 1) / K, are those between `edges[c]` of t.
    """

    # edges: (K, B + 1) of t
    parameter: int = eqx.field(static=True)  # the row of its score
    borders: jax.Array  # (K - 1,) ascending; an event on one is above it

    def cell(self, scores: ArrayLike) -> jax.Array:
        """(1 + A, N) → (N,) whole numbers from 0: the cell of each event."""
        own = jnp.asarray(scores, jnp.float32)[self.parameter]
        return jnp.searchsorted(self.borders, own, side="right")

    def logits(self, events: jax.Array, objects: Mapping[str, Objects] = {}) -> jax.Array:
        """(1 + A, N) → (1, N), of the place in the bins of all cells."""
        t, number = self.efficient(events), len(self.edges)
        inside = jnp.stack([_place(t, edges) for edges in self.edges])
        inside = jnp.clip(inside, number * END, 1 - number * END)
        cell = self.cell(events)
        own = jnp.take_along_axis(inside, cell[None], axis=0)[0]
        return jax.scipy.special.logit((cell + own) / number)[None]

    def onnx(self, graph: OnnxGraph, events: str, objects: Mapping[str, tuple[str, str]]) -> str:
        """The nodes of each cell, and of which is an event's own."""
        t, number = self._onnx_efficient(graph, events), len(self.edges)
        inside = graph.node(
            "Concat", *(_onnx_place(graph, t, edges) for edges in np.asarray(self.edges)), axis=1
        )
        ends = (graph.constant(number * END), graph.constant(1 - number * END))
        inside = graph.node("Clip", inside, *ends)
        chosen = np.eye(len(self.features), dtype=np.float32)[:, [self.parameter]]
        own = graph.node("MatMul", events, graph.constant(chosen))
        above = graph.node("GreaterOrEqual", own, graph.constant(np.asarray(self.borders)))
        above = graph.node("Cast", above, to=1)  # (N, K - 1) of 0 and 1, and 1 = FLOAT
        # cell c is above border c - 1 and not above border c
        steps = np.eye(number, dtype=np.float32)
        is_own = graph.node("MatMul", above, graph.constant(steps[1:] - steps[:-1]))
        is_own = graph.node("Add", is_own, graph.constant(steps[0]))
        place = graph.node("Add", inside, graph.constant(np.arange(number, dtype=np.float32)))
        place = graph.node("Mul", place, is_own)
        mean = np.full((number, 1), 1 / number)
        return _onnx_logit(graph, graph.node("MatMul", place, graph.constant(mean)))


def _place(t: jax.Array, edges: jax.Array) -> jax.Array:
    """Of t (N,) in the bins between edges (B + 1,), from 0 to 1."""
    inside = (t - edges[:-1, None]) / jnp.diff(edges)[:, None]
    return jnp.clip(inside, 0.0, 1.0).sum(axis=0) / (len(edges) - 1)


def _onnx_place(graph: OnnxGraph, t: str, edges: np.ndarray) -> str:
    """The nodes of `_place`, from (N, 1) to (N, 1)."""
    inside = graph.node("Sub", t, graph.constant(edges[:-1]))
    inside = graph.node("Div", inside, graph.constant(np.diff(edges)))
    clipped = graph.node("Clip", inside, graph.constant(0.0), graph.constant(1.0))
    bins = len(edges) - 1
    return graph.node("MatMul", clipped, graph.constant(np.full((bins, 1), 1 / bins)))


def _onnx_logit(graph: OnnxGraph, place: str) -> str:
    other = graph.node("Sub", graph.constant(1.0), place)
    return graph.node("Log", graph.node("Div", place, other))
