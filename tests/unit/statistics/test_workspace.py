"""The workspace: what the model predicts, what is left out, and what is refused."""

import json
import logging

import numpy as np
import pyhf
import pytest

from zenith.config import parse
from zenith.errors import FitError, InputError
from zenith.statistics.histograms import fill
from zenith.statistics.repair import sanitise
from zenith.statistics.templates import collect
from zenith.statistics.workspace import build


def _regions(analysis, histograms):
    minimum = analysis.statistics.minimum_yield
    return [sanitise(region, minimum)[0] for region in collect(analysis, histograms)]


@pytest.fixture(scope="module")
def histograms(toy_analysis, toy_columns):
    return fill(toy_analysis, toy_columns)


@pytest.fixture(scope="module")
def regions(toy_analysis, histograms):
    return _regions(toy_analysis, histograms)


@pytest.fixture(scope="module")
def spec(toy_analysis, regions):
    return build(toy_analysis, regions)[0]


def _model(spec):
    return pyhf.Workspace(spec).model()


def _expected(model, region, **moved):
    """Yields of every sample of a region, with some parameters moved from nominal."""
    pars = np.array(model.config.suggested_init())
    for name, value in moved.items():
        pars[model.config.par_slice(name)] = value
    rates = model.main_model.expected_data(pars, return_by_sample=True)
    return dict(
        zip(model.config.samples, rates[:, model.config.channel_slices[region]], strict=True)
    )


def _modifiers(spec, region, process):
    channel = next(c for c in spec["channels"] if c["name"] == region)
    samples = {s["name"]: s for s in channel["samples"]}
    return {(m["name"], m["type"]) for m in samples[process]["modifiers"]}


def test_at_one_standard_deviation_the_model_is_the_varied_template(spec, regions):
    model = _model(spec)
    for templates in regions:
        for name, (up, down) in templates.variations.items():
            for value, varied in ((1.0, up), (-1.0, down)):
                rates = _expected(model, templates.region, **{name: value})
                for row, process in enumerate(templates.processes):
                    np.testing.assert_allclose(rates[process], varied[row], rtol=1e-10, atol=1e-12)


def test_a_one_sided_variation_is_mirrored_about_the_nominal(regions, histograms):
    templates = regions[0]
    up, down = templates.variations["generator"]
    row = templates.processes.index("ttbar")
    given = histograms["signal/ttbar/generator_up"].values()
    inside = np.abs(given / templates.nominal[row] - 1) < 0.8
    assert inside.sum() >= 6
    np.testing.assert_allclose(up[row, inside], given[inside])
    mirror = 2 * templates.nominal[row] - given
    np.testing.assert_allclose(down[row, inside], mirror[inside])


def test_rates_and_free_factors_multiply_their_processes(spec):
    model = _model(spec)
    nominal = _expected(model, "signal")
    moved = _expected(model, "signal", lumi=1.0, xsec_wjets=-1.0, ttbar_norm=1.5, mu=3.0)
    for process, factor in (("wjets", 0.8 * 1.02), ("ttbar", 1.5 * 1.02), ("signal", 3 * 1.02)):
        np.testing.assert_allclose(moved[process], factor * nominal[process], rtol=1e-12)


@pytest.mark.parametrize("of_signals", [False, True])
def test_simulated_statistics_are_one_parameter_for_each_bin(
    toy_configuration, regions, of_signals
):
    """Of the backgrounds, unless those of signals are asked for."""
    statistics = {"mc_statistics_of_signals": of_signals} if of_signals else {}
    spec, _ = build(parse(toy_configuration(statistics=statistics)), regions)
    model = _model(spec)
    for templates in regions:
        counted = np.asarray(templates.background) | of_signals
        widths = model.config.param_set(f"staterror_{templates.region}").sigmas
        total = templates.nominal[counted].sum(axis=0)
        expected = np.sqrt(templates.variance[counted].sum(axis=0)) / total
        np.testing.assert_allclose(widths, expected, rtol=1e-10)
        carries = ("staterror_signal", "staterror") in _modifiers(spec, "signal", "signal")
        assert carries == of_signals


def test_observations_are_the_data_or_asimov_if_blind(toy_configuration, spec, regions):
    observed = {o["name"]: o["data"] for o in spec["observations"]}
    for templates in regions:
        np.testing.assert_array_equal(observed[templates.region], templates.data)
    blind = parse(toy_configuration(statistics={"blind": True}))
    observed = {o["name"]: o["data"] for o in build(blind, regions)[0]["observations"]}
    for templates in regions:
        np.testing.assert_allclose(observed[templates.region], templates.nominal.sum(axis=0))


def test_the_workspace_is_the_same_every_time(toy_analysis, regions, spec):
    again, _ = build(toy_analysis, regions)
    assert json.dumps(again) == json.dumps(spec)


