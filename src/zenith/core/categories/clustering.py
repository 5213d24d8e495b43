"""Cells parted into categories by what each category makes of one more event.

An objective of yields has a gradient for every category: what an event of each kind is worth there.
Every cell goes to the category where its events are worth most, yields and gradients are taken
anew, and so on. For one signal of known background this can only raise the significance, for q0 is
a convex, homogeneous function of a category's yields: Lloyd's iteration with the divergence of the
objective (D. Burshtein et al., "Minimum impurity partitions", Ann. Statist. 20 (1992) 1637;
A. Banerjee et al., "Clustering with Bregman divergences", JMLR 6 (2005) 1705). For other objectives
the best partition that was seen is kept.

It knows nothing of where cells are: a guide to where categories should be, as noisy as the cells.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from zenith.core.categories.counting import Counting
from zenith.core.categories.task import Task
from zenith.core.categories.yields import Tally

ROUNDS = 60
PENALTY = (0.01, 1.0)  # of what requirements miss, first and last, beside log Z
BLUR = 0.01  # share of all events in a seed, which tempers cells without background


class Clustering(NamedTuple):
    """The category of each cell, and the objective; below 0 if requirements are not met."""

    category: Array  # (cells,)
    merit: Array


@partial(jax.jit, static_argnames=("categories", "tally", "task"))
def partition(
    sums: Array,
    key: Array,
    categories: int,
    tally: Tally,
    task: Task,
) -> Clustering:
    """The partition of cells with such sums (rows, cells) that one random seeding leads to.

    Of the task, what a counting experiment makes of it.
    """
    sums = jnp.asarray(sums, float)

    def aim(totals: Array, penalty: Array) -> tuple[Array, Array]:
        yields = tally.read(totals)
        value, missing = task.counting.value(yields), task.shortfall(yields).sum()
        merit = jnp.where(missing > 0, -missing, value)
        return jnp.log(jnp.maximum(value, 1e-9)) - penalty * missing, merit

    def round_of(
        carry: tuple[Array, Clustering], penalty: Array
    ) -> tuple[tuple[Array, Clustering], None]:
        worth, best = carry
        category = (worth.T @ sums).argmax(axis=0)
        totals = sums @ jax.nn.one_hot(category, categories)
        new, merit = jax.grad(aim, has_aux=True)(totals, penalty)
        found = Clustering(category, merit)
        best = jax.tree.map(lambda a, b: jnp.where(merit > best.merit, a, b), found, best)
        # half of the old: what is required would else move cells to and fro
        return ((worth + jnp.nan_to_num(new)) / 2, best), None

    nothing = Clustering(jnp.zeros(sums.shape[1], int), jnp.asarray(-jnp.inf))
    first = (_seeds(sums, key, categories, tally, task.counting), nothing)
    (_, best), _ = jax.lax.scan(round_of, first, jnp.geomspace(*PENALTY, ROUNDS))
    return best


def _seeds(sums: Array, key: Array, categories: int, tally: Tally, counting: Counting) -> Array:
    """What events are worth, (rows, K), in categories that are like some of the cells.

    As in k-means++, a cell is the likelier to be chosen the more significance it would lose in the
    categories that there are: M. Ackermann and J. Blömer, "Bregman clustering for nice instances",
    SWAT 2010.
    """
    total = sums.sum(axis=1, keepdims=True)
    blurred = sums + BLUR * total / sums.shape[1]

    def q0(totals: Array) -> Array:
        yields = tally.read(totals)
        return counting.discovery(yields.signals, yields.background)

    each = q0(blurred)
    scale = jnp.maximum(each.sum(axis=1, keepdims=True), 1e-30)
    worth = jax.grad(lambda totals: (q0(totals) / scale).sum())
    of_cell = jnp.nan_to_num(worth(blurred))
    alone = (each / scale).sum(axis=0)

    def add(number: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        chosen, reached, key = carry
        key, draw = jax.random.split(key)
        lost = jnp.maximum(alone - reached, 0.0) + 1e-12
        new = of_cell[:, jax.random.choice(draw, len(lost), p=lost / lost.sum())]
        return chosen.at[:, number].set(new), jnp.maximum(reached, new @ blurred), key

    first = worth(total)[:, 0]
    chosen = jnp.zeros((len(sums), categories)).at[:, 0].set(first)
    seeds: Array = jax.lax.fori_loop(1, categories, add, (chosen, first @ blurred, key))[0]
    return seeds
