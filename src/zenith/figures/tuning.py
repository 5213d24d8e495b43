"""Optuna's own figures of a search of settings."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
import numpy as np
import optuna
from matplotlib import pyplot
from matplotlib.figure import Figure
from optuna.trial import TrialState
from optuna.visualization import matplotlib as draw

from zenith.figures.naming import Figures


def importances(study: optuna.Study) -> dict[str, float]:
    """How much of the spread of values each setting explains (PED-ANOVA, arXiv:2304.10255).

    None where fewer than two trials have values that differ.
    """
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len({trial.value for trial in complete}) < 2:
        return {}
    with _quiet():
        found = optuna.importance.get_param_importances(study)
    return {key: float(value) for key, value in found.items() if np.isfinite(value)}


def figures(study: optuna.Study, value: str) -> Figures:
    """`history`, `slices`, `epochs`, and `importances`; `value` says what the objective is."""
    yield "history", _drawn(draw.plot_optimization_history, study, target_name=value)
    yield "slices", _drawn(draw.plot_slice, study, target_name=value)
    yield "epochs", _drawn(draw.plot_intermediate_values, study)
    if importances(study):
        yield "importances", _drawn(draw.plot_param_importances, study, target_name=value)


def _drawn(function: Callable[..., Any], *args: Any, **options: Any) -> Figure:
    """The figure of a function of Optuna, which draws in a style of its own."""
    with matplotlib.rc_context(), _quiet():
        axes = np.ravel(function(*args, **options))
        for one in axes:  # labels within less than a decade stand close
            one.tick_params(axis="x", which="minor", rotation=60)
        figure: Figure = axes[0].figure
        # room for the names of settings; a single slice has no height of its own (constrained)
        figure.set_layout_engine("constrained" if len(axes) > 1 else "tight")
        figure.canvas.draw()
        pyplot.close(figure)  # which keeps it no longer
    return figure


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings that say of a function that it may change, or of a figure that it is
    of few trials."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