def test_small_variations_are_pruned_by_region_and_process(toy_configuration, regions):
    analysis = parse(toy_configuration(statistics={"prune": 0.08}))
    spec, pruned = build(analysis, regions)
    left_out = {(p["name"], p["channel"], p["sample"]) for p in pruned}
    assert ("lumi", "signal", "ttbar") in left_out
    for templates in regions:
        for name, pair in templates.variations.items():
            for process in templates.acts[name]:
                row = templates.processes.index(process)
                nominal = templates.nominal[row]
                filled = nominal > 0
                effect = max(np.abs(v[row, filled] / nominal[filled] - 1).max() for v in pair)
                kept = (name, "normsys") in _modifiers(spec, templates.region, process)
                assert kept == (effect > 0.08)
                assert ((name, templates.region, process) in left_out) == (effect <= 0.08)


def test_smoothing_keeps_the_yield_and_calms_the_shape(toy_configuration, histograms):
    config = toy_configuration()
    config["systematics"]["jes"]["smooth"] = True
    analysis = parse(config)
    regions = _regions(analysis, histograms)
    rough = regions[0].variations["jes"][0]
    rates = _expected(_model(build(analysis, regions)[0]), "signal", jes=1.0)["ttbar"]
    row = regions[0].processes.index("ttbar")
    assert rates.sum() == pytest.approx(rough[row].sum())
    curvature = [np.abs(np.diff(v / regions[0].nominal[row], 2)).sum() for v in (rates, rough[row])]
    assert curvature[0] < 0.8 * curvature[1]


def test_an_empty_process_is_left_out_with_its_variations(toy_configuration, toy_columns, caplog):
    config = toy_configuration()
    config["regions"]["control"]["cuts"].append("met > 1e6")
    analysis = parse(config)
    with caplog.at_level(logging.WARNING):
        spec, _ = build(analysis, _regions(analysis, fill(analysis, toy_columns)))
    assert "channel control: sample signal is empty, left out" in caplog.text
    control = next(c for c in spec["channels"] if c["name"] == "control")
    # the floor went to one background, so that no bin is empty
    assert [s["name"] for s in control["samples"]] == ["ttbar"]
    ttbar = toy_columns["ttbar"].weight
    event = (ttbar**2).sum() / ttbar.sum()
    assert control["samples"][0]["data"] == pytest.approx([event] * 3)


def test_without_any_signal_left_the_strength_is_held(toy_configuration, toy_columns, caplog):
    config = toy_configuration()
    for region in config["regions"].values():
        region["cuts"].append("met > 1e6")
    analysis = parse(config)
    with caplog.at_level(logging.WARNING):
        spec, _ = build(analysis, _regions(analysis, fill(analysis, toy_columns)))
    assert "no fitted region has any signal" in caplog.text
    model = _model(spec)
    assert model.config.suggested_fixed()[model.config.poi_index]


def test_missing_inputs_are_named(toy_analysis, histograms):
    def without(prefix):
        return {name: h for name, h in histograms.items() if not name.startswith(prefix)}

    with pytest.raises(InputError, match=r"h.root: region 'control' is missing \(it has signal\)"):
        collect(toy_analysis, without("control/"), "h.root")
    with pytest.raises(InputError, match="process 'wjets' of region 'signal' is missing"):
        collect(toy_analysis, without("signal/wjets/"), "h.root")
    with pytest.raises(InputError, match="'signal/wjets/jes_up' is missing"):
        collect(toy_analysis, without("signal/wjets/jes_up"), "h.root")


def test_templates_of_another_binning_or_with_nan_are_refused(
    toy_configuration, toy_analysis, histograms
):
    config = toy_configuration()
    config["regions"]["signal"]["fit"]["edges"] = [400, 1000, 2800]
    with pytest.raises(InputError, match=r"other bins than regions\.signal\.fit\.edges"):
        collect(parse(config), histograms)
    broken = histograms["signal/ttbar/nominal"].copy()
    broken.view().value[2] = np.nan
    with pytest.raises(InputError, match="bin 2 of signal/ttbar/nominal is not a finite number"):
        collect(toy_analysis, {**histograms, "signal/ttbar/nominal": broken})


def test_no_data_or_no_signal_is_an_error(toy_configuration, histograms):
    no_data = parse(toy_configuration(only_samples=["zprime", "ttbar*", "wjets"]))
    with pytest.raises(FitError, match=r"no sample of a data process .* statistics\.blind: true"):
        build(no_data, _regions(no_data, histograms))
    no_signal = parse(toy_configuration(only_samples=["ttbar*", "wjets", "collisions"]))
    with pytest.raises(FitError, match="no sample of a signal process is in use"):
        build(no_signal, _regions(no_signal, histograms))
