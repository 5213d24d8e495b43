"""Categories of a region: its events parted among K channels, read softly and hard.

The soft reading gives each event a share in every category, the hard one puts it into one of them.
Either way shares add up to 1, so that the channels of a region add up to its histogram, and the
soft reading tends to the hard one as temperature → 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from zenith.core.selection.memberships import Edges, FixedEdges, between, place
from zenith.errors import ConfigError


@dataclass(frozen=True)
class ByEdges:
    """Category k has the events of e_k ≤ s < e_{k+1}, where s is a score and edges may move.

    Soft shares are differences of sigmoids whose width is `width` · temperature, in the unit of the
    score; without a width they are hard in both readings, and no gradient passes through them.
    Raises `ConfigError` for fewer than two categories and a width that is not positive.
    """

    score: str
    number: int
    width: float | None = None

    def __post_init__(self) -> None:
        _require_two(f"categories of {self.score}", self.number)
        if self.width is not None and not self.width > 0:
            raise ConfigError(
                f"categories of {self.score}: width must be above 0, it is {self.width}"
            )

    def soft(self, score: Array, edges: Edges | FixedEdges, temperature: Array) -> Array:
        """Shares (K, N) of scores (N,)."""
        if self.width is None:
            return self.hard(score, edges).astype(score.dtype)
        return between(score, edges.edges, temperature * self.width)

    def hard(self, score: Array, edges: Edges | FixedEdges) -> Array:
        """Whether each score (N,) is in each category, (K, N)."""
        return place(score, edges.edges) == jnp.arange(self.number)[:, None]


@dataclass(frozen=True)
class ByNetwork:
    """Category k has the events whose k-th output of a network, of K, is the largest.

    Soft shares are the softmax of its logits over the temperature. A network with one output has
    two categories: below and above a score of 0.5. Raises `ConfigError` for fewer than two.
    """

    network: str
    number: int

    def __post_init__(self) -> None:
        _require_two(f"categories of network {self.network}", self.number)

    @staticmethod
    def lines(edges: ArrayLike, width: float) -> tuple[np.ndarray, np.ndarray]:
        """Outputs that part events as the inner edges (K − 1,) of a logit do, in steps of `width`.

        Output k is a_k · logit + b_k, (K,) each: a line whose slope rises with k, so that it is the
        largest one between two edges. The soft share of an event between two categories is a
        sigmoid of the distance from their edge over `width` · temperature, if no other edge is
        near. Two categories have one output.
        """
        edges = np.asarray(edges, np.float64)
        if len(edges) == 1:
            return np.array([1 / width]), -edges / width
        slopes = np.arange(len(edges) + 1) - len(edges) / 2  # their mean means nothing
        return slopes / width, -np.append(0.0, edges).cumsum() / width

    def soft(self, logits: Array, temperature: Array) -> Array:
        """Shares (K, N) of logits (outputs, N)."""
        return jax.nn.softmax(_of_each(logits) / temperature.astype(logits.dtype), axis=0)

    def hard(self, logits: Array) -> Array:
        """Whether the largest of the logits (outputs, N) is that of each category, (K, N)."""
        return largest(logits) == jnp.arange(self.number)[:, None]


Categories = ByEdges | ByNetwork


def shares(
    categories: Categories,
    columns: Mapping[str, Array],
    logits: Mapping[str, Array],
    edges: Edges | FixedEdges | None,
    temperature: Array | None,
) -> Array:
    """Share of every event in each category, (K, N); hard without a temperature.

    `logits` are those of networks by name, (outputs, N), `edges` those of categories by edges.
    """
    if isinstance(categories, ByNetwork):
        own = logits[categories.network]
        return categories.hard(own) if temperature is None else categories.soft(own, temperature)
    assert edges is not None
    score = columns[categories.score]
    if temperature is None:
        return categories.hard(score, edges)
    return categories.soft(score, edges, temperature)


def largest(logits: Array) -> Array:
    """The number of the largest logit of each event, (N,) from 0; of one output, whether it is
    above 0."""
    return _of_each(logits).argmax(axis=0)


def _require_two(what: str, number: int) -> None:
    if number < 2:
        raise ConfigError(f"{what}: at least two are needed, not {number}")


def _of_each(logits: Array) -> Array:
    """A logit for each category: that of one output is over the other category's, which is 0."""
    return jnp.concatenate([jnp.zeros_like(logits), logits]) if len(logits) == 1 else logits
