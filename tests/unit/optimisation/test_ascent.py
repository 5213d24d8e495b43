"""The climb: what it keeps, its bounds, faults and resumption; the search; the comparison."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from zenith.artefacts import Columns
from zenith.config import Analysis, parse
from zenith.core.selection.layout import Layout
from zenith.core.selection.objective import Objective, hard_value
from zenith.errors import FitError
from zenith.optimisation import ascent, model
from zenith.optimisation.ascent import Climb, climb, schedule
from zenith.optimisation.compare import bootstrap, compare, spread
from zenith.optimisation.search import search
from zenith.optimisation.selection import Physical, loosest, starts

STEPS = 12


class Case(NamedTuple):
    analysis: Analysis
    objective: Objective
    events: Layout
    validation: Layout
    start: Physical
    transform: optax.GradientTransformation

    def climb(self, **options: Any) -> Climb:
        return climb(*self, **options)


@pytest.fixture(scope="module")
def case(toy_configuration: Callable[..., dict[str, Any]], toy_columns: dict[str, Columns]) -> Case:
    analysis = parse(toy_configuration(optimise={"steps": STEPS, "checkpoint_every": 4}))
    return Case(
        analysis,
        model.objective(analysis),
        model.events(analysis, toy_columns, {}, "optimise"),
        model.events(analysis, toy_columns, {}, "validate"),
        next(starts(analysis, {})),
        ascent.optimiser(analysis),
    )


@pytest.fixture(scope="module")
def climbed(case: Case) -> Climb:
    return case.climb()


def test_what_is_kept_is_best_on_the_validation_events(case: Case, climbed: Climb) -> None:
    history = climbed.history()
    assert len(history["value"]) == STEPS
    assert climbed.kept_value == np.nanmax(history["validation"])
    assert climbed.kept_step == np.nanargmax(history["validation"])
    kept = float(climbed.kept["thresholds"]["btag_1"])
    assert kept == history["threshold/btag_1"][climbed.kept_step]
    again = float(hard_value(climbed.kept, case.objective, case.validation))
    assert again == pytest.approx(climbed.kept_value, rel=1e-9)


def test_it_climbs(climbed: Climb) -> None:
    """The toy's cut starts too tight for its signal: the soft objective rises along the way."""
    history = climbed.history()
    assert history["value"][-1] > history["value"][0]
    assert not history["rejected"].any()


def test_thresholds_stay_within_their_bounds(case: Case, climbed: Climb) -> None:
    low, high = case.analysis.tunable_cuts["btag_1"].tune or (0, 0)
    path = climbed.history()["threshold/btag_1"]
    assert (path >= low).all()
    assert (path <= high).all()


def test_schedules_go_from_the_first_to_the_last_value_in_equal_ratios() -> None:
    values = schedule((1.0, 0.01), 5)
    assert values == pytest.approx([1.0, 10**-0.5, 0.1, 10**-1.5, 0.01])


def test_a_killed_climb_resumes_to_the_same_result(
    case: Case, climbed: Climb, tmp_path: Path
) -> None:
    def kill(step: int, row: dict[str, float]) -> None:
        if step == 6:
            raise KeyboardInterrupt

    options = {"checkpoint": tmp_path / "0.h5", "fingerprint": "mine"}
    with pytest.raises(KeyboardInterrupt):
        case.climb(**options, report=kill)
    steps: list[int] = []
    resumed = case.climb(**options, report=lambda step, row: steps.append(step))
    assert steps[0] == 4  # the last checkpoint
    for key, values in climbed.history().items():
        np.testing.assert_array_equal(resumed.history()[key], values, err_msg=key)
    assert resumed.kept_step == climbed.kept_step


def test_a_checkpoint_of_something_else_is_not_taken_up(case: Case, tmp_path: Path) -> None:
    checkpoint = tmp_path / "0.h5"
    case.climb(checkpoint=checkpoint, fingerprint="mine")
    steps: list[int] = []
    case.climb(
        checkpoint=checkpoint, fingerprint="other", report=lambda step, row: steps.append(step)
    )
    assert steps == list(range(STEPS))


