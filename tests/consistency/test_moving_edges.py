"""Bin edges that the climb moves: the fit that is quoted with them is the one that was climbed."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

from zenith.artefacts import Columns, write_json
from zenith.config import Analysis, parse
from zenith.core.selection.objective import hard_value
from zenith.errors import ConfigError, InputError
from zenith.events.folds import folds_of
from zenith.optimisation import ascent, model
from zenith.optimisation.compare import quoted_significance
from zenith.optimisation.selection import configured, hard_edges, physical
from zenith.statistics.histograms import fill
from zenith.statistics.selections import Selections, read_selections

# bins that straddle the resonance at 2 TeV: better ones are easily found
EDGES = [400.0, 1400.0, 2000.0, 2800.0]


@pytest.fixture(scope="module")
def analysis(toy_configuration: Callable[..., dict[str, Any]]) -> Analysis:
    config = toy_configuration(optimise={"steps": 30, "learning_rates": {"edges": 0.1}})
    fit = {"observable": "mtt", "edges": EDGES, "tune_edges": 50.0}
    config["regions"]["signal"]["fit"] = fit
    return parse(config)


def test_moved_edges_gain_and_are_quoted_as_climbed(
    analysis: Analysis, toy_columns: dict[str, Columns]
) -> None:
    objective = model.objective(analysis)
    events = model.events(analysis, toy_columns, {}, range(analysis.folds.number))
    transform = ascent.optimiser(analysis)
    moving = ascent.climb(analysis, objective, events, events, configured(analysis, {}), transform)
    edges = hard_edges(events, moving.kept)
    assert moving.kept_value > 1.1 * moving.rows[0]["validation"]
    assert [edges["signal"][k] for k in (0, -1)] == [400.0, 2800.0]
    steps = np.diff(edges["signal"]) / 50.0
    np.testing.assert_allclose(steps, np.round(steps))
    assert (steps >= 1).all()
    threshold = float(moving.kept["thresholds"]["btag_1"])
    value = float(hard_value(moving.kept, objective, events))
    hard = Selections.of(analysis, {"btag_1": threshold}, edges)
    assert value == pytest.approx(quoted_significance(analysis, toy_columns, hard), rel=1e-6)


def test_edges_of_each_fold_meet_in_the_bins_of_the_union(
    analysis: Analysis, toy_columns: dict[str, Columns]
) -> None:
    """An event is binned with the edges of its fold; the axis has their mean."""
    inner = [(1400.0 + 50 * f, 2000.0 + 100 * f) for f in range(5)]
    edges = [[400.0, *pair, 2800.0] for pair in inner]
    filled = fill(
        analysis, toy_columns, Selections.of(analysis, {"btag_1": 0.5}, {"signal": edges})
    )
    own = toy_columns["ttbar"]
    passed = (own.values["met"] > 50) & (own.values["btag_1"] > 0.5)
    fold, x = folds_of(own.hash, analysis.folds), np.clip(own.values["mtt"], 400, 2799.9)
    expected = np.zeros(3)
    for f in range(5):
        here = passed & (fold == f)
        expected += np.histogram(x[here], edges[f], weights=own.weight[here])[0]
    found = filled["signal/ttbar/nominal"]
    np.testing.assert_allclose(found.values(), expected, rtol=1e-12)
    np.testing.assert_allclose(found.axes[0].edges, [400, 1500, 2200, 2800])


def test_edges_that_are_fixed_do_not_move(analysis: Analysis) -> None:
    start = configured(analysis, {})
    uphill = jax.tree.map(lambda leaf: 1.0 + 0.0 * leaf, start)
    for move_edges in (True, False):
        transform = ascent.optimiser(analysis, move_edges=move_edges)
        step, _ = transform.update(uphill, transform.init(start), start)
        assert float(step["thresholds"]["btag_1"]) != 0.0
        assert bool((step["edges"]["signal"].logits != 0.0).any()) == move_edges


def test_edges_come_back_from_a_file(analysis: Analysis, toy_columns: dict[str, Columns]) -> None:
    edges = {"signal": [400.0, 1750.0, 2250.0, 2800.0]}
    events = model.events(analysis, toy_columns, {}, [0])
    assert hard_edges(events, physical(analysis, {"btag_1": 0.5}, {}, edges)) == edges


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ({"control": [400, 800, 1200, 2800]}, "'control' is not defined; there is signal"),
        ({"signal": [400, 800, 2800]}, "3 edges from 400 to 2800, the configuration has 4"),
        ({"signal": [300, 800, 900, 2800]}, "4 edges from 300 to 2800"),
    ],
)
def test_edges_of_another_configuration_are_refused(
    analysis: Analysis, tmp_path: Any, edges: dict[str, list[float]], message: str
) -> None:
    path = tmp_path / "optimised.json"
    write_json(path, {"thresholds": {}, "edges": edges})
    with pytest.raises(InputError, match=message) as error:
        read_selections(analysis, [str(path)])
    assert str(path) in str(error.value)


def test_a_step_that_does_not_divide_the_edges_is_refused(
    toy_configuration: Callable[..., dict[str, Any]],
) -> None:
    config = toy_configuration()
    config["regions"]["signal"]["fit"]["tune_edges"] = 70.0
    with pytest.raises(ConfigError, match=r"regions\.signal\.fit.*steps of 70"):
        parse(config)
