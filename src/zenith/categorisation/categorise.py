"""Categories of the largest expected significance, of one score or of several.

One score and one signal: dynamic programming (`exact`). Else a gradient climbs the significance of
soft categories on cells of events; hard categories of all events decide what is returned, and
always meet what is asked of them.
"""

from dataclasses import dataclass, field

import jax
import numpy as np
from numpy.typing import NDArray

from zenith.artefacts.categories import Reached
from zenith.categorisation.ascent import History, Settings
from zenith.categorisation.many_scores import regions
from zenith.categorisation.one_score import bins
from zenith.categorisation.scored import Scored, Space, report, yields_of
from zenith.core.categories.exact import Spectrum, best
from zenith.core.categories.task import Task
from zenith.core.selection.memberships import Mixture
from zenith.errors import InputError

__all__ = ["Result", "Settings", "assign", "categorise"]


@dataclass(frozen=True)
class Result:
    """Hard categories, and what they are worth on the events that they were made with."""

    space: Space
    edges: NDArray[np.float64] | None  # (K − 1,), of one score
    mixture: Mixture | None  # of several
    report: Reached
    notes: list[str] = field(default_factory=list)
    history: History | None = None  # of the start that won

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
    return np.asarray(np.searchsorted(categories, x[0], side="right"))


def categorise(
    scored: Scored,
    categories: int,
    task: Task,
    method: str | None = None,
    settings: Settings | None = None,
) -> Result:
    """The best categories, at most so many. By default `exact` where it applies.

    Raises `InputError` if all events together do not meet the requirements, and for `exact` with
    several scores or signals, or an objective to which categories do not add up.
    """
    settings, space = settings or Settings(), Space.of(scored.scores)
    if categories < 1:
        raise InputError(f"at least one category is needed, not {categories}")
    _check(scored, task)
    one = len(space.kept) == 1
    simple = one and len(scored.signal_labels) == 1 and task.aim.additive
    method = method or ("exact" if simple else "gradient")
    if method == "exact" and not task.aim.additive:
        raise InputError(
            f"{scored.source}: the exact method is of the counting objective; with nuisance "
            "parameters categories do not add up: use the gradient method"
        )
    if method == "exact" and not one:
        raise InputError(
            f"the exact method takes one score, {scored.source} has {space.scores}: use the "
            "gradient method"
        )
    if not one:
        found = regions(scored, space, categories, task, settings)
        reached = _reached(found.mixture, scored, space, task)
        return Result(space, None, found.mixture, reached, found.notes, found.history)
    spectrum = Spectrum.of(scored.read_as(space)[0], scored.tallied(task.aim))
    notes: list[str] = []
    history = None
    if method == "exact":
        cuts = best(spectrum, categories, task)
    else:
        cuts, notes, history = bins(spectrum, categories, task, settings)
    if len(cuts) + 1 < categories:
        notes.append(
            f"{len(cuts) + 1} categories of the {categories} that were asked for: more would not "
            f"help or not meet the requirements ({len(spectrum.scores)} distinct scores)"
        )
    edges = spectrum.edges(cuts)
    return Result(space, edges, None, _reached(edges, scored, space, task), notes, history)


def _reached(
    categories: NDArray[np.float64] | Mixture, scored: Scored, space: Space, task: Task
) -> Reached:
    number = categories.categories if isinstance(categories, Mixture) else len(categories) + 1
    return report(assign(categories, scored, space), number, scored, task)


def _check(scored: Scored, task: Task) -> None:
    yields = yields_of(np.zeros(len(scored.label), np.int64), 1, scored, task.aim)
    total, error = float(yields.background[0]), float(np.sqrt(yields.variance[0]))
    if not task.met(yields).all():
        raise InputError(
            f"{scored.source}: all events together have a background of {total:.4g} ± {error:.2g}, "
            f"which does not meet the requirements ({task.requirements}): loosen them"
        )
