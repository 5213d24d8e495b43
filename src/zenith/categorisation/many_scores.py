"""Categories of several scores by gradient: regions of a Gaussian mixture."""

from dataclasses import replace
from typing import NamedTuple

import jax
import numpy as np

from zenith.categorisation.ascent import MARGIN, History, Settings, climb, history, pick, stack
from zenith.categorisation.scored import Scored, Space, value_of, yields_of
from zenith.categorisation.starts import mixture_starts
from zenith.core.categories.cells import Cells
from zenith.core.categories.task import Task
from zenith.core.selection.memberships import Mixture

FINER = 4  # times as many cells as for one score: a border crosses many of them


class Regions(NamedTuple):
    """Regions, a line for each merger, and the history of the climb."""

    mixture: Mixture
    notes: list[str]
    history: History


def regions(
    scored: Scored,
    space: Space,
    categories: int,
    task: Task,
    settings: Settings,
) -> Regions:
    """The best regions on all events, from low to high purity; all meet the requirements."""
    x = scored.read_as(space)
    low = x.min(axis=1) if space.kind == "box" else np.zeros(len(x))
    size = x.max(axis=1) - low if space.kind == "box" else np.ones(len(x))
    size = np.where(size > 0, size, 1.0)
    unit = (x - low[:, None]) / size[:, None]
    cells = Cells.of(unit, scored.tallied(task.aim), FINER * settings.cells)
    asked = task.tightened(MARGIN)
    starts = mixture_starts(cells, categories, settings.starts, settings.seed, asked)
    climbed = climb(
        stack([Mixture.of(*start) for start in starts]),
        cells,
        asked,
        replace(settings, rate=settings.mixture_rate),
        settings.mixture_temperature,
    )
    best, best_z = None, -np.inf
    for number in range(len(starts)):
        found = pick(climbed.categories, number)
        mixture = Mixture.of(
            found.weights,
            low + size * np.asarray(found.means),
            np.asarray(found.covariances) * np.outer(size, size),
        )
        mixture, notes, z = hardened(mixture, scored, space, task)
        if z > best_z:
            best = Regions(
                mixture, notes, history(climbed, number, cells, settings.mixture_temperature)
            )
            best_z = z
    assert best is not None
    return best


def hardened(
    mixture: Mixture, scored: Scored, space: Space, task: Task
) -> tuple[Mixture, list[str], float]:
    """Without the categories that do not meet the requirements, from low to high purity."""
    x, notes = scored.read_as(space), list[str]()
    while True:
        category = np.asarray(jax.jit(Mixture.hard)(mixture, x))
        yields = yields_of(category, mixture.categories, scored, task.aim)
        background = np.asarray(yields.background)
        failing = np.flatnonzero(~task.met(yields))
        if not len(failing):
            purity = yields.signals.sum(axis=0) / np.maximum(background, 1e-9)
            kept = mixture.keep(np.argsort(purity, kind="stable"))
            return kept, notes, value_of(task.aim, yields)
        worst = failing[np.argmin(background[failing])]
        events = int((category == worst).sum())
        notes.append(
            f"a category of {events} events with a background of {background[worst]:.4g} did not "
            "meet the requirements and was merged with those around it"
        )
        mixture = mixture.keep(np.delete(np.arange(mixture.categories), worst))
