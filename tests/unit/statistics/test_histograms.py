"""Histograms and cutflow against independent lines of numpy."""

import copy
import json
import logging
from dataclasses import replace

import numpy as np
import pytest

from zenith.artefacts import Columns, read_histograms, write_histograms
from zenith.artefacts.cutflow import region_table
from zenith.config import parse
from zenith.errors import InputError
from zenith.statistics.cutflow import cutflow
from zenith.statistics.histograms import fill, fit_targets, plot_targets
from zenith.statistics.selections import Selections, read_selections
from zenith.statistics.thresholds import complete_thresholds

EDGES = np.linspace(400, 2800, 9)


@pytest.fixture(scope="module")
def filled(toy_analysis, toy_columns):
    return fill(toy_analysis, toy_columns)


def _by_hand(columns, values=None, weight=None, threshold=0.5, low=True):
    """Yields and variances of the signal region, overflow included."""
    values = columns.values if values is None else values
    weight = columns.weight if weight is None else weight
    passed = (values["met"] > 50) & (values["btag_1"] > threshold)
    x = np.clip(values["mtt"][passed].astype(float), 400, 2799.9)
    w = weight[passed]
    return np.histogram(x, EDGES, weights=w)[0], np.histogram(x, EDGES, weights=w**2)[0]


