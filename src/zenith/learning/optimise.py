"""The climb of the expected significance: thresholds and networks together, step by step.

Adam with a cosine-decaying rate for each group of parameters; thresholds move in units of the
width of their cut and are projected onto their bounds after each step. Temperature and bandwidth
fall geometrically from their first to their last value: wide kernels see far, narrow ones tell the
truth. The step that is kept is the one with the best hard-cut objective on events that no gradient
has seen, so that the soft reading only ever proposes.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from zenith import artefacts
from zenith.config import Analysis
from zenith.core.events import Events
from zenith.core.networks import Network
from zenith.core.objective import Objective, hard_value, value_and_gradient
from zenith.errors import FitError

log = logging.getLogger(__name__)
PATIENCE = 3  # steps in a row whose fit does not converge, after which a climb stops
Physical = dict[str, Any]
"""{"thresholds": {name: scalar}, "networks": {name: Network}}"""


class Units(NamedTuple):
    """What makes a threshold a pure number: arrays of scalars by name."""

    width: dict[str, jax.Array]
    low: dict[str, jax.Array]
    high: dict[str, jax.Array]

    @classmethod
    def of(cls, analysis: Analysis) -> "Units":
        """Widths and bounds of the tunable cuts."""
        cuts = analysis.tunable_cuts
        bounds = {name: cut.tune or (0.0, 0.0) for name, cut in cuts.items()}
        return cls(
            {name: jnp.asarray(cut.width) for name, cut in cuts.items()},
            {name: jnp.asarray(low) for name, (low, _) in bounds.items()},
            {name: jnp.asarray(high) for name, (_, high) in bounds.items()},
        )

    def physical(self, scaled: Physical) -> Physical:
        """Thresholds in the units of their observables."""
        thresholds = {name: u * self.width[name] for name, u in scaled["thresholds"].items()}
        return {"thresholds": thresholds, "networks": scaled["networks"]}

    def scaled(self, physical: Physical) -> Physical:
        """Thresholds in units of their widths, inside their bounds."""
        thresholds = {
            name: jnp.clip(jnp.asarray(t, float), self.low[name], self.high[name])
            / self.width[name]
            for name, t in physical["thresholds"].items()
        }
        return {"thresholds": thresholds, "networks": physical["networks"]}


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


def optimiser(analysis: Analysis) -> optax.GradientTransformation:
    """Adam by group: thresholds, networks that are fine-tuned, networks that are frozen."""
    settings = analysis.optimise

    def group(name: str) -> optax.GradientTransformation:
        rate = optax.cosine_decay_schedule(settings.learning_rates[name], settings.steps, alpha=0.1)  # type: ignore[index]
        return optax.chain(optax.clip_by_global_norm(settings.clip), optax.adam(rate))

    labels = {
        "thresholds": "thresholds",
        "networks": {
            name: "networks" if mva.fine_tune and mva.framework == "jax" else "frozen"
            for name, mva in analysis.mva.items()
        },
    }
    groups = {
        "thresholds": group("thresholds"),
        "networks": group("networks"),
        "frozen": optax.set_to_zero(),
    }
    return optax.multi_transform(groups, labels)


@partial(jax.jit, static_argnames="transform")
def _step(
    state: State,
    objective: Objective,
    events: Events,
    units: Units,
    temperature: jax.Array,
    bandwidth: jax.Array,
    transform: optax.GradientTransformation,
) -> tuple[State, Step]:
    """The gradient where the climb is, and the next place; one compiled call.

    Where the fit does not converge, the climb goes back half-way to where it last did.
    """
    sign = -1.0 if objective.quantity == "significance" else 1.0
    value, gradient = value_and_gradient(
        units.physical(state.scaled), objective, events, temperature, bandwidth
    )
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


def starts(analysis: Analysis, networks: Mapping[str, Network]) -> Iterator[Physical]:
    """Start values: those of the configuration, then thresholds drawn within their bounds."""
    random = np.random.default_rng([analysis.seed, 1])
    for number in range(analysis.optimise.starts):
        thresholds = {
            name: cut.threshold if number == 0 else float(random.uniform(*(cut.tune or (0, 0))))
            for name, cut in analysis.tunable_cuts.items()
        }
        yield {"thresholds": thresholds, "networks": dict(networks)}


def climb(
    analysis: Analysis,
    objective: Objective,
    events: Events,
    validation: Events,
    start: Physical,
    transform: optax.GradientTransformation,
    *,
    checkpoint: Path | None = None,
    fingerprint: str = "",
    report: Callable[[int, dict[str, float]], None] = lambda step, row: None,
) -> Climb:
    """Climb from `start` on `events`, and keep the step that is best on `validation`.

    `transform` is that of `optimiser`: the same one for all starts, so that the step is compiled
    once.

    A `checkpoint` of the same `fingerprint` is taken up where it ends, with the same result as
    without the interruption; one of another is ignored. `report` is called after each step.

    Raises FitError if there is nothing to climb: no tunable threshold and no network to fine-tune,
    no signal at the start, or fits that do not converge from the start on.
    """
    settings = analysis.optimise
    units = Units.of(analysis)
    if not start["thresholds"] and not any(m.fine_tune for m in analysis.mva.values()):
        raise FitError(
            "nothing to optimise: no cut has `tune`, and no network has `fine_tune`; add one to "
            "regions.*.cuts, or remove the optimisation from what is run"
        )
    scaled = units.scaled(start)
    state = State(scaled, scaled, transform.init(scaled))
    result = Climb(kept=units.physical(scaled))
    sign = 1.0 if objective.quantity == "significance" else -1.0
    if checkpoint is not None:
        state, result = _resumed(checkpoint, fingerprint, state, result)
    temperatures = schedule(settings.temperature, settings.steps)
    bandwidths = schedule(settings.bandwidth, settings.steps)
    failures = 0
    for number in range(len(result.rows), settings.steps):
        here = units.physical(state.scaled)
        state, step = _step(
            state,
            objective,
            events,
            units,
            jnp.asarray(temperatures[number]),
            jnp.asarray(bandwidths[number]),
            transform,
        )
        due = number % settings.validate_every == 0 or number == settings.steps - 1
        hard = float(hard_value(here, objective, validation)) if due else float("nan")
        row = {
            "value": float(step.value),
            "validation": hard,
            "temperature": float(temperatures[number]),
            "bandwidth": float(bandwidths[number]),
            "gradient_norm": float(step.gradient_norm),
            "rejected": float(step.rejected),
            **{f"threshold/{k}": float(t) for k, t in here["thresholds"].items()},
        }
        result.rows.append(row)
        if np.isfinite(hard) and not sign * hard <= sign * result.kept_value:
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
            _save(checkpoint, fingerprint, state, result)
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


def _save(path: Path, fingerprint: str, state: State, result: Climb) -> None:
    leaves = jax.tree.leaves((state, result.kept))
    arrays = {f"leaf/{k}": np.asarray(leaf) for k, leaf in enumerate(leaves)}
    arrays |= {f"row/{key}": values for key, values in result.history().items()}
    attributes = {
        "fingerprint": fingerprint,
        "kept_step": result.kept_step,
        "kept_value": result.kept_value,
    }
    artefacts.write_arrays(path, arrays, attributes)


def _resumed(path: Path, fingerprint: str, state: State, result: Climb) -> tuple[State, Climb]:
    """State and history of a checkpoint; as given if there is none with this fingerprint."""
    if not path.exists():
        return state, result
    arrays, attributes = artefacts.read_arrays(path)
    if attributes.get("fingerprint") != fingerprint:
        log.info("%s is of another configuration or of other events: starting afresh", path)
        return state, result
    leaves, tree = jax.tree.flatten((state, result.kept))
    saved = [
        jnp.asarray(arrays[f"leaf/{k}"], jnp.asarray(leaf).dtype) for k, leaf in enumerate(leaves)
    ]
    state, kept = jax.tree.unflatten(tree, saved)
    columns = {k.removeprefix("row/"): v for k, v in arrays.items() if k.startswith("row/")}
    steps = len(next(iter(columns.values())))
    rows = [{key: float(values[i]) for key, values in columns.items()} for i in range(steps)]
    log.info("resuming %s after %d steps", path, steps)
    kept_step, kept_value = int(attributes["kept_step"]), float(attributes["kept_value"])
    return state, Climb(kept, kept_step, kept_value, rows)


def best(objective: Objective, climbs: list[Climb]) -> int:
    """The number of the climb whose kept step is best on the validation events."""
    values = np.array([climb.kept_value for climb in climbs])
    return int(values.argmax() if objective.quantity == "significance" else values.argmin())


def soft_hard_gap(analysis: Analysis, objective: Objective, events: Events, climb: Climb) -> float:
    """|soft / hard - 1| of what is kept, on the events of the climb, at the last temperature."""
    temperature, bandwidth = analysis.optimise.temperature[1], analysis.optimise.bandwidth[1]
    soft, _ = value_and_gradient(climb.kept, objective, events, temperature, bandwidth)
    hard = float(hard_value(climb.kept, objective, events))
    return abs(float(soft) / hard - 1.0) if hard else float("nan")
