"""The comparison a sceptic asks for: a black-box search for the thresholds, without gradients.

Optuna's tree-structured Parzen estimator, or an evolution strategy that adapts its covariance
(CMA-ES, arXiv:1604.00772), proposes thresholds within the same bounds, the networks stay as they
are; it sees the hard-cut objective on the same events that the climb uses, and the
trial that is kept is the best on the validation events, by the same rule as the climb's step.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import optuna

from zenith.config import Analysis
from zenith.config.learning import Method
from zenith.core.selection.layout import Layout
from zenith.core.selection.objective import Objective, hard_value
from zenith.errors import FitError
from zenith.optimisation import evaluated
from zenith.optimisation.selection import Physical


class Trial(NamedTuple):
    """Thresholds that were tried, and what they are worth with hard cuts."""

    thresholds: dict[str, float]
    value: float
    validation: float


class Search(NamedTuple):
    """The trial that is kept, and all of them in order."""

    kept: Trial
    trials: list[Trial]

    @property
    def finite(self) -> list[Trial]:
        """The trials whose fits converged."""
        return [t for t in self.trials if np.isfinite(t.value) and np.isfinite(t.validation)]


def search(
    analysis: Analysis,
    objective: Objective,
    events: Layout,
    validation: Layout,
    start: Physical,
    trials: int,
    method: Method = "tpe",
    report: Callable[[int, Trial], None] = lambda number, trial: None,
) -> Search:
    """Search with a number of trials, the first of them at the thresholds of `start`.

    The events are those of `evaluated.events`, since networks do not move. Seeded and sequential:
    the same configuration gives the same trials. Raises FitError if no trial has a fit that
    converges.
    """
    sign = 1.0 if objective.quantity == "significance" else -1.0
    fixed = evaluated.selection(analysis, start)
    done: list[Trial] = []

    def evaluate(proposal: optuna.Trial) -> float:
        thresholds = {
            name: proposal.suggest_float(name, *(cut.tune or (0.0, 0.0)))
            for name, cut in analysis.tunable_cuts.items()
        }
        moved = {name: np.float64(t) for name, t in thresholds.items()}
        here = {**fixed, "thresholds": fixed["thresholds"] | moved}
        value = float(hard_value(here, objective, events))
        trial = Trial(thresholds, value, float(hard_value(here, objective, validation)))
        done.append(trial)
        report(len(done) - 1, trial)
        return sign * value if np.isfinite(value) else -np.inf

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    first = {name: float(t) for name, t in start["thresholds"].items()}
    sampler: optuna.samplers.BaseSampler = optuna.samplers.TPESampler(seed=analysis.seed)
    if method == "cma_es":
        sampler = optuna.samplers.CmaEsSampler(seed=analysis.seed)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.enqueue_trial(first)
    study.optimize(evaluate, n_trials=trials, n_jobs=1)
    usable = Search(done[0], done).finite
    if not usable:
        raise FitError("no trial of the search has a fit that converges")
    return Search(max(usable, key=lambda t: sign * t.validation), done)