def _close(histogram, expected):
    np.testing.assert_allclose(histogram.values(), expected[0], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(histogram.variances(), expected[1], rtol=1e-12, atol=1e-12)


def test_nominal_weight_shape_and_sample_variations(filled, toy_columns):
    ttbar, other = toy_columns["ttbar"], toy_columns["ttbar_alt"]
    _close(filled["signal/ttbar/nominal"], _by_hand(ttbar))
    weight = ttbar.weights["pileup_up"]
    _close(filled["signal/ttbar/pileup_up"], _by_hand(ttbar, weight=weight))
    shifted = ttbar.shapes["jes_down"]
    _close(filled["signal/ttbar/jes_down"], _by_hand(ttbar, values=shifted))
    _close(filled["signal/ttbar/generator_up"], _by_hand(other))
    assert "signal/ttbar/generator_down" not in filled
    assert "signal/wjets/generator_up" not in filled


def test_data_are_complete_and_have_no_variation(filled, toy_columns):
    values = toy_columns["collisions"].values
    passed = (values["met"] > 50) & (values["btag_1"] > 0.5)
    assert filled["signal/data/nominal"].sum().value == np.count_nonzero(passed)
    assert not [name for name in filled if "/data/" in name and not name.endswith("nominal")]


def test_a_blind_analysis_leaves_the_data_alone(toy_configuration, toy_columns):
    blind = parse(toy_configuration(statistics={"blind": True}))
    assert not [name for name in fill(blind, toy_columns) if "/data/" in name]
    assert "data" not in cutflow(blind, toy_columns)["signal"]["processes"]


def test_overflow_is_dropped_where_it_should_be(toy_configuration, toy_columns):
    config = toy_configuration()
    config["regions"]["signal"]["fit"] |= {"edges": [800, 1200], "overflow": "drop"}
    dropped = fill(parse(config), toy_columns)["signal/data/nominal"].values()
    config["regions"]["signal"]["fit"]["overflow"] = "include"
    included = fill(parse(config), toy_columns)["signal/data/nominal"].values()
    values = toy_columns["collisions"].values
    passed = (values["met"] > 50) & (values["btag_1"] > 0.5)
    inside = passed & (values["mtt"] >= 800) & (values["mtt"] < 1200)
    assert dropped == [np.count_nonzero(inside)]
    assert included == [np.count_nonzero(passed)]


def test_a_threshold_moves_every_region_that_shares_it(toy_analysis, toy_columns):
    moved = fill(toy_analysis, toy_columns, Selections.of(toy_analysis, {"btag_1": 0.7}))
    _close(moved["signal/ttbar/nominal"], _by_hand(toy_columns["ttbar"], threshold=0.7))
    met = toy_columns["collisions"].values["met"] > 50
    both = sum(moved[f"{r}/data/nominal"].sum().value for r in ("signal", "control"))
    assert both == np.count_nonzero(met)


def test_unknown_threshold_is_named_with_its_file(toy_analysis, tmp_path):
    with pytest.raises(InputError, match=r"best.json: 'btag_2' is not .* did you mean 'btag_1'"):
        complete_thresholds(toy_analysis, {"btag_2": 0.7}, "best.json")
    with pytest.raises(InputError, match=r"btag_1: 'tight' is not a number"):
        complete_thresholds(toy_analysis, {"btag_1": "tight"})
    path = tmp_path / "best.json"
    path.write_text(json.dumps({"cuts": {}}))
    with pytest.raises(InputError, match=r"best.json: no `thresholds`"):
        read_selections(toy_analysis, [str(path)])


def test_a_selection_that_keeps_nothing_warns_and_finishes(toy_configuration, toy_columns, caplog):
    config = toy_configuration()
    config["regions"]["signal"]["cuts"].append("met > 1e6")
    with caplog.at_level(logging.WARNING):
        filled = fill(parse(config), toy_columns)
    assert "region signal keeps no event of any process" in caplog.text
    assert filled["signal/ttbar/jes_up"].sum().value == 0.0


def test_values_that_are_not_numbers_are_refused(toy_analysis, toy_columns):
    bad = copy.deepcopy(toy_columns["wjets"])
    bad.values["mtt"][3] = np.nan
    with pytest.raises(InputError, match="'wjets' hold NaN in 'mtt'"):
        fill(toy_analysis, {**toy_columns, "wjets": bad})
    bad = copy.deepcopy(toy_columns["wjets"])
    bad.weight[3] = np.inf
    with pytest.raises(InputError, match="'wjets' hold weights that are not finite"):
        fill(toy_analysis, {**toy_columns, "wjets": bad})
    bad = copy.deepcopy(toy_columns["wjets"])
    del bad.values["btag_1"]
    with pytest.raises(InputError, match="'wjets' have no 'btag_1'"):
        fill(toy_analysis, {**toy_columns, "wjets": bad})


def test_control_plots_hold_the_same_events_as_the_fit(toy_analysis, toy_columns, filled):
    plots = fill(toy_analysis, toy_columns, targets=plot_targets(toy_analysis))
    for region in ("signal", "control"):
        for observable in ("mtt", "met"):
            drawn = plots[f"{region}/{observable}/ttbar/pileup_up"].sum()
            fitted = filled[f"{region}/ttbar/pileup_up"].sum()
            assert drawn.value == pytest.approx(fitted.value)
    simulated = {f"sum_of_weights/{process}" for process in ("signal", "ttbar", "wjets")}
    assert simulated <= filled.keys() & plots.keys()
    assert len(plots.keys() - simulated) == 2 * len(filled.keys() - simulated)
    ttbar = toy_columns["ttbar"].weight
    every = filled["sum_of_weights/ttbar"].sum()
    assert (every.value, every.variance) == pytest.approx((ttbar.sum(), (ttbar**2).sum()))


def test_control_plots_leave_out_events_that_lack_the_observable(toy_configuration, toy_columns):
    """Those beyond the axis are in its first and last bin."""
    config = toy_configuration()
    config["observables"]["chi2"] = {"label": "$\\chi^2$", "edges": [0, 20, 50]}
    config["plotting"] = {"observables": ["chi2"]}
    analysis = parse(config)  # whose chi2 is 1e4 without as many jets
    columns = {}
    for name, own in toy_columns.items():
        chi2 = np.random.default_rng(1).choice(np.float32([10, 30, 70, 1e4]), len(own.weight))
        values = {shape: {**of, "chi2": chi2} for shape, of in own.shapes.items()}
        columns[name] = replace(own, values={**own.values, "chi2": chi2}, shapes=values)
    plots = fill(analysis, columns, targets=plot_targets(analysis))
    own = columns["wjets"]
    passed = (own.values["met"] > 50) & (own.values["btag_1"] > 0.5)
    expected = [
        own.weight[passed & np.isin(own.values["chi2"], here)].sum() for here in ([10], [30, 70])
    ]
    assert plots["signal/chi2/wjets/nominal"].values() == pytest.approx(expected)


def test_histograms_survive_the_file(filled, tmp_path):
    write_histograms(tmp_path / "h.root", filled)
    read = read_histograms(tmp_path / "h.root")
    assert set(read) == set(filled)
    for name in ("signal/ttbar/jes_up", "control/data/nominal"):
        _close(read[name], (filled[name].values(), filled[name].variances()))


def test_cutflow_ends_in_the_yields_of_the_region(toy_analysis, toy_columns, filled):
    flow = cutflow(toy_analysis, toy_columns)["signal"]
    assert flow["cuts"] == ["all columns", "met > 50", "btag_1 > 0.5"]
    for process in ("ttbar", "wjets", "signal", "data"):
        last = filled[f"signal/{process}/nominal"].sum()
        entry = flow["processes"][process]
        assert entry["yield"][-1] == pytest.approx(last.value)
        assert entry["error"][-1] == pytest.approx(np.sqrt(last.variance))
        assert sorted(entry["events"], reverse=True) == entry["events"]
    wjets = toy_columns["wjets"]
    assert flow["processes"]["wjets"]["events"][0] == len(wjets.weight)
    rows = region_table(flow).splitlines()
    assert len(rows) == 5
    assert "4520 (4520)" in rows[2]


def test_edges_belong_to_the_bin_above(toy_analysis):
    (target, *_) = fit_targets(toy_analysis)
    x = np.array([399.0, 400.0, 699.99, 700.0, 2800.0], np.float32)
    assert target.bin_of(x, np.zeros(5, int)).tolist() == [0, 0, 0, 1, 7]


def test_events_of_weight_zero_are_counted(toy_analysis, toy_columns):
    wjets = toy_columns["wjets"]
    nothing = Columns(wjets.values, 0 * wjets.weight, wjets.hash, wjets.weights, wjets.shapes)
    flow = cutflow(toy_analysis, {**toy_columns, "wjets": nothing})["signal"]
    entry = flow["processes"]["wjets"]
    assert entry["events"][0] > 0
    assert entry["yield"][0] == 0.0
