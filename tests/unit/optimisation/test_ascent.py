"""The climb: what it keeps, its bounds, faults and resumption; the search; the comparison."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import optax
import pyhf
import pytest

from zenith.artefacts import Columns
from zenith.config import Analysis, parse
from zenith.config.variants import blinded
from zenith.core.selection.layout import Layout
from zenith.core.selection.objective import Objective, hard_value
from zenith.errors import FitError, InputError
from zenith.events.folds import folds_of
from zenith.optimisation import ascent, model
from zenith.optimisation.ascent import Climb, climb, schedule
from zenith.optimisation.compare import Row, bootstrap, compare, spread
from zenith.optimisation.search import search
from zenith.optimisation.selection import Physical, configured, loosest, physical
from zenith.statistics.histograms import fill
from zenith.statistics.repair import sanitise
from zenith.statistics.selections import Selections
from zenith.statistics.templates import collect
from zenith.statistics.workspace import build

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
        model.events(analysis, toy_columns, {}, analysis.folds.learning(0)),
        model.events(analysis, toy_columns, {}, [analysis.folds.validation(0)]),
        configured(analysis, {}),
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


@pytest.mark.parametrize(("keep", "step"), [("best", 0), ("last", STEPS - 1)])
def test_of_steps_that_are_as_good_the_first_or_the_last_is_kept(
    case: Case, keep: str, step: int
) -> None:
    settings = case.analysis.optimise.model_copy(update={"keep": keep, "validate_every": 5})
    analysis = case.analysis.model_copy(update={"optimise": settings})
    found = case._replace(analysis=analysis, transform=optax.set_to_zero()).climb()
    assert np.flatnonzero(np.isfinite(found.history()["validation"])).tolist() == [0, 5, 10, 11]
    assert found.kept_step == step


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
        events=model.events(case.analysis, columns, {}, [1, 2, 3]),
        validation=model.events(case.analysis, columns, {}, [4]),
    )
    with pytest.raises(FitError, match="no signal passes the cuts at the start"):
        empty.climb()


def test_a_fold_without_signal_is_named(case: Case, toy_columns: dict[str, Columns]) -> None:
    """Before anything is compiled, whether it would teach, choose the step or be read."""
    own = toy_columns["zprime"]
    some = np.flatnonzero(folds_of(own.hash, case.analysis.folds) != 3)

    def taken(arrays: dict[str, Any]) -> dict[str, Any]:
        return {name: array[some] for name, array in arrays.items()}

    shapes = {variation: taken(values) for variation, values in own.shapes.items()}
    weights = taken(own.weights)
    few = Columns(taken(own.values), own.weight[some], own.hash[some], weights, shapes)
    for folds in ([3], [2, 3, 4]):
        with pytest.raises(
            InputError, match=r"fold 3 has no simulated event of the signal \(signal"
        ):
            model.events(case.analysis, {**toy_columns, "zprime": few}, {}, folds)


def test_nothing_to_optimise_is_an_error_that_says_so(case: Case) -> None:
    nothing = case._replace(start={"thresholds": {}, "networks": {}, "edges": {}})
    with pytest.raises(FitError, match="no cut has `tune`"):
        nothing.climb()


def test_the_search_is_reproducible_and_starts_where_the_climb_does(case: Case) -> None:
    first, second = (search(*case[:5], trials=8) for _ in range(2))
    assert first == second
    assert first.trials[0].thresholds == {"btag_1": 0.5}
    assert first.kept.validation == max(trial.validation for trial in first.trials)


def test_an_evolution_strategy_searches_two_cuts(
    toy_configuration: Callable[..., dict[str, Any]], toy_columns: dict[str, Columns]
) -> None:
    made = toy_configuration(systematics={})
    made["regions"]["signal"]["cuts"][0] = {"cut": "met > 50", "tune": [20, 200], "width": 20}
    del made["regions"]["control"]
    analysis = parse(made)
    assert analysis.searches == ("tpe", "cma_es")
    events = [
        model.events(analysis, toy_columns, {}, folds)
        for folds in (analysis.folds.learning(0), [analysis.folds.validation(0)])
    ]
    start = configured(analysis, {})
    objective = model.objective(analysis)
    first, second = (search(analysis, objective, *events, start, 40, "cma_es") for _ in range(2))
    assert first == second
    assert first.trials[0].thresholds == {"met": 50.0, "btag_1": 0.5}
    assert max(trial.value for trial in first.trials[20:]) > first.trials[0].value
    # what is left of a single cut has no covariance to adapt
    assert parse(toy_configuration()).searches == ("tpe",)
    assert parse(toy_configuration(search={"methods": ["cma_es"]})).searches == ("tpe",)


def test_the_bootstrap_is_paired_and_of_the_right_size(
    case: Case, toy_columns: dict[str, Columns]
) -> None:
    """Equal selections have equal replicas; the error of Z falls as 1 / √events."""
    folds = model.events_of_each_fold(case.analysis, toy_columns, {})
    selections = [case.start] * 5
    first, again = (bootstrap(case.objective, folds, selections, 10) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert 0.0 < first.std() < 0.3 * first.mean()


def test_the_comparison_quotes_every_selection(
    toy_configuration: Callable[..., dict[str, Any]],
    toy_columns: dict[str, Columns],
    case: Case,
) -> None:
    """With all events; Z of the union is that of its histograms, recomputed without its code."""
    analysis = parse(toy_configuration(statistics={"bootstrap": 5}))
    cuts = [0.15, 0.2, 0.25, 0.3, 0.35]
    looser = [physical(analysis, {"btag_1": cut}, {}) for cut in cuts]
    start = [case.start] * 5
    selections = {"initial": start, "climb": looser, "fixed_edges": start, "tpe": start}
    rows = {name: Row(analysis, toy_columns, chosen) for name, chosen in selections.items()}
    rows["cma_es"] = rows["climb"]  # one row under two names
    result = compare(rows, rival="tpe")
    table = result["expected_significance"]
    assert set(table["initial"]) == {"z", "error", "learning"}
    assert table["initial"] == table["tpe"]
    assert result["gain"]["tpe"] == {"difference": 0.0, "error": 0.0}
    assert result["gain"]["climb"]["difference"] == table["climb"]["z"] - table["initial"]["z"]
    assert result["difference_to_rival"]["climb"] == result["gain"]["climb"]
    assert result["gain_of_edges"] == result["gain"]["climb"]  # the start is what stays fixed
    assert result["thresholds"]["climb"] == {"btag_1": cuts}
    assert table["cma_es"] == table["climb"]
    assert result["gain"]["cma_es"] == result["gain"]["climb"]
    assert list(table) == list(rows)

    # of one fold alone, by its events alone
    objective = model.objective(analysis)
    one = [float(hard_value(looser[f], objective, model.events(
        analysis, toy_columns, {}, analysis.folds.learning(f)))) for f in range(5)]  # fmt: skip
    assert table["climb"]["learning"] == pytest.approx(np.mean(one), rel=1e-9)

    filled = fill(blinded(analysis), toy_columns, Selections.of(analysis, {"btag_1": cuts}))
    own = toy_columns["wjets"]
    cut = np.asarray(cuts, np.float32)[folds_of(own.hash, analysis.folds)]
    passed = (own.values["met"] > 50) & (own.values["btag_1"] > cut)
    edges, x = np.linspace(400, 2800, 9), np.clip(own.values["mtt"][passed], 400, 2799.9)
    found = filled["signal/wjets/nominal"].values()
    expected = np.histogram(x, edges, weights=own.weight[passed])[0]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    blind = blinded(analysis)
    spec, _ = build(blind, [sanitise(r, None)[0] for r in collect(blind, filled)])
    assert table["climb"]["z"] == pytest.approx(pyhf_significance(spec), rel=1e-5)


def pyhf_significance(spec: dict[str, Any]) -> float:
    """Z on Asimov data at μ = 1, by pyhf's own minimiser."""
    built = pyhf.Workspace(spec).model()
    values = built.config.suggested_init()
    values[built.config.poi_index] = 1.0
    fixed, bounds = built.config.suggested_fixed(), built.config.suggested_bounds()
    data = built.expected_data(values)
    return float(np.sqrt(pyhf.infer.test_statistics.q0(0.0, data, built, values, bounds, fixed)))


def test_the_loosest_cuts_keep_what_any_threshold_within_its_bounds_keeps(
    toy_configuration: Callable[..., dict[str, Any]],
) -> None:
    config = toy_configuration()
    below = {"cut": "met < 200", "tune": [50, 400], "width": 25}
    config["regions"]["signal"]["cuts"] = [*config["regions"]["signal"]["cuts"][1:], below]
    analysis = parse(config)
    found = loosest(analysis, configured(analysis, {}))["thresholds"]
    assert {name: float(value) for name, value in found.items()} == {"btag_1": 0.05, "met": 400.0}


def test_the_spread_is_that_of_a_gaussian_and_bears_outliers() -> None:
    values = np.random.default_rng(1).normal(3.0, 0.5, 4000)
    assert spread(values) == pytest.approx(0.5, rel=0.05)
    values[:20] = 1e6
    assert spread(values) == pytest.approx(0.5, rel=0.05)
    assert spread(np.array([1.0, np.nan])) == 0.0
