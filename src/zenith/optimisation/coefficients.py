"""The coefficients of an efficient score, tuned by the exact gradient of what is quoted.

The projection is the best one to first order, for small changes of the parameters and for responses
that were learned perfectly. A discovery compares the signal strengths 0 and 1, and responses are
learned from few events. What the binned model says of the summary has a gradient in every
coefficient; a few steps along it, with the bins as they are, make up for both.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from zenith.artefacts import Columns
from zenith.config import Analysis
from zenith.config.efficient_score import SCORE
from zenith.config.variants import summarised
from zenith.core.response.efficient_score import EfficientScore
from zenith.core.selection.histograms import Selection
from zenith.core.selection.objective import hard_value, value_and_gradient
from zenith.events.folds import folds_of
from zenith.optimisation import model
from zenith.training.efficient_score import parameter_scores

BANDWIDTH = (0.5, 0.15)  # of the kernels, in bins, at the first and at the last step
TEMPERATURE = 0.1  # of cuts; those that are left do not move


def tuned(
    analysis: Analysis, columns: Mapping[str, Columns], score: EfficientScore, fold: int
) -> tuple[EfficientScore, float, float]:
    """The score with tuned coefficients and its own bins, and the objective before and after.

    The events are those of the validation fold of `fold`, that of the projection; the objective is
    of hard bins. Where it is not better after the last step the score stays as it is.
    """
    assert analysis.summary is not None
    whole = analysis.summary.model_copy(update={"cells": None})  # which follow
    settings, parted = whole.tuning, summarised(analysis.model_copy(update={"summary": whole}))
    objective = model.objective(parted, with_nuisances=analysis.optimise.nuisances)
    scored = with_parameter_scores(analysis, columns, score, analysis.folds.validation(fold))
    start = score.projected
    events = model.events(parted, scored, {SCORE: start}, [analysis.folds.validation(fold)])

    def selection(coefficients: jnp.ndarray) -> Selection:
        moved = replace(start, coefficients=coefficients)
        return {"thresholds": {}, "category_edges": {}, "networks": {SCORE: moved}}

    unit = units(score, scored)
    optimiser = optax.adam(optax.cosine_decay_schedule(settings.learning_rate, settings.steps, 0.1))
    sign = -1.0 if objective.quantity == "significance" else 1.0

    @jax.jit
    def stepped(here: jax.Array, slope: jax.Array, state: Any) -> tuple[jax.Array, Any]:
        update, state = optimiser.update(sign * slope, state)
        return here + update, state

    here, state = np.zeros(len(unit)), optimiser.init(jnp.zeros(len(unit)))
    for bandwidth in np.geomspace(*BANDWIDTH, settings.steps):
        at = selection((start.coefficients + here * unit).astype(jnp.float32))
        value, gradient = value_and_gradient(
            at, objective, events, np.float64(TEMPERATURE), np.float64(bandwidth)
        )
        slope = gradient["networks"][SCORE].coefficients * unit
        if not (np.isfinite(value) and np.isfinite(slope).all()):
            break
        here, state = stepped(here, slope, state)
    coefficients = (start.coefficients + here * unit).astype(jnp.float32)
    before, after = (
        float(hard_value(selection(each), objective, events))
        for each in (start.coefficients, coefficients)
    )
    if not sign * after < sign * before:
        return score, before, before
    return score.projecting(coefficients, start.edges), before, after


def with_parameter_scores(
    analysis: Analysis, columns: Mapping[str, Columns], score: EfficientScore, fold: int
) -> dict[str, Columns]:
    """The simulated samples with the scores of all parameters, which are 0 outside of the fold.

    No event is left out, so that the arrays of all folds are of one size and compiled for once.
    """

    def scored(
        values: Mapping[str, NDArray[np.float32]], inside: NDArray[np.bool_]
    ) -> dict[str, NDArray[np.float32]]:
        x = np.stack([values[name][inside] for name in score.features])
        found = np.zeros((len(score.projected.features), len(inside)), np.float32)
        found[:, inside] = parameter_scores(score, x)
        return {**values, **dict(zip(score.projected.features, found, strict=True))}

    def of_sample(own: Columns) -> Columns:
        inside = folds_of(own.hash, analysis.folds) == fold
        shapes = {shape: scored(values, inside) for shape, values in own.shapes.items()}
        return replace(own, values=scored(own.values, inside), shapes=shapes)

    return {n: of_sample(own) for n, own in columns.items() if not analysis.is_data(n)}


def units(score: EfficientScore, columns: Mapping[str, Columns]) -> jnp.ndarray:
    """What makes a coefficient a pure number, (A,): the score of μ over its own, both as roots of
    their mean squares; 0 where a score vanishes."""
    weight = np.concatenate([own.weight for own in columns.values()])
    squares = np.array(
        [
            weight @ np.concatenate([own.values[name] for own in columns.values()]) ** 2
            for name in score.projected.features
        ]
    )
    known = squares[1:] > 0.0
    return jnp.sqrt(jnp.where(known, squares[0] / np.where(known, squares[1:], 1.0), 0.0))