def failing(at: set[int], case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the objective be NaN, as a fit that does not converge leaves it, at some steps."""
    original = ascent.value_and_gradient
    temperatures = schedule(case.analysis.optimise.temperature, STEPS)
    bad = jnp.array([temperatures[step] for step in at])

    def sometimes(
        parameters: Any, objective: Any, events: Any, temperature: Any, bandwidth: Any
    ) -> Any:
        value, gradient = original(parameters, objective, events, temperature, bandwidth)
        return jnp.where((temperature == bad).any(), jnp.nan, value), gradient

    monkeypatch.setattr(ascent, "value_and_gradient", sometimes)


def test_a_fit_that_does_not_converge_is_rejected_and_the_climb_goes_on(
    case: Case, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failing({3, 6}, case, monkeypatch)
    with caplog.at_level(logging.WARNING):
        result = case._replace(transform=ascent.optimiser(case.analysis)).climb()
    history = result.history()
    assert np.flatnonzero(history["rejected"]).tolist() == [3, 6]
    assert len(history["value"]) == STEPS
    path = history["threshold/btag_1"]
    assert path[4] == pytest.approx((path[3] + path[2]) / 2)  # half-way back
    assert "step 3: the fit did not converge" in caplog.text


def test_three_failures_in_a_row_stop_it_with_what_was_kept(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing({5, 6, 7, 8, 9}, case, monkeypatch)
    result = case._replace(transform=ascent.optimiser(case.analysis)).climb()
    assert len(result.rows) == 8
    assert np.isfinite(result.kept_value)


def test_thresholds_at_a_bound_are_reported(
    case: Case, climbed: Climb, caplog: pytest.LogCaptureFixture
) -> None:
    low, _ = case.analysis.tunable_cuts["btag_1"].tune or (0, 0)
    kept = {"thresholds": {"btag_1": jnp.asarray(low)}, "networks": {}}
    with caplog.at_level(logging.WARNING):
        ascent._warn_of_bounds(case.analysis, kept)
    assert "btag_1 ends at its bound 0.05" in caplog.text


def test_no_signal_is_an_error_that_says_so(case: Case, toy_columns: dict[str, Columns]) -> None:
    none = Columns(**{**vars(toy_columns["zprime"]), "weight": toy_columns["zprime"].weight * 0.0})
    columns = {**toy_columns, "zprime": none}
    empty = case._replace(
        events=model.events(case.analysis, columns, {}, "optimise"),
        validation=model.events(case.analysis, columns, {}, "validate"),
    )
    with pytest.raises(FitError, match="no signal passes the cuts at the start"):
        empty.climb()


def test_nothing_to_optimise_is_an_error_that_says_so(case: Case) -> None:
    nothing = case._replace(start={"thresholds": {}, "networks": {}, "edges": {}})
    with pytest.raises(FitError, match="no cut has `tune`"):
        nothing.climb()


def test_the_search_is_reproducible_and_starts_where_the_climb_does(case: Case) -> None:
    first, second = (search(*case[:5], trials=8) for _ in range(2))
    assert first == second
    assert first.trials[0].thresholds == {"btag_1": 0.5}
    assert first.kept.validation == max(trial.validation for trial in first.trials)


def test_the_bootstrap_is_paired_and_of_the_right_size(
    case: Case, toy_columns: dict[str, Columns]
) -> None:
    """Equal selections have equal replicas; the error of Z falls as 1 / √events."""
    test = model.events(case.analysis, toy_columns, {}, "test")
    first, again = (bootstrap(case.objective, test, case.start, 10) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert 0.0 < first.std() < 0.3 * first.mean()


def test_the_comparison_quotes_every_selection(
    toy_configuration: Callable[..., dict[str, Any]],
    toy_columns: dict[str, Columns],
    case: Case,
) -> None:
    analysis = parse(toy_configuration(statistics={"bootstrap": 5}))
    looser = {"thresholds": {"btag_1": np.float64(0.2)}, "networks": {}}
    result = compare(
        analysis,
        toy_columns,
        model.objective(analysis),
        model.events(analysis, toy_columns, {}, "test"),
        {
            "initial": case.start,
            "optimised": looser,
            "fixed_edges": case.start,
            "search": case.start,
        },
    )
    table = result["expected_significance"]
    assert set(table["initial"]) == {"train", "validate", "test", "test_error"}
    assert table["initial"] == table["search"]
    assert result["gain"]["search"] == {"difference": 0.0, "error": 0.0}
    difference = table["optimised"]["test"] - table["initial"]["test"]
    assert result["gain"]["optimised"]["difference"] == difference
    assert result["gain_of_edges"] == result["gain"]["optimised"]  # the start is what stays fixed


def test_the_loosest_cuts_keep_what_any_threshold_within_its_bounds_keeps(
    toy_configuration: Callable[..., dict[str, Any]],
) -> None:
    config = toy_configuration()
    below = {"cut": "met < 200", "tune": [50, 400], "width": 25}
    config["regions"]["signal"]["cuts"] = [*config["regions"]["signal"]["cuts"][1:], below]
    found = loosest(parse(config), {})["thresholds"]
    assert {name: float(value) for name, value in found.items()} == {"btag_1": 0.05, "met": 400.0}


def test_the_spread_is_that_of_a_gaussian_and_bears_outliers() -> None:
    values = np.random.default_rng(1).normal(3.0, 0.5, 4000)
    assert spread(values) == pytest.approx(0.5, rel=0.05)
    values[:20] = 1e6
    assert spread(values) == pytest.approx(0.5, rel=0.05)
    assert spread(np.array([1.0, np.nan])) == 0.0
