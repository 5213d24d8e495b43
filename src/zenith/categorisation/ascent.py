"""Climb the significance of soft categories on cells of events, from several starts at once.

Temperature falls, and what is asked of each category is a penalty that grows. The step that is kept
is the one whose hard categories are best on the cells.
"""

from dataclasses import dataclass, fields
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from numpy.typing import NDArray

from zenith.config.categories import CategorySettings
from zenith.core.categories.cells import Cells
from zenith.core.categories.task import Task
from zenith.core.selection.memberships import Categories

MARGIN = 0.03  # by how much more is asked of cells, whose borders are not those of events


@dataclass(frozen=True)
class Settings:
    """How to climb. Temperatures are of `Edges` (in ranges) or of `Mixture`, first and last."""

    steps: int = CategorySettings.model_fields["steps"].default
    starts: int = CategorySettings.model_fields["starts"].default
    seed: int = 0
    cells: int = 4096
    rate: float = 0.05
    mixture_rate: float = 0.02
    edges_temperature: tuple[float, float] = (0.03, 0.001)
    mixture_temperature: tuple[float, float] = (1.0, 0.05)
    penalty: tuple[float, float] = (0.1, 10.0)

    @classmethod
    def of(cls, asked: CategorySettings, seed: int) -> "Settings":
        """Those that are asked for, by their names, and the defaults of the others."""
        names = {field.name for field in fields(cls)} & type(asked).model_fields.keys()
        return cls(**{name: getattr(asked, name) for name in names}, seed=seed)


class Ascents(NamedTuple):
    """Of every start, along the first axis."""

    categories: Any  # at the best step
    merit: Array  # of the hard categories on cells; below 0 if requirements are not met
    soft: Array  # (starts, steps) objective of the soft categories
    hard: Array  # (starts, steps) objective of the hard ones, whatever is required of them
    met: Array  # (starts, steps) whether the hard ones meet that


class History(NamedTuple):
    """One climb, and the two readings of what it kept on its cells.

    Yields are (signals + 1, K), the background last; the soft ones at the last temperature.
    """

    soft: NDArray[np.float64]  # (steps,)
    hard: NDArray[np.float64]  # (steps,)
    met: NDArray[np.bool_]  # (steps,) whether the hard categories meet what is required
    temperature: NDArray[np.float64]  # (steps,)
    soft_yields: NDArray[np.float64]
    hard_yields: NDArray[np.float64]


@partial(jax.jit, static_argnames=("task", "settings", "temperature"))
def climb(
    starts: Categories,
    cells: Cells,
    task: Task,
    settings: Settings,
    temperature: tuple[float, float],
) -> Ascents:
    """Climb from all starts at once; the arrays of `starts` are stacked along a first axis."""
    # once more: the last step is read too, but not left
    temperatures = jnp.append(jnp.geomspace(*temperature, settings.steps), temperature[1])
    penalties = jnp.append(jnp.geomspace(*settings.penalty, settings.steps), settings.penalty[1])
    adam = optax.adam(optax.cosine_decay_schedule(settings.rate, settings.steps, alpha=0.02))

    def from_one(start: Any) -> Ascents:
        still = jax.tree.map(jnp.zeros_like, start)

        def loss(
            move: Categories, here: Any, scale: Array, heat: Array, penalty: Array
        ) -> tuple[Array, tuple[Array, ...]]:
            readings = cells.soft(here.moved(move), heat), jax.lax.stop_gradient(cells.hard(here))
            # both at once: an objective that is a fit takes long to compile
            values = jax.vmap(task.aim.value)(jax.tree.map(lambda *of: jnp.stack(of), *readings))
            missing, hard_missing = (task.shortfall(each).sum() for each in readings)
            # the worth of the start
            scale = jnp.where(scale > 0, scale, jnp.maximum(jnp.abs(values[1]), 1e-6))
            scale = jax.lax.stop_gradient(scale)
            return penalty * missing - values[0] / scale, (*values, hard_missing, scale)

        def step(carry: Any, schedule: Any) -> tuple[Any, tuple[Array, ...]]:
            here, state, kept, merit, scale = carry
            read = jax.grad(loss, has_aux=True)(still, here, scale, *schedule)
            gradient, (soft, hard, missing, scale) = read
            found = jnp.where(missing > 0, -1.0 - missing, hard)
            kept = jax.tree.map(lambda a, b: jnp.where(found > merit, a, b), here, kept)
            move, state = adam.update(gradient, state)
            there = here.moved(move), state, kept, jnp.maximum(found, merit), scale
            return there, (soft, hard, missing <= 0)

        begin = (start, adam.init(still), start, jnp.array(-jnp.inf), jnp.array(0.0))
        (_, _, kept, merit, _), read = jax.lax.scan(step, begin, (temperatures, penalties))
        soft, hard, met = read
        return Ascents(kept, merit, soft[:-1], hard[1:], met[1:])

    return jax.vmap(from_one)(starts)


def history(
    climbed: Ascents, number: int, cells: Cells, temperature: tuple[float, float]
) -> History:
    """What is to be kept of one of the climbs."""
    kept = pick(climbed.categories, number)
    readings = (cells.soft(kept, temperature[1]), cells.hard(kept))
    steps = climbed.soft.shape[1]
    return History(
        np.asarray(climbed.soft[number]),
        np.asarray(climbed.hard[number]),
        np.asarray(climbed.met[number]),
        np.geomspace(*temperature, steps),
        *(np.vstack([each.signals, each.background]) for each in readings),
    )


def stack(starts: list[Any]) -> Any:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *starts)


def pick(stacked: Any, number: int) -> Any:
    return jax.tree.map(lambda leaf: leaf[number], stacked)
