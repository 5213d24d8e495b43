"""The climb of the expected significance: thresholds, bin edges and networks together.

Adam with a cosine-decaying rate for each group of parameters; thresholds move in units of the
width of their cut and are projected onto their bounds after each step. Temperature and bandwidth
fall geometrically from their first to their last value: wide kernels see far, narrow ones tell the
truth. The step that is kept is the one with the best hard-cut objective on events that no gradient
has seen, so that the soft reading only ever proposes; or the last one (`keep: last`), for which no
events need to be set apart, and all folds have gone equally far when their categories are joined.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from zenith.config import Analysis
from zenith.config.efficient_score import SCORE
from zenith.core.selection.layout import Layout
from zenith.core.selection.objective import Objective, hard_value, value_and_gradient
from zenith.errors import FitError
from zenith.optimisation import checkpoint as checkpoints
from zenith.optimisation.selection import Physical, Units, hard_edges

log = logging.getLogger(__name__)
READINGS = 10  # hard ones of the climbed events, so that one sees the soft ones become true
CLOSE = 0.01  # relative difference of the soft and the hard objective that is small
PATIENCE = 3  # steps in a row whose fit does not converge, after which a climb stops


class State(NamedTuple):
    """Where a climb is; a pytree."""

    scaled: Physical
    last_good: Physical  # where the fit converged last
    optimiser: optax.OptState


class Step(NamedTuple):
    """What one step found; scalars."""

    value: jax.Array  # soft objective
    gradient_norm: jax.Array
    rejected: jax.Array  # the fit did not converge here


@dataclass
class Climb:
    """The history of one climb, and what is kept of it."""

    kept: Physical
    kept_step: int = 0
    kept_value: float = float("nan")
    rows: list[dict[str, float]] = field(default_factory=list)

    def history(self) -> dict[str, NDArray[np.float64]]:
        """By name, one entry per step; NaN where a step was not validated."""
        return {key: np.array([row[key] for row in self.rows]) for key in self.rows[0]}


def optimiser(analysis: Analysis, *, move_edges: bool = True) -> optax.GradientTransformation:
    """Adam by group: thresholds, bin edges, networks that are fine-tuned; the others are frozen.

    Coefficients of an efficient score that parts events are weights of a network that moves.
    """
    settings = analysis.optimise

    def group(name: str) -> optax.GradientTransformation:
        first = getattr(settings.learning_rates, name)
        rate = optax.cosine_decay_schedule(first, settings.steps, alpha=0.1)
        return optax.chain(optax.clip_by_global_norm(settings.clip), optax.adam(rate))

    def labels(moved: Physical) -> Physical:
        networks: dict[str, Any] = {
            name: "networks" if mva.fine_tune else "frozen"
            for name, mva in analysis.networks_in_use.items()
        }
        if analysis.parts_by_score:  # the edges of its bins are its unit
            score = moved["networks"][SCORE]
            networks[SCORE] = replace(score, coefficients="networks", edges="frozen")
        return {
            "thresholds": "thresholds",
            "edges": "edges" if move_edges else "frozen",
            "category_edges": {
                name: "edges" if name in analysis.moving_categories else "frozen"
                for name, categories in analysis.parted.items()
                if categories.score is not None
            },
            "networks": networks,
        }

    groups = {name: group(name) for name in ("thresholds", "edges", "networks")}
    groups["frozen"] = optax.set_to_zero()
    return optax.multi_transform(groups, labels)


@partial(jax.jit, static_argnames=("maximise", "transform"))
def _step(
    state: State,
    value: jax.Array,
    gradient: Physical,
    units: Units,
    maximise: bool,
    transform: optax.GradientTransformation,
) -> tuple[State, Step]:
    """The next place, from the objective and its physical gradient where the climb is.

    Where the fit does not converge, the climb goes back half-way to where it last did.
    """
    sign = -1.0 if maximise else 1.0
    gradient = units.physical(gradient)  # d/d(t / width) = width · d/dt
    good = jnp.isfinite(value)
    for leaf in jax.tree.leaves(gradient):
        good &= jnp.isfinite(leaf).all()
    downhill = jax.tree.map(lambda g: jnp.where(good, sign * g, 0.0).astype(g.dtype), gradient)
    updates, next_state = transform.update(downhill, state.optimiser, state.scaled)
    proposed = units.scaled(units.physical(optax.apply_updates(state.scaled, updates)))
    half_way = jax.tree.map(lambda a, b: (a + b) / 2, state.scaled, state.last_good)

    def choose(yes: Any, no: Any) -> Any:
        return jax.tree.map(lambda a, b: jnp.where(good, a, b), yes, no)

    following = State(
        choose(proposed, half_way),
        choose(state.scaled, state.last_good),
        choose(next_state, state.optimiser),
    )
    return following, Step(value, optax.tree.norm(downhill), ~good)


def schedule(ends: tuple[float, float], steps: int) -> NDArray[np.float64]:
    """From the first to the last value in equal ratios, (steps,)."""
    return np.geomspace(*ends, steps)


def climb(
    analysis: Analysis,
    objective: Objective,
    events: Layout,
    validation: Layout,
    start: Physical,
    transform: optax.GradientTransformation,
    *,
    checkpoint: Path | None = None,
    fingerprint: str = "",
    report: Callable[[int, dict[str, float]], None] = lambda step, row: None,
) -> Climb:
    """Climb from `start` on `events`, and keep the step that is best on `validation`, or the last.

    `transform` is that of `optimiser`: the same one for all starts, so that what it does to a
    gradient is compiled once.

    A `checkpoint` of the same `fingerprint` is taken up where it ends, with the same result as
    without the interruption; one of another is ignored. `report` is called after each step.

    Raises FitError if there is nothing to climb: no tunable threshold or edge, no network to
    fine-tune, no signal at the start, or fits that do not converge from the start on.
    """
    settings = analysis.optimise
    units = Units.of(analysis)
    tuned = any(mva.fine_tune for mva in analysis.networks_in_use.values())
    moves = start["thresholds"] or start["edges"] or analysis.moving_categories or tuned
    if not moves:
        raise FitError(
            "nothing to optimise: no cut has `tune`, no categories do, no fit has `tune_edges`, no "
            "network `fine_tune`; add one, or remove the optimisation from what is run"
        )
    scaled = units.scaled(start)
    state = State(scaled, scaled, transform.init(scaled))
    result = Climb(kept=units.physical(scaled))
    sign = 1.0 if objective.quantity == "significance" else -1.0
    if checkpoint is not None:
        saved = checkpoints.load(checkpoint, fingerprint, (state, result.kept))
        if saved is not None:
            state, result = _resumed(saved)
    temperatures = schedule(settings.temperature, settings.steps)
    bandwidths = schedule(settings.bandwidth, settings.steps)
    failures = 0
    for number in range(len(result.rows), settings.steps):
        here = units.physical(state.scaled)
        value, gradient = value_and_gradient(
            here, objective, events, temperatures[number], bandwidths[number]
        )
        state, step = _step(state, value, gradient, units, sign > 0, transform)
        due = number % settings.validate_every == 0 or number == settings.steps - 1
        hard = float(hard_value(here, objective, validation)) if due else float("nan")
        read = number % max(settings.steps // READINGS, 1) == 0 or number == settings.steps - 1
        row = {
            "value": float(step.value),
            "validation": hard,
            "hard": float(hard_value(here, objective, events)) if read else float("nan"),
            "temperature": float(temperatures[number]),
            "bandwidth": float(bandwidths[number]),
            "gradient_norm": float(step.gradient_norm),
            "rejected": float(step.rejected),
            **{f"threshold/{k}": float(t) for k, t in here["thresholds"].items()},
            **{
                f"category/{region}/{k}": float(edge)
                for region in analysis.moving_categories
                for k, edge in enumerate(here["category_edges"][region].edges, start=1)
            },
            **{
                f"edge/{region}/{k}": edge
                for region, edges in hard_edges(events, here).items()
                for k, edge in enumerate(edges[1:-1], start=1)
            },
        }
        result.rows.append(row)
        better = settings.keep == "last" or not sign * hard <= sign * result.kept_value
        if np.isfinite(hard) and better:
            result.kept, result.kept_step, result.kept_value = here, number, hard
        report(number, row)
        if number == 0 and row["value"] == 0.0 and sign > 0:
            raise FitError(
                "no signal passes the cuts at the start of the climb: the expected significance "
                "and its gradient are zero; loosen the cuts of the fitted regions"
            )
        failures = failures + 1 if row["rejected"] else 0
        if row["rejected"]:
            log.warning("step %d: the fit did not converge; going back half-way", number)
        if failures == PATIENCE:
            log.warning("step %d: %d fits in a row did not converge; stopping", number, PATIENCE)
            break
        if checkpoint is not None and (number + 1) % settings.checkpoint_every == 0:
            checkpoints.save(checkpoint, fingerprint, _interrupted(state, result))
    if not np.isfinite(result.kept_value):
        raise FitError(
            "no step of the climb has a fit that converges on the validation events: inspect the "
            "templates of the initial selection (`zenith histogram`, `zenith fit`)"
        )
    _warn_of_bounds(analysis, result.kept)
    return result


def _warn_of_bounds(analysis: Analysis, kept: Physical) -> None:
    for name, cut in analysis.tunable_cuts.items():
        value = float(kept["thresholds"][name])
        if cut.tune is not None and any(abs(value - b) < 1e-9 * (1 + abs(b)) for b in cut.tune):
            log.warning(
                "the threshold %s ends at its bound %g; tune may be too narrow", name, value
            )


def _interrupted(state: State, result: Climb) -> checkpoints.Checkpoint:
    numbers = {"kept_step": result.kept_step, "kept_value": result.kept_value}
    return checkpoints.Checkpoint((state, result.kept), result.history(), numbers)


def _resumed(saved: checkpoints.Checkpoint) -> tuple[State, Climb]:
    state, kept = saved.tree
    steps = zip(*saved.history.values(), strict=True)
    rows = [dict(zip(saved.history, map(float, step), strict=True)) for step in steps]
    numbers = saved.numbers
    return state, Climb(kept, int(numbers["kept_step"]), float(numbers["kept_value"]), rows)


def best(objective: Objective, climbs: list[Climb]) -> int:
    """The number of the climb whose kept step is best on the validation events."""
    values = np.array([climb.kept_value for climb in climbs])
    return int(values.argmax() if objective.quantity == "significance" else values.argmin())


def soft_hard_gap(analysis: Analysis, objective: Objective, events: Layout, climb: Climb) -> float:
    """|soft / hard - 1| of what is kept, on the events of the climb, at the last temperature."""
    temperature, bandwidth = analysis.optimise.temperature[1], analysis.optimise.bandwidth[1]
    # as arrays, which the climb has compiled for: numbers would be another type
    soft, _ = value_and_gradient(
        climb.kept, objective, events, np.float64(temperature), np.float64(bandwidth)
    )
    hard = float(hard_value(climb.kept, objective, events))
    return abs(float(soft) / hard - 1.0) if hard else float("nan")
