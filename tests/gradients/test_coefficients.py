"""Tuned coefficients of an efficient score: their gradient, and what they are tuned on."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from makers.efficient_score import NETWORK, toy_score

from zenith.artefacts import Columns
from zenith.config import Analysis, parse
from zenith.config.efficient_score import SCORE
from zenith.config.variants import summarised
from zenith.core.response.efficient_score import EfficientScore
from zenith.core.selection.objective import value_and_gradient
from zenith.events.folds import folds_of
from zenith.optimisation import model
from zenith.optimisation.coefficients import tuned

FOLD = 1


@pytest.fixture(scope="module")
def configured(toy_configuration: Callable[..., dict[str, Any]]) -> Callable[..., Analysis]:
    def make(**changes: Any) -> Analysis:
        tuning = {"steps": 12, "learning_rate": 0.05}
        summary = {"network": "network", "bins": 6, "tuning": tuning}
        return parse(toy_configuration(mva={"network": NETWORK}, summary=summary, **changes))

    return make


@pytest.fixture(scope="module")
def score() -> EfficientScore:
    return toy_score()


def test_the_gradient_in_coefficients_is_the_finite_difference(
    configured: Callable[..., Analysis], toy_columns: dict[str, Columns], score: EfficientScore
) -> None:
    analysis = configured()
    parted, rng = summarised(analysis), np.random.default_rng(4)

    def scored(values: dict[str, Any]) -> dict[str, Any]:
        number = len(values["mtt"])
        names = score.projected.features
        return values | {n: rng.normal(0.1, 0.1, number).astype(np.float32) for n in names}

    columns = {
        name: replace(
            own,
            values=scored(own.values),
            shapes={shape: scored(values) for shape, values in own.shapes.items()},
        )
        for name, own in toy_columns.items()
    }
    objective = model.objective(parted)
    events = model.events(parted, columns, {SCORE: score.projected}, [0])

    def at(coefficients: jax.Array) -> tuple[float, jax.Array]:
        moved = replace(score.projected, coefficients=coefficients)
        selection = {"thresholds": {}, "category_edges": {}, "networks": {SCORE: moved}}
        value, gradient = value_and_gradient(
            selection, objective, events, np.float64(0.1), np.float64(0.4)
        )
        return float(value), gradient["networks"][SCORE].coefficients

    here = np.asarray(score.projected.coefficients)
    _, gradient = at(jnp.asarray(here))
    for k in range(3):
        step = np.float32(2e-3) * np.eye(3, dtype=np.float32)[k]
        slope = (at(jnp.asarray(here + step))[0] - at(jnp.asarray(here - step))[0]) / 4e-3
        assert float(gradient[k]) == pytest.approx(slope, rel=0.02, abs=2e-3)


@pytest.mark.parametrize("objective", ["significance", "precision"])
def test_they_gain_on_the_validation_fold_and_see_no_other(
    configured: Callable[..., Analysis],
    toy_columns: dict[str, Columns],
    score: EfficientScore,
    objective: str,
) -> None:
    analysis = configured(optimise={"objective": objective})
    found, before, after = tuned(analysis, toy_columns, score, FOLD)
    assert (after > before) if objective == "significance" else (after < before)
    moved = np.asarray(found.projected.coefficients - score.projected.coefficients)
    assert np.abs(moved).max() > 0.01
    assert (np.asarray(found.projected.edges) == np.asarray(score.projected.edges)).all()

    validation = analysis.folds.validation(FOLD)
    seen = {n: folds_of(own.hash, analysis.folds) == validation for n, own in toy_columns.items()}
    doubled = {
        name: replace(own, weight=np.where(seen[name], 1.0, 2.0) * own.weight)
        for name, own in toy_columns.items()
    }
    again, *values = tuned(analysis, doubled, score, FOLD)
    assert values == [before, after]
    assert (again.projected.coefficients == found.projected.coefficients).all()
