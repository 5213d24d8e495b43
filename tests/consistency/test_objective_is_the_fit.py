"""The objective of an analysis is the model of its quoted fit."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from zenith.artefacts import Columns
from zenith.config import Analysis, parse
from zenith.core.selection.objective import hard_templates, hard_value
from zenith.optimisation import model
from zenith.optimisation.compare import quoted_significance
from zenith.optimisation.selection import starts
from zenith.statistics.histograms import fill
from zenith.statistics.model import simulated_shares
from zenith.systematics.shape import ShapeSystematic
from zenith.systematics.weight import WeightSystematic


def significance(
    analysis: Analysis, columns: dict[str, Columns], part: str, **options: Any
) -> float:
    start = next(starts(analysis, {}))
    objective = model.objective(analysis, **options)
    return float(hard_value(start, objective, model.events(analysis, columns, {}, part)))


@pytest.mark.parametrize("part", ["optimise", "validate", "test"])
def test_hard_objective_is_pyhfs_significance(
    toy_analysis: Analysis, toy_columns: dict[str, Columns], part: str
) -> None:
    """Rates, weights, shapes, another sample, a free rate and simulated statistics together.

    Both minimise the same likelihood; minuit stops at an estimated distance of 1e-9 in -2 log L.
    """
    expected = quoted_significance(toy_analysis, toy_columns, {"btag_1": 0.5}, part)
    assert significance(toy_analysis, toy_columns, part) == pytest.approx(expected, rel=1e-6)


def test_a_kind_with_one_modifier_is_the_same_in_both(
    toy_analysis: Analysis, toy_columns: dict[str, Columns]
) -> None:
    """Yield and shape of a kind may be a histosys alone, or its yield a normsys alone."""

    class Linear(ShapeSystematic):
        modifiers = ("histosys",)

    class Yield(WeightSystematic):
        modifiers = ("normsys",)

    systematics = dict(toy_analysis.systematics)
    for name, kind in (("jes", Linear), ("pileup", Yield)):
        systematics[name] = kind.model_validate(systematics[name].model_dump())
    analysis = toy_analysis.model_copy(update={"systematics": systematics})
    types = {name: set() for name in systematics}
    for modifier in model.objective(analysis).structure.modifiers:
        types.get(modifier.name, set()).add(modifier.type)
    assert types["jes"] == {"histosys"}
    assert types["pileup"] == {"normsys"}
    assert types["generator"] == {"histosys", "normsys"}
    expected = quoted_significance(analysis, toy_columns, {"btag_1": 0.5}, "test")
    assert significance(analysis, toy_columns, "test") == pytest.approx(expected, rel=1e-6)
    both = quoted_significance(toy_analysis, toy_columns, {"btag_1": 0.5}, "test")
    assert expected != pytest.approx(both, rel=1e-4)


def test_the_climb_has_the_precision_of_the_quoted_fit(
    toy_analysis: Analysis, toy_columns: dict[str, Columns]
) -> None:
    """Variances of a part are those of as many events as `test` has; they differ by chance."""
    start = next(starts(toy_analysis, {}))
    objective = model.objective(toy_analysis)
    sizes = {}
    for part in ("validate", "test"):  # 0.15 and 0.3 of the events
        found = hard_templates(start, objective, model.events(toy_analysis, toy_columns, {}, part))
        sizes[part] = float((found.uncertainty**2).sum())
    assert sizes["validate"] == pytest.approx(sizes["test"], rel=0.1)


def test_nuisances_cost_significance(
    toy_analysis: Analysis, toy_columns: dict[str, Columns]
) -> None:
    everything = significance(toy_analysis, toy_columns, "test")
    nothing = significance(toy_analysis, toy_columns, "test", with_nuisances=False)
    assert 0.0 < everything < nothing


def test_a_counting_experiment_has_its_closed_form(
    toy_configuration: Callable[..., dict[str, Any]], toy_columns: dict[str, Columns]
) -> None:
    """arXiv:1007.1727, equation 97, for one bin and no uncertainty."""
    region = {
        "label": "one bin",
        "cuts": [{"cut": "met > 50", "tune": [10, 100], "width": 10}],
        "fit": {"observable": "mtt", "edges": [0, 10000]},
    }
    config = toy_configuration(
        regions={"signal": region},
        systematics={},
        statistics={"mc_statistics": False},
    )
    config["eras"]["2016"]["luminosity_uncertainties"] = {}
    analysis = parse(config)
    yields = {}
    for sample in ("zprime", "ttbar", "wjets"):
        own = toy_columns[sample]
        chosen = (own.split == 3) & (own.values["met"] > 50)
        yields[sample] = own.weight[chosen].sum() / 0.3
    s, b = yields["zprime"], yields["ttbar"] + yields["wjets"]
    expected = math.sqrt(2 * ((s + b) * math.log1p(s / b) - s))
    assert significance(analysis, toy_columns, "test") == pytest.approx(expected, rel=1e-6)


def test_columns_that_nothing_reads_are_not_needed(
    toy_analysis: Analysis, toy_columns: dict[str, Columns]
) -> None:
    zprime = toy_columns["zprime"]
    more = {**zprime.values, "unused": np.full(len(zprime.weight), np.nan, np.float32)}
    columns = {**toy_columns, "zprime": Columns(**{**vars(zprime), "values": more})}
    assert significance(toy_analysis, columns, "test") > 0


def test_a_region_that_nothing_moves_is_quoted_with_all_events(
    toy_configuration: Callable[..., dict[str, Any]], toy_columns: dict[str, Columns]
) -> None:
    config = toy_configuration()
    config["regions"]["control"]["cuts"] = ["met > 50", "btag_1 <= 0.5"]
    analysis = parse(config)
    found = simulated_shares(analysis, "optimise")
    np.testing.assert_allclose(found["signal"], 1.0)  # 0.3 of 0.3
    np.testing.assert_allclose(found["control"], 0.3)
    start = next(starts(analysis, {}))
    events = model.events(analysis, toy_columns, {}, "optimise")
    templates = hard_templates(start, model.objective(analysis), events)
    histograms = fill(analysis, toy_columns)
    for region, bins in (("signal", slice(0, 8)), ("control", slice(8, 11))):
        quoted = sum(histograms[f"{region}/{p}/nominal"].variances() for p in ("wjets", "ttbar"))
        climbed = (np.asarray(templates.uncertainty) ** 2).sum(axis=(0, 1))[bins]
        assert climbed.sum() == pytest.approx(quoted.sum(), rel=0.1)
