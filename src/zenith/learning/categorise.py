"""Categories of the largest expected significance, of one score or of several.

One score and one signal: dynamic programming (`exact`). Else a gradient climbs the significance of
soft categories on cells of events, from several starts at once; temperature falls, and what is
asked of each category is a penalty that grows. The step that is kept is the one whose hard
categories are best on the cells; hard categories of all events decide what is returned, and always
meet what is asked of them.
"""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from numpy.typing import NDArray

from zenith.core.binning import Cuts, Spectrum, best
from zenith.core.categories import Categories, Edges, Mixture
from zenith.core.cells import Cells, Yields
from zenith.core.counting import Counting, Requirements
from zenith.core.settling import settle
from zenith.errors import InputError
from zenith.learning.scored import Scored, Space, report
from zenith.learning.starts import edges_starts, mixture_starts

MARGIN = 0.03  # by how much more is asked of cells, whose borders are not those of events


@dataclass(frozen=True)
class Settings:
    """How to climb. Temperatures are of `Edges` (in ranges) or of `Mixture`, first and last."""

    steps: int = 300
    starts: int = 6
    seed: int = 0
    cells: int = 4096
    rate: float = 0.05
    edges_temperature: tuple[float, float] = (0.03, 0.001)
    mixture_temperature: tuple[float, float] = (1.0, 0.05)
    penalty: tuple[float, float] = (0.1, 10.0)


@dataclass(frozen=True)
class Result:
    """Hard categories, and what they are worth on the events that they were made with."""

    space: Space
    edges: NDArray[np.float64] | None  # (K − 1,), of one score
    mixture: Mixture | None  # of several
    report: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    history: NDArray[np.float64] | None = None  # (steps,) soft objective of the start that won

    def category(self, scored: Scored) -> NDArray[np.int64]:
        """The hard category (N,) of each event."""
        return assign(self.edges if self.mixture is None else self.mixture, scored, self.space)


def assign(
    categories: NDArray[np.float64] | Mixture | None, scored: Scored, space: Space
) -> NDArray[np.int64]:
    """The hard category (N,) of each event; an edge belongs to the category above it."""
    x = scored.read_as(space)
    if isinstance(categories, Mixture):
        return np.asarray(jax.jit(Mixture.hard)(categories, x))
    assert categories is not None
    return np.searchsorted(categories, x[0], side="right")


def categorise(
    scored: Scored,
    categories: int,
    requirements: Requirements,
    counting: Counting,
    method: str | None = None,
    settings: Settings | None = None,
) -> Result:
    """The best categories, at most so many. By default `exact` where it applies.

    Raises `InputError` if all events together do not meet the requirements, and for `exact` with
    several scores or signals.
    """
    settings, space = settings or Settings(), Space.of(scored.scores)
    if categories < 1:
        raise InputError(f"at least one category is needed, not {categories}")
    _check(scored, requirements)
    one = len(space.kept) == 1
    method = method or ("exact" if one and len(scored.signal_labels) == 1 else "gradient")
    if method == "exact" and not one:
        raise InputError(
            f"the exact method takes one score, {scored.source} has {space.scores}: use the "
            "gradient method"
        )
    if not one:
        return _mixture(scored, space, categories, requirements, counting, settings)
    spectrum = Spectrum.of(scored.read_as(space)[0], scored.weight, scored.signal)
    notes: list[str] = []
    history = None
    if method == "exact":
        cuts = best(spectrum, categories, requirements, counting.uncertainty)
    else:
        cuts, notes, history = _edges(spectrum, categories, requirements, counting, settings)
    if len(cuts) + 1 < categories:
        notes.append(
            f"{len(cuts) + 1} categories of the {categories} that were asked for: more would not "
            f"help or not meet the requirements ({len(spectrum.scores)} distinct scores)"
        )
    edges = spectrum.edges(cuts)
    result = Result(space, edges, None, {}, notes, history)
    return _reported(result, scored, len(cuts) + 1, counting, requirements)


def _reported(
    result: Result, scored: Scored, categories: int, counting: Counting, need: Requirements
) -> Result:
    found = report(result.category(scored), categories, scored, counting, need)
    return replace(result, report=found)


def _check(scored: Scored, requirements: Requirements) -> None:
    weight = scored.weight[scored.signal < 0]
    total, error = weight.sum(), np.sqrt((weight**2).sum())
    if not requirements.met(total, error**2):
        raise InputError(
            f"{scored.source}: all events together have a background of {total:.4g} ± {error:.2g}, "
            f"which does not meet the requirements (background of {requirements.background:g}, "
            f"relative uncertainty of {requirements.uncertainty:g}): loosen them"
        )


class Climb(NamedTuple):
    """Of every start, along the first axis."""

    categories: Any  # at the best step
    merit: Array  # of the hard categories on cells; below 0 if requirements are not met
    history: Array  # (starts, steps) soft objective


