"""The efficient score of a toy analysis: its parameters, its files and what must not be."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from zenith.artefacts import Columns
from zenith.config import Analysis, parse
from zenith.config.efficient_score import Cells, EfficientScoreSettings
from zenith.core.networks.boosted_trees import BoostedTrees
from zenith.errors import ConfigError, InputError
from zenith.training import response
from zenith.training.efficient_score import (
    Summary,
    in_cells,
    is_background,
    parameter_scores,
    rate_parameters,
    summarise,
)
from zenith.training.examples import examples
from zenith.training.response import Events
from zenith.training.score_files import (
    Responses,
    load_responses,
    load_score,
    save_responses,
    save_score,
)
from zenith.training.train import train

FOLD = 1
TREES = {
    "type": "boosted_trees",
    "classes": {"signal": ["zprime"], "ttbar": ["ttbar"], "wjets": ["wjets"]},
    "features": ["mtt", "met", "btag_1"],
    "cuts": ["met > 50"],
    "trees": 40,
    "leaves": 8,
}


def configured(make: Callable[..., dict[str, Any]], **changes: Any) -> Analysis:
    summary = {"network": "trees", "bins": 6}
    return parse(make(mva={"trees": TREES}, summary=summary, **changes))


@pytest.fixture(scope="module")
def analysis(toy_configuration: Callable[..., dict[str, Any]]) -> Analysis:
    return configured(toy_configuration)


@pytest.fixture(scope="module")
def made(analysis: Analysis, toy_columns: dict[str, Columns]) -> Summary:
    folds, mva = analysis.folds, analysis.mva["trees"]
    learning, validation = (
        examples("trees", mva, toy_columns, folds, chosen)
        for chosen in (folds.learning(FOLD), [folds.validation(FOLD)])
    )
    ratios = train("trees", mva, learning, validation, seed=1).network
    nominal = response.simulated_events(analysis, toy_columns, mva)
    assert analysis.summary is not None
    found = response.learn_all(analysis, toy_columns, analysis.summary, mva, FOLD)
    scales = {name: one.scale for name, one in found.items()} | {"pileup": 0.0}
    scales = {name: scales[name] for name in found}
    network = response.together(mva.features, found)
    return summarise(analysis, analysis.summary, mva, ratios, network, scales, nominal, FOLD)


def test_rates_are_derivatives_of_logarithms(analysis: Analysis) -> None:
    found = {parameter.name: parameter for parameter in rate_parameters(analysis)}
    assert set(found) == {"lumi", "xsec_wjets", "ttbar_norm"}
    # hi = 1.2, lo = 0.8: the slope of ln(yield) between them
    assert found["xsec_wjets"].rates == {"wjets": pytest.approx(0.5 * np.log(1.2 / 0.8))}
    assert found["ttbar_norm"].prior == 0.0
    assert found["lumi"].rates["signal"] == pytest.approx(0.02, rel=1e-3)


def test_nothing_of_it_responds_to_the_nuisance_parameters(
    analysis: Analysis, toy_columns: dict[str, Columns], made: Summary
) -> None:
    """On the validation fold Σ w t s_ν is a (P + I) - I a = a P, one nuisance at a time."""
    mva = analysis.mva["trees"]
    events = response.simulated_events(analysis, toy_columns, mva)
    seen = events.of([analysis.folds.validation(FOLD)])
    weight = seen.weight * events.weight.sum() / seen.weight.sum()
    scores = parameter_scores(made.score, seen.x)
    t = scores[0] - np.asarray(made.score.projected.coefficients, float) @ scores[1:]
    prior = np.array([parameter.prior for parameter in made.parameters])
    left = (scores[1:] * weight) @ t
    used = made.projection.coefficients != 0.0
    expected = prior * made.projection.coefficients
    assert left[used] == pytest.approx(expected[used], abs=2e-3)
    assert np.sum(weight * t * scores[0]) == pytest.approx(made.projection.information, rel=1e-3)


def test_what_is_noise_is_left_out(made: Summary) -> None:
    names = [parameter.name for parameter in made.parameters]
    at = names.index("pileup")  # its scale is 0
    assert made.projection.coefficients[at] == 0.0
    assert made.projection.costs[at] == 0.0
    assert made.projection.information <= made.projection.unprofiled


def test_its_bins_hold_as_many_effective_events_as_asked(
    analysis: Analysis, toy_columns: dict[str, Columns], made: Summary
) -> None:
    events = response.simulated_events(analysis, toy_columns, analysis.mva["trees"])
    seen = events.of([analysis.folds.validation(FOLD)])
    place = np.asarray(made.score.scores(jnp.asarray(seen.x)))[0]
    background = is_background(analysis, seen)
    index = np.floor(place * 6).astype(int)[background]
    weight = seen.weight[background]
    effective = np.bincount(index, weight, 6) ** 2 / np.bincount(index, weight**2, 6)
    assert analysis.summary is not None
    assert effective.min() >= 0.95 * analysis.summary.effective_events  # edges in float32
    assert 0.9 < made.kept <= 1.0


def test_a_file_holds_all_of_it(analysis: Analysis, made: Summary, tmp_path: Path) -> None:
    mva, path = analysis.mva["trees"], tmp_path / "score.safetensors"
    save_score(path, made.score, mva, {"fold": FOLD})
    again, metadata = load_score(path, mva, 6)
    x = jnp.asarray(np.random.default_rng(1).uniform(0.0, 2000.0, (3, 50)), jnp.float32)
    assert (np.asarray(again.scores(x)) == np.asarray(made.score.scores(x))).all()
    assert isinstance(again.responses, BoostedTrees)
    assert metadata == {"fold": FOLD}
    with pytest.raises(InputError, match=r"has 6 bins, summary\.bins asks for 7"):
        load_score(path, mva, 7)
    other = mva.model_copy(update={"features": ("mtt", "met")})
    with pytest.raises(InputError, match=r"features .*; run `zenith efficient_score`"):
        load_score(path, other)


def seen_by(analysis: Analysis, columns: dict[str, Columns]) -> Events:
    events = response.simulated_events(analysis, columns, analysis.mva["trees"])
    return events.of([analysis.folds.validation(FOLD)])


def with_cells(analysis: Analysis, **cells: Any) -> EfficientScoreSettings:
    assert analysis.summary is not None
    return analysis.summary.model_copy(update={"bins": 3, "cells": Cells(**cells)})


def costs_of(made: Summary) -> dict[str, float]:
    names = [parameter.name for parameter in made.parameters]
    return dict(zip(names, made.projection.costs.tolist(), strict=True))


def test_cells_are_of_the_parameter_that_costs_most(
    analysis: Analysis, toy_columns: dict[str, Columns], made: Summary, tmp_path: Path
) -> None:
    """Their bins are filled as asked, and keep what is counted in them by hand."""
    seen, costs = seen_by(analysis, toy_columns), costs_of(made)
    settings = with_cells(analysis, number=2)
    found = in_cells(analysis, settings, made.score, costs, seen)
    assert found.nuisance == max(costs, key=lambda name: costs[name])
    scores = parameter_scores(made.score, seen.x)
    t = scores[0] - np.asarray(made.score.projected.coefficients, float) @ scores[1:]
    own = scores[1 + list(costs).index(found.nuisance)]
    place = np.asarray(found.score.scores(jnp.asarray(seen.x)))[0]
    assert ((place >= 0.5) == (own >= found.borders[0])).mean() > 0.999  # a border in float32
    index, background = np.floor(6 * place).astype(int), is_background(analysis, seen)
    weight = seen.weight * background
    effective = np.bincount(index, weight, 6) ** 2 / np.bincount(index, weight**2, 6)
    assert effective.min() >= 0.95 * settings.effective_events
    total, moment = (np.bincount(index, seen.weight * power, 6) for power in (1.0, t))
    kept = np.sum(moment**2 / total) / np.sum(seen.weight * t**2)
    assert found.kept == pytest.approx(kept, rel=2e-3)
    # of all divisions into two, none keeps more of the information on the parameter itself
    below = np.cumsum(np.stack([seen.weight, seen.weight * own])[:, np.argsort(own)], axis=1)
    above = below[:, -1:] - below
    gain = [part[1, :-1] ** 2 / part[0, :-1] for part in (below, above)]
    sides = [own < found.borders[0], own >= found.borders[0]]
    mine = sum((seen.weight @ (own * s)) ** 2 / (seen.weight @ s) for s in sides)
    filled = np.cumsum(weight[np.argsort(own)]) > 0.05 * weight.sum()
    filled &= filled[::-1]
    assert mine >= 0.98 * np.max((gain[0] + gain[1])[filled[:-1]])

    mva, path = analysis.mva["trees"], tmp_path / "score.safetensors"
    save_score(path, found.score, mva, {"fold": FOLD})
    again, _ = load_score(path, mva, 3, 2)
    np.testing.assert_array_equal(again.scores(jnp.asarray(seen.x))[0], place)
    with pytest.raises(InputError, match=r"has 2 cells, summary\.cells asks for 1; run"):
        load_score(path, mva, 3)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"nuisance": "jer"}, r"cells\.nuisance: 'jer' is none: .* there is lumi, .*jes"),
        ({"nuisance": "pileup"}, r"cells\.nuisance: 'pileup' is none: "),  # which is noise
        ({"number": 20}, r"cells: the background fills \d+ cells of \w+ with 3 bins each, not 20"),
    ],
)
def test_cells_that_cannot_be(
    analysis: Analysis,
    toy_columns: dict[str, Columns],
    made: Summary,
    cells: dict[str, Any],
    message: str,
) -> None:
    settings, costs = with_cells(analysis, **cells), costs_of(made)
    settings = settings.model_copy(update={"effective_events": 100.0})
    with pytest.raises(InputError, match=r"summary\." + message):
        in_cells(analysis, settings, made.score, costs, seen_by(analysis, toy_columns))


def test_cells_need_a_nuisance_parameter(
    analysis: Analysis, toy_columns: dict[str, Columns], made: Summary
) -> None:
    nothing = dict.fromkeys(costs_of(made), 0.0)
    with pytest.raises(InputError, match=r"there is none: remove summary\.cells"):
        in_cells(
            analysis, with_cells(analysis), made.score, nothing, seen_by(analysis, toy_columns)
        )


def test_responses_keep_their_order_in_a_file(made: Summary, tmp_path: Path) -> None:
    """Which is that of the outputs of the network, and here not that of the alphabet."""
    trees = made.score.responses
    assert isinstance(trees, BoostedTrees)
    assert list(trees.classes) == ["pileup", "jes", "generator"]
    scales = {name: float(k) for k, name in enumerate(trees.classes)}
    significances = {name: 10.0 + k for name, k in scales.items()}
    path = tmp_path / "fold_1.safetensors"
    save_responses(path, Responses(trees, scales, significances, {"fold": FOLD}))
    again = load_responses(path)
    assert list(again.scales.items()) == list(scales.items())
    assert list(again.significances.items()) == list(significances.items())
    assert again.network is not None
    x = jnp.asarray(np.random.default_rng(2).uniform(0.0, 2000.0, (3, 20)), jnp.float32)
    assert (np.asarray(again.network.logits(x)) == np.asarray(trees.logits(x))).all()


def test_too_many_bins_are_refused(
    analysis: Analysis, toy_columns: dict[str, Columns], made: Summary
) -> None:
    assert analysis.summary is not None
    mva = analysis.mva["trees"]
    many = analysis.summary.model_copy(update={"effective_events": 1500.0})
    responses = made.score.responses
    assert isinstance(responses, BoostedTrees)
    scales = dict(zip(responses.classes, np.asarray(made.score.scales).tolist(), strict=True))
    with pytest.raises(InputError, match=r"summary\.bins: the background fills \d bins"):
        summarise(
            analysis,
            many,
            mva,
            made.score.ratios,
            responses,
            scales,
            response.simulated_events(analysis, toy_columns, mva),
            FOLD,
        )


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ({"a": ["zprime", "ttbar"], "b": ["wjets"]}, "the class 'a' .* holds signal and"),
        ({"a": ["ttbar"], "b": ["wjets"]}, "are not a signal and"),
    ],
)
def test_the_signal_needs_a_class_of_its_own(
    toy_configuration: Callable[..., dict[str, Any]], classes: dict[str, Any], message: str
) -> None:
    mva = {"trees": {**TREES, "classes": classes}}
    with pytest.raises(ConfigError, match=rf"summary\.network: .*{message}"):
        parse(toy_configuration(mva=mva, summary={"network": "trees"}))


def test_an_unknown_network_is_named(toy_configuration: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(ConfigError, match=r"summary\.network.*'tree'.*trees"):
        parse(toy_configuration(mva={"trees": TREES}, summary={"network": "tree"}))


@pytest.mark.parametrize("name", ["efficient_score", "efficient_score_2"])
def test_its_regions_need_names_of_their_own(
    toy_configuration: Callable[..., dict[str, Any]], name: str
) -> None:
    config = toy_configuration(mva={"trees": TREES})
    config["summary"] = {"network": "trees", "cells": {"number": 2}}
    config["regions"][name] = config["regions"]["control"]
    with pytest.raises(ConfigError, match=f"summary: a region, .* is called '{name}' already"):
        parse(config)
