"""Several signals: each has its own strength unless the configuration says that they share one."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyhf
import pytest

from zenith.artefacts import Columns
from zenith.config import parse
from zenith.core.selection.objective import hard_value
from zenith.errors import ConfigError, FitError
from zenith.optimisation import model
from zenith.optimisation.compare import quoted_significance
from zenith.optimisation.selection import configured
from zenith.statistics.histograms import fill
from zenith.statistics.repair import sanitise
from zenith.statistics.templates import collect
from zenith.statistics.workspace import build

Configuration = Callable[..., dict[str, Any]]
ALL = range(5)  # folds


@pytest.fixture
def two_signals(toy_configuration: Configuration) -> Configuration:
    def config(**statistics: Any) -> dict[str, Any]:
        config = toy_configuration()
        config["processes"]["other"] = {"role": "signal", "label": "Y"}
        config["samples"]["heavy"] = {**config["samples"]["zprime"], "process": "other"}
        config["statistics"] |= statistics
        return config

    return config


@pytest.fixture(scope="module")
def columns(toy_columns: dict[str, Columns]) -> dict[str, Columns]:
    """The other signal is a tenth of W + jets, for which it is easily taken."""
    wjets = toy_columns["wjets"]
    weights = {name: 0.1 * weight for name, weight in wjets.weights.items()}
    heavy = Columns(**{**vars(wjets), "weight": 0.1 * wjets.weight, "weights": weights})
    return {**toy_columns, "heavy": heavy}


def strengths(config: dict[str, Any], columns: dict[str, Columns]) -> dict[str, set[str]]:
    """The normfactors of the workspace, and the samples that each multiplies."""
    analysis = parse(config)
    regions = collect(analysis, fill(analysis, columns))
    spec, _ = build(analysis, [sanitise(r, analysis.statistics.minimum_yield)[0] for r in regions])
    pyhf.Workspace(spec).model()
    found: dict[str, set[str]] = {}
    for channel in spec["channels"]:
        for sample in channel["samples"]:
            for modifier in sample["modifiers"]:
                if modifier["type"] == "normfactor":
                    found.setdefault(modifier["name"], set()).add(sample["name"])
    assert spec["measurements"][0]["config"]["poi"] == analysis.statistics.signal_strength
    return found


@pytest.mark.parametrize(
    ("statistics", "expected"),
    [
        ({"signal_strengths": {"mu": ["signal"]}}, {"mu": {"signal"}, "mu_other": {"other"}}),
        ({"signal_strengths": {"mu": ["signal", "other"]}}, {"mu": {"signal", "other"}}),
        (
            {"signal_strengths": {"a": ["other"], "b": ["signal"]}, "signal_strength": "b"},
            {"b": {"signal"}, "a": {"other"}},
        ),
    ],
)
def test_each_signal_has_the_strength_that_the_configuration_says(
    two_signals: Configuration,
    columns: dict[str, Columns],
    statistics: dict[str, Any],
    expected: dict[str, set[str]],
) -> None:
    found = strengths(two_signals(**statistics), columns)
    found.pop("ttbar_norm")
    assert found == expected


def test_the_climb_sees_the_strengths_of_the_quoted_fit(
    two_signals: Configuration, columns: dict[str, Columns]
) -> None:
    """And a signal that shares the strength adds to its significance."""
    found = []
    for shared in (("signal",), ("signal", "other")):
        analysis = parse(two_signals(signal_strengths={"mu": shared}))
        start = configured(analysis, {})
        events = model.events(analysis, columns, {}, ALL)
        value = float(hard_value(start, model.objective(analysis), events))
        expected = quoted_significance(analysis, columns)
        assert value == pytest.approx(expected, rel=1e-6)
        found.append(value)
    assert found[0] < found[1]


def test_one_signal_in_use_needs_no_word(two_signals: Configuration) -> None:
    config = two_signals() | {"only_samples": ["heavy", "ttbar", "wjets", "collisions"]}
    assert parse(config).signal_strengths == {"mu": ("other",)}


@pytest.mark.parametrize(
    ("statistics", "message"),
    [
        ({}, r"signal, other are signals; say which .*\{mu: \[signal\]\}.*\{mu: \[signal, other\]"),
        ({"signal_strengths": {"a": ["signal"]}}, r"signal_strength: 'mu' is of interest but not"),
        ({"signal_strengths": {"mu": ["ttbar"]}}, r"signal_strengths\.mu.*'ttbar'.*signal, other"),
        (
            {"signal_strengths": {"mu": ["signal"], "b": ["signal"]}},
            r"signal_strengths\.b: 'signal' is multiplied by 'mu' already",
        ),
    ],
)
def test_what_is_not_said_or_contradicts_is_an_error(
    two_signals: Configuration, statistics: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(two_signals(**statistics))


def test_the_signal_of_interest_is_needed(
    two_signals: Configuration, columns: dict[str, Columns]
) -> None:
    config = two_signals(signal_strengths={"mu": ["signal"]}) | {"only_samples": ["[!z]*"]}
    with pytest.raises(FitError, match=r"no sample of a signal process .* add one of signal"):
        model.objective(parse(config))


def test_strengths_and_nuisances_have_different_names(two_signals: Configuration) -> None:
    config = two_signals(signal_strengths={"mu": ["signal"], "lumi": ["other"]})
    with pytest.raises(ConfigError, match="two parameters of the fit are called 'lumi'"):
        model.objective(parse(config))


def test_smoothing_and_pruning_act_in_the_climb(
    toy_configuration: Configuration, toy_columns: dict[str, Columns]
) -> None:
    """The hard objective is pyhf's significance of a workspace that both have changed."""
    config = toy_configuration()
    config["systematics"]["jes"]["smooth"] = True
    config["systematics"]["generator"]["smooth"] = True
    seen = []
    for prune in (0.0, 0.08):
        config["statistics"]["prune"] = prune
        analysis = parse(config)
        start = configured(analysis, {})
        events = model.events(analysis, toy_columns, {}, ALL)
        value = float(hard_value(start, model.objective(analysis), events))
        expected = quoted_significance(analysis, toy_columns)
        assert value == pytest.approx(expected, rel=1e-6)
        seen.append(value)
    rough = parse(toy_configuration())
    seen.append(quoted_significance(rough, toy_columns))
    assert np.abs(np.subtract.outer(seen, seen)[np.triu_indices(3, 1)]).min() > 1e-4
