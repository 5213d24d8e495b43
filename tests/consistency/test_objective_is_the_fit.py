"""The objective of an analysis is the model of its quoted fit."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from zenith.artefacts import Columns
from zenith.config import Analysis, parse
from zenith.core.selection.objective import (
    hard_templates,
    hard_value,
    stacked,
    union_templates,
    value_and_bin_gradient,
)
from zenith.optimisation import model
from zenith.optimisation.compare import Row, compare, quoted_significance
from zenith.optimisation.selection import configured, physical
from zenith.statistics.histograms import fill
from zenith.statistics.selections import Selections
from zenith.systematics.shape import ShapeSystematic
from zenith.systematics.weight import WeightSystematic

QUICK = {"mc_statistics": False, "bootstrap": 20}


def significance(analysis: Analysis, columns: dict[str, Columns], **options: Any) -> float:
    start = configured(analysis, {})
    objective = model.objective(analysis, **options)
    events = model.events(analysis, columns, {}, range(analysis.folds.number))
    return float(hard_value(start, objective, events))


def test_hard_objective_is_pyhfs_significance(
    toy_analysis: Analysis, toy_columns: dict[str, Columns]
) -> None:
    """Rates, weights, shapes, another sample, a free rate and simulated statistics together.

    Both minimise the same likelihood; minuit stops at an estimated distance of 1e-9 in -2 log L.
    """
    expected = quoted_significance(toy_analysis, toy_columns)
    assert significance(toy_analysis, toy_columns) == pytest.approx(expected, rel=1e-6)


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
    expected = quoted_significance(analysis, toy_columns)
    assert significance(analysis, toy_columns) == pytest.approx(expected, rel=1e-6)
    both = quoted_significance(toy_analysis, toy_columns)
    assert expected != pytest.approx(both, rel=1e-4)


def test_the_climb_has_the_precision_of_the_quoted_fit(
    toy_analysis: Analysis, toy_columns: dict[str, Columns]
) -> None:
    """Variances of some folds are scaled to those of all: they differ by chance."""
    start = configured(toy_analysis, {})
    objective = model.objective(toy_analysis)
    histograms = fill(toy_analysis, toy_columns)
    names = [f"{r}/{p}/nominal" for r in ("signal", "control") for p in ("wjets", "ttbar")]
    quoted = sum(histograms[name].variances().sum() for name in names)
    for folds in ([0], [1, 2, 3]):
        events = model.events(toy_analysis, toy_columns, {}, folds)
        found = hard_templates(start, objective, events)
        assert float((found.uncertainty**2).sum()) == pytest.approx(quoted, rel=0.1)


def test_nuisances_cost_significance(
    toy_analysis: Analysis, toy_columns: dict[str, Columns]
) -> None:
    everything = significance(toy_analysis, toy_columns)
    nothing = significance(toy_analysis, toy_columns, with_nuisances=False)
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
        yields[sample] = own.weight[own.values["met"] > 50].sum()
    s, b = yields["zprime"], yields["ttbar"] + yields["wjets"]
    expected = math.sqrt(2 * ((s + b) * math.log1p(s / b) - s))
    assert significance(analysis, toy_columns) == pytest.approx(expected, rel=1e-6)

    # what is compared where precision is the objective: the error of μ at 1, and by how much less
    precise = parse(config | {"optimise": {"objective": "precision"}, "statistics": QUICK})
    cuts = {"initial": 50.0, "climb": 20.0}
    rows = {
        name: Row(precise, toy_columns, [physical(precise, {"met": met}, {})] * 5)
        for name, met in cuts.items()
    }
    found = compare(rows)
    errors = {name: row["mu_error"] for name, row in found["expected_mu_error"].items()}
    assert errors["initial"] == pytest.approx(math.sqrt(s + b) / s, rel=1e-6)
    gain = found["expected_mu_error"]["climb"]["gain"]
    assert gain["difference"] == pytest.approx(errors["climb"] - errors["initial"])
    assert 0.0 < gain["error"] < abs(gain["difference"])  # paired: most events are the same
    assert found["expected_significance"]["initial"]["z"] == pytest.approx(expected, rel=1e-6)


def test_columns_that_nothing_reads_are_not_needed(
    toy_analysis: Analysis, toy_columns: dict[str, Columns]
) -> None:
    zprime = toy_columns["zprime"]
    more = {**zprime.values, "unused": np.full(len(zprime.weight), np.nan, np.float32)}
    columns = {**toy_columns, "zprime": Columns(**{**vars(zprime), "values": more})}
    assert significance(toy_analysis, columns) > 0


def test_folds_with_selections_of_their_own_are_one_fit(
    toy_analysis: Analysis, toy_columns: dict[str, Columns]
) -> None:
    """The templates of the bootstrap are those of the histograms, where every fold has its cut."""
    cuts = [0.3, 0.4, 0.5, 0.6, 0.7]
    selections = [physical(toy_analysis, {"btag_1": cut}, {}) for cut in cuts]
    objective = model.objective(toy_analysis)
    layouts = model.events_of_each_fold(toy_analysis, toy_columns, {})
    templates = union_templates(stacked(selections), objective, layouts)
    value = float(value_and_bin_gradient(objective, templates)[0])
    hard = Selections.of(toy_analysis, {"btag_1": cuts})
    assert value == pytest.approx(quoted_significance(toy_analysis, toy_columns, hard), rel=1e-6)
    assert value != pytest.approx(quoted_significance(toy_analysis, toy_columns), rel=1e-3)