@partial(jax.jit, static_argnames=("counting", "requirements", "settings", "temperature"))
def climb(
    starts: Categories,
    cells: Cells,
    counting: Counting,
    requirements: Requirements,
    settings: Settings,
    temperature: tuple[float, float],
) -> Climb:
    """Climb from all starts at once; the arrays of `starts` are stacked along a first axis."""
    temperatures = jnp.geomspace(*temperature, settings.steps)
    penalties = jnp.geomspace(*settings.penalty, settings.steps)
    adam = optax.adam(optax.cosine_decay_schedule(settings.rate, settings.steps, alpha=0.02))

    def short(yields: Yields) -> Array:
        return requirements.shortfall(yields.background, yields.variance).sum()

    def merit(categories: Categories) -> Array:
        yields = cells.hard(categories)
        value, missing = counting(yields.signals, yields.background), short(yields)
        return jnp.where(missing > 0, -1.0 - missing, value)

    def from_one(start: Categories) -> Climb:
        scale = jnp.maximum(jnp.abs(merit(start)), 1e-6)

        def loss(categories: Categories, heat: Array, penalty: Array) -> tuple[Array, Array]:
            yields = cells.soft(categories, heat)
            value = counting(yields.signals, yields.background)
            return penalty * short(yields) - value / scale, value

        def step(carry: Any, schedule: Any) -> tuple[Any, Array]:
            here, state, kept, kept_merit = carry
            gradient, value = jax.grad(loss, has_aux=True)(here, *schedule)
            updates, state = adam.update(gradient, state, here)
            there = optax.apply_updates(here, updates)
            found = merit(there)
            kept = jax.tree.map(lambda a, b: jnp.where(found > kept_merit, a, b), there, kept)
            return (there, state, kept, jnp.maximum(found, kept_merit)), value

        begin = (start, adam.init(start), start, merit(start))
        (_, _, kept, kept_merit), values = jax.lax.scan(step, begin, (temperatures, penalties))
        return Climb(kept, kept_merit, values)

    return jax.vmap(from_one)(starts)


def _stack(starts: list[Any]) -> Any:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *starts)


def _pick(stacked: Any, number: int) -> Any:
    return jax.tree.map(lambda leaf: leaf[number], stacked)


def _tightened(requirements: Requirements) -> Requirements:
    return Requirements(
        requirements.background * (1 + MARGIN), requirements.uncertainty * (1 - MARGIN)
    )


def _edges(
    spectrum: Spectrum,
    categories: int,
    requirements: Requirements,
    counting: Counting,
    settings: Settings,
) -> tuple[Cuts, list[str], NDArray[np.float64] | None]:
    """Cuts by gradient, settled on hard yields; their mergers; the history of the climb."""
    categories = min(categories, len(spectrum.scores))
    if categories == 1:
        return np.array([], np.int64), [], None
    place = position(spectrum)
    cells = Cells.along(spectrum, place, settings.cells)
    starts = edges_starts(spectrum, place, categories, settings.starts, settings.seed)
    climbed = climb(
        _stack([Edges.at(edges) for edges in starts]),
        cells,
        counting,
        _tightened(requirements),
        settings,
        settings.edges_temperature,
    )
    settled = []
    for number in range(len(starts)):
        edges = np.asarray(_pick(climbed.categories, number).edges)
        cuts, notes = settle(spectrum, np.searchsorted(place, edges), counting, requirements)
        signals, background, _ = spectrum.yields(cuts)
        settled.append((float(counting(signals, background)), cuts, notes, number))
    _, cuts, notes, number = max(settled, key=lambda each: each[0])
    return cuts, notes, np.asarray(climbed.history[number])


def position(spectrum: Spectrum) -> NDArray[np.float64]:
    """Where each distinct score stands in [0, 1]: shares of signal, background and ranks below it.

    A classifier crowds its signal into a sliver of its range; here all bins have room, and a
    monotone transform of the score changes nothing.
    """
    n = len(spectrum.scores)
    place = 0.1 * np.arange(n + 1) / n
    for total in (spectrum.signals.sum(axis=0), spectrum.background):
        rising = np.maximum.accumulate(total)
        place += 0.45 * rising / rising[-1]
    return (place[:-1] + place[1:]) / 2


def _mixture(
    scored: Scored,
    space: Space,
    categories: int,
    requirements: Requirements,
    counting: Counting,
    settings: Settings,
) -> Result:
    x = scored.read_as(space)
    low = x.min(axis=1) if space.kind == "box" else np.zeros(len(x))
    size = x.max(axis=1) - low if space.kind == "box" else np.ones(len(x))
    size = np.where(size > 0, size, 1.0)
    unit = (x - low[:, None]) / size[:, None]
    cells = Cells.of(unit, scored.weight, scored.signal, settings.cells)
    starts = mixture_starts(cells, categories, settings.starts, settings.seed)
    climbed = climb(
        _stack([Mixture.of(*start) for start in starts]),
        cells,
        counting,
        _tightened(requirements),
        settings,
        settings.mixture_temperature,
    )
    results = []
    for number in range(len(starts)):
        found = _pick(climbed.categories, number)
        mixture = Mixture.of(
            found.weights,
            low + size * np.asarray(found.means),
            np.asarray(found.covariances) * np.outer(size, size),
        )
        results.append(
            _hardened(
                Result(space, None, mixture, {}, history=np.asarray(climbed.history[number])),
                scored,
                requirements,
                counting,
            )
        )
    return max(results, key=lambda result: result.report["z"])


def _hardened(
    result: Result, scored: Scored, requirements: Requirements, counting: Counting
) -> Result:
    """Without the categories that do not meet the requirements, from low to high purity."""
    mixture, notes = result.mixture, list(result.notes)
    while True:
        assert mixture is not None
        result = replace(result, mixture=mixture, notes=notes)
        result = _reported(result, scored, mixture.categories, counting, requirements)
        found = result.report
        background = found["yields"]["background"]
        purity = sum(found["yields"][label] for label in found["z_of_signal"]) / np.maximum(
            background, 1e-9
        )
        failing = np.flatnonzero(~found["meets_requirements"])
        if not len(failing):
            ordered = mixture.keep(np.argsort(purity, kind="stable"))
            result = replace(result, mixture=ordered)
            return _reported(result, scored, ordered.categories, counting, requirements)
        worst = failing[np.argmin(background[failing])]
        events = int(found["events"][worst])
        notes.append(
            f"a category of {events} events with a background of {background[worst]:.4g} did not "
            "meet the requirements and was merged with those around it"
        )
        mixture = mixture.keep(np.delete(np.arange(mixture.categories), worst))
