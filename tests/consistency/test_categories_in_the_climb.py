"""Categories that the climb moves: the fit that is quoted with them is the one that was climbed."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
import pytest

from zenith.artefacts import Columns
from zenith.config import Analysis, parse
from zenith.core.networks.network import Network
from zenith.core.selection.objective import stacked, union_templates, value_and_bin_gradient
from zenith.errors import InputError
from zenith.events.folds import folds_of
from zenith.optimisation import ascent, model
from zenith.optimisation.categories import begun
from zenith.optimisation.compare import quoted_significance, selections_of
from zenith.optimisation.selection import Physical, all_thresholds, starts
from zenith.statistics.histograms import fill
from zenith.training.scores import add_unseen_scores

Configure = Callable[..., dict[str, Any]]
FOLDS = {"number": 3, "salt": 2}
MVA = {
    "net": {
        "classes": {"background": ["ttbar", "wjets"], "signal": ["zprime"]},
        "features": ["met", "btag_1"],
        "hidden": [4],
    }
}
BY_SCORE = {"score": "btag_1", "number": 3, "tune": [0, 1], "width": 0.1}
BY_NETWORK = {"network": "net", "number": 3, "width": 0.3}
IN_SCORE = {"observable": "net", "edges": [0, 0.45, 0.55, 1]}


def configured(configure: Configure, **region: Any) -> Analysis:
    """The toy with three folds, whose signal region has other keys, and a network."""
    config = configure(mva=MVA, folds=FOLDS, optimise={"steps": 6})
    config["regions"]["signal"] |= region
    return parse(config)


def networks(analysis: Analysis) -> dict[str, Network]:
    """Those in use: untrained, but scaled, so that scores are neither 0 nor 1."""
    features = np.array([[0.0, 240.0], [0.3, 0.9]])
    return {
        name: mva.create(jax.random.key(3)).scaled_to(features, np.ones(2))
        for name, mva in analysis.networks_in_use.items()
    }


def climbed(analysis: Analysis, columns: Mapping[str, Columns], fold: int) -> list[Physical]:
    """Where a short climb of a fold begins, and what it keeps."""
    start = begun(analysis, columns, networks(analysis), fold)
    folds = analysis.folds
    parts = [folds.learning(fold), [folds.validation(fold)]]
    events = [model.events(analysis, columns, start["networks"], part) for part in parts]
    transform = ascent.optimiser(analysis)
    found = ascent.climb(
        analysis, model.objective(analysis), *events, next(starts(analysis, start)), transform
    )
    assert found.rows[-1]["value"] > found.rows[0]["value"]
    return [start, found.kept]


def quoted_both_ways(
    analysis: Analysis, columns: Mapping[str, Columns], chosen: list[Physical]
) -> tuple[float, float]:
    """The expected significance of the union of the folds: by the core, and by pyhf."""
    of_folds = model.events_of_each_fold(analysis, columns, chosen[0]["networks"])
    objective = model.objective(analysis)
    templates = union_templates(stacked(chosen), objective, of_folds)
    value = float(value_and_bin_gradient(objective, templates)[0])
    of_fold = [selection["networks"] for selection in chosen]
    scored = {s: add_unseen_scores(own, of_fold, analysis.folds) for s, own in columns.items()}
    hard = selections_of(analysis, of_folds, chosen)
    return value, quoted_significance(analysis, scored, hard)


@pytest.mark.parametrize(
    "region",
    [
        {"categories": BY_SCORE},
        {"categories": BY_NETWORK},
        {"categories": BY_SCORE, "fit": IN_SCORE},
        {"categories": {"score": "btag_1", "number": 3}},
    ],
    ids=["edges", "network", "fit of a moving score", "edges of each fold that stay"],
)
def test_what_was_climbed_is_quoted(
    toy_configuration: Configure, toy_columns: dict[str, Columns], region: dict[str, Any]
) -> None:
    analysis = configured(toy_configuration, **region)
    found = [climbed(analysis, toy_columns, fold) for fold in range(3)]
    for which in (0, 1):
        value, quoted = quoted_both_ways(analysis, toy_columns, [pair[which] for pair in found])
        assert value > 0.5
        assert value == pytest.approx(quoted, rel=1e-6)
    moved = [all_thresholds(analysis, selection) for selection in found[0]]
    if "score" in region["categories"]:
        changed = [moved[0][f"signal_edge_{k}"] != moved[1][f"signal_edge_{k}"] for k in (1, 2)]
        assert changed == [analysis.moving_categories != []] * 2


def test_categories_add_up_to_the_region(
    toy_configuration: Configure, toy_columns: dict[str, Columns]
) -> None:
    whole = parse(toy_configuration(folds=FOLDS))
    analysis = configured(toy_configuration, categories=BY_NETWORK)
    chosen = [begun(analysis, toy_columns, networks(analysis), fold) for fold in range(3)]
    of_fold = [selection["networks"] for selection in chosen]
    scored = {s: add_unseen_scores(own, of_fold, analysis.folds) for s, own in toy_columns.items()}
    parts = fill(analysis, scored)
    for name, expected in fill(whole, toy_columns).items():
        region, _, rest = name.partition("/")
        if region == "signal":
            found = [parts[f"signal_{k}/{rest}"] for k in (1, 2, 3)]
            np.testing.assert_allclose(
                sum(h.values() for h in found), expected.values(), rtol=1e-12, atol=1e-12
            )
            assert all(h.variances().sum() > 0 for h in found)
        else:
            np.testing.assert_array_equal(parts[name].view(), expected.view())


def test_a_fold_does_not_teach_where_its_own_categories_begin(
    toy_configuration: Configure, toy_columns: dict[str, Columns]
) -> None:
    analysis = configured(toy_configuration, categories=BY_SCORE)
    before = all_thresholds(analysis, begun(analysis, toy_columns, networks(analysis), 1))
    changed = {}
    for sample, own in toy_columns.items():
        values = {name: array.copy() for name, array in own.values.items()}
        here = folds_of(own.hash, analysis.folds) == 1
        values["btag_1"][here] = 0.5
        changed[sample] = dataclasses.replace(own, values=values)
    assert all_thresholds(analysis, begun(analysis, changed, networks(analysis), 1)) == before
    assert all_thresholds(analysis, begun(analysis, changed, networks(analysis), 2)) != before


def test_more_categories_than_the_events_carry_are_refused(
    toy_configuration: Configure, toy_columns: dict[str, Columns]
) -> None:
    many = {**BY_SCORE, "number": 9, "minimum_events": 1500}
    analysis = configured(toy_configuration, categories=many)
    with pytest.raises(InputError, match=r"regions\.signal\.categories\.number: 9 .* carry \d, "):
        begun(analysis, toy_columns, networks(analysis), 0)
    none = {**BY_SCORE, "minimum_events": 1e9}
    analysis = configured(toy_configuration, categories=none)
    with pytest.raises(InputError, match=r"regions\.signal\.categories: .* lower minimum_events"):
        begun(analysis, toy_columns, networks(analysis), 0)
