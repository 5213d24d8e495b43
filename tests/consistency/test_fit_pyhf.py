"""The fit against plain pyhf on the same workspace.

Both minimise numerically, to an estimated distance of 2e-7 to the minimum of -2 log L. The estimate
is good to an order of magnitude or two: -2 log L agrees to 1e-5, a parameter to sqrt(1e-5) = 0.3 %
of its error, and Z to the error of q0 over 2 Z.
"""

import json
import logging
import math

import iminuit
import numpy as np
import pyhf
import pytest
from scipy.stats import chi2

from zenith.config import parse
from zenith.errors import FitError
from zenith.statistics import minimiser
from zenith.statistics.best_fit import best_fit
from zenith.statistics.fit import fit
from zenith.statistics.histograms import fill
from zenith.statistics.likelihood import Likelihood, numpy_backend
from zenith.statistics.minimiser import minimum
from zenith.statistics.repair import sanitise
from zenith.statistics.templates import collect
from zenith.statistics.workspace import build

TWICE_NLL = 1e-5
PARAMETER = 0.003  # of its error


def _small(config, **statistics):
    """Fewer bins, and a signal strength that may be negative, so that fits are quick and smooth."""
    config["regions"]["signal"]["fit"]["edges"] = [400, 800, 1300, 1700, 2800]
    config["regions"]["control"]["fit"]["edges"] = [400, 800, 2800]
    config["statistics"] |= {"signal_bounds": [-3.0, 10.0], "scan_points": 5, **statistics}
    return parse(config)


def _workspace(analysis, columns):
    regions = collect(analysis, fill(analysis, columns))
    return build(analysis, [sanitise(r, analysis.statistics.minimum_yield)[0] for r in regions])[0]


@pytest.fixture(scope="module")
def analysis(toy_configuration):
    return _small(toy_configuration())


@pytest.fixture(scope="module")
def spec(analysis, toy_columns):
    return _workspace(analysis, toy_columns)


@pytest.fixture(scope="module")
def result(analysis, spec):
    return fit(analysis, spec)


@pytest.fixture(scope="module")
def reference(spec):
    """pyhf alone, tightly."""
    before = pyhf.get_backend()
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-4, strategy=2))
    workspace = pyhf.Workspace(spec)
    model = workspace.model()
    yield model, workspace.data(model)
    pyhf.set_backend(*before)


def _by_name(result):
    return {p["name"]: p for p in result["parameters"]}


def test_strength_error_and_likelihood(result, reference):
    model, data = reference
    pars, twice_nll = pyhf.infer.mle.fit(
        data, model, return_uncertainties=True, return_fitted_val=True
    )
    assert result["twice_nll"] == pytest.approx(float(twice_nll), abs=TWICE_NLL)
    poi = model.config.poi_index
    assert result["mu"] == pytest.approx(pars[poi, 0], abs=PARAMETER * pars[poi, 1])
    assert result["mu_error"] == pytest.approx(pars[poi, 1], rel=PARAMETER)
    found = _by_name(result)
    for name, (value, error) in zip(model.config.par_names, pars, strict=True):
        assert found[name]["value"] == pytest.approx(value, abs=PARAMETER * error), name
        assert found[name]["error"] == pytest.approx(error, rel=0.02), name


def test_expected_and_observed_significance(result, reference):
    model, data = reference
    truth = np.array(model.config.suggested_init())
    for name in model.config.par_order:
        truth[model.config.par_slice(name)] = float(
            name in ("mu", "ttbar_norm") or "staterror" in name
        )
    settings = (
        model.config.suggested_init(),
        model.config.suggested_bounds(),
        model.config.suggested_fixed(),
    )
    asimov = model.expected_data(truth)
    q0 = pyhf.infer.test_statistics.q0(0.0, asimov, model, *settings)
    z = float(np.sqrt(q0))
    assert result["significance"]["expected"] == pytest.approx(z, abs=TWICE_NLL / (2 * z))
    q0 = float(pyhf.infer.test_statistics.q0(0.0, data, model, *settings))
    assert result["significance"]["observed"] ** 2 == pytest.approx(q0, abs=2 * TWICE_NLL)


def test_cls_at_the_limits_is_five_percent(result, reference):
    model, data = reference
    bounds = list(model.config.suggested_bounds())
    bounds[model.config.poi_index] = (0.0, 10.0)  # as q̃ has it

    def cls(mu):
        observed, bands = pyhf.infer.hypotest(
            mu, data, model, par_bounds=bounds, test_stat="qtilde", return_expected_set=True
        )
        return float(observed), [float(b) for b in bands]

    limit = result["upper_limit"]
    # a limit is found to a thousandth of the error on mu; CLs falls by about 0.15 an error there
    assert cls(limit["observed"])[0] == pytest.approx(0.05, abs=1e-3)
    for band in range(5):
        assert cls(limit["expected"][band])[1][band] == pytest.approx(0.05, abs=1e-3)
    assert limit["expected"] == sorted(limit["expected"])


def test_ranking_is_the_shift_of_the_strength(result, reference):
    model, data = reference
    ranked = {entry["name"]: entry for entry in result["ranking"]}
    fitted = {"lumi", "pileup", "jes", "generator", "xsec_wjets", "ttbar_norm"}
    simulated = {p["name"] for p in result["parameters"] if p["kind"] == "mc_statistics"}
    assert set(ranked) == fitted | simulated
    sizes = [max(abs(e["impact_up"]), abs(e["impact_down"])) for e in result["ranking"]]
    assert sizes == sorted(sizes, reverse=True)
    assert ranked["ttbar_norm"]["prefit_impact_up"] is None
    nuisance = _by_name(result)["pileup"]
    index = model.config.par_names.index("pileup")
    for key, shift in (("impact_up", nuisance["error"]), ("prefit_impact_down", -1.0)):
        start, fixed = model.config.suggested_init(), model.config.suggested_fixed()
        start[index], fixed[index] = nuisance["value"] + shift, True
        pars = pyhf.infer.mle.fit(data, model, init_pars=start, fixed_params=fixed)
        moved = pars[model.config.poi_index] - result["mu"]
        assert ranked["pileup"][key] == pytest.approx(moved, abs=PARAMETER * result["mu_error"])


def test_the_statistical_part_is_the_error_with_the_constrained_held(result, reference):
    model, data = reference

    at = np.array([p["value"] for p in result["parameters"]])
    steps = 0.01 * np.array([p["error"] or 0.0 for p in result["parameters"]])

    def error(held):
        """Second differences of pyhf's -log L: those of Minuit are off by up to two per cent."""
        moving = [
            i for i, p in enumerate(result["parameters"]) if p["kind"] not in {*held, "fixed"}
        ]
        shifts = np.diag(steps)[moving]

        def nll(x):
            return -float(model.logpdf(x, data)[0])

        def second(a, b):
            corners = nll(at + a + b) - nll(at + a - b) - nll(at - a + b) + nll(at - a - b)
            return corners / (4.0 * a.max() * b.max())

        matrix = np.array([[second(a, b) for b in shifts] for a in shifts])
        poi = moving.index(model.config.poi_index)
        return math.sqrt(np.linalg.inv(matrix)[poi, poi])

    found = result["mu_parts"]
    statistical = error({"constrained", "mc_statistics"})
    assert found["statistical"] == pytest.approx(statistical, rel=1e-4)
    without = math.hypot(found["statistical"], found["systematic"])
    assert without == pytest.approx(error({"mc_statistics"}), rel=1e-4)
    assert math.hypot(without, found["simulation"]) == pytest.approx(result["mu_error"])
    assert result["mu_error"] == pytest.approx(error(set()), rel=1e-4)


def test_groups_have_every_fitted_parameter_once(result):
    fitted = {p["name"] for p in result["parameters"]} - {"mu"}
    assert sorted(n for g in result["groups"] for n in g["parameters"]) == sorted(fitted)
    gains = [group["gain"] for group in result["groups"]]
    assert gains == sorted(gains, reverse=True)
    assert min(gains) > -1e-5
    constrained = {n for n in fitted if n != "ttbar_norm"}
    assert set(result["all_constrained"]["parameters"]) == constrained
    assert result["all_constrained"]["gain"] > max(
        g["gain"] for g in result["groups"] if "ttbar_norm" not in g["parameters"]
    )


def test_expected_errors_are_the_curvature_on_asimov_data(result, reference):
    """Of pyhf's likelihood by central differences: Minuit's own errors are 5 % off for one."""
    model, _ = reference
    nominal = np.array([p["prefit_value"] for p in result["parameters"]])
    nominal[model.config.poi_index] = 1.0
    asimov = model.expected_data(nominal)
    steps = 0.01 * np.diag([p["expected_error"] for p in result["parameters"]])

    def twice_nll(moved):
        return -2.0 * model.logpdf(nominal + moved, asimov).item()

    hessian = [
        [twice_nll(a + b) - twice_nll(a - b) - twice_nll(b - a) + twice_nll(-a - b) for a in steps]
        for b in steps
    ] / np.outer(steps.sum(axis=0), 4.0 * steps.sum(axis=0))
    covariance = 2.0 * np.linalg.inv(hessian)
    errors = np.sqrt(np.diag(covariance))
    for parameter, error in zip(result["parameters"], errors, strict=True):
        assert parameter["expected_error"] == pytest.approx(error, rel=1e-3), parameter["name"]
    expected = result["expected"]
    assert expected["mu_error"] == pytest.approx(errors[model.config.poi_index], rel=1e-3)
    squares = sum(part**2 for part in expected["mu_parts"].values())
    assert squares == pytest.approx(expected["mu_error"] ** 2)


def test_scan_is_the_profile_likelihood(result, reference):
    model, data = reference
    mu, delta = result["scan"]["mu"], result["scan"]["delta_twice_nll"]
    assert len(mu) == 5
    assert delta[2] == pytest.approx(0.0, abs=TWICE_NLL)
    _, twice_nll = pyhf.infer.mle.fixed_poi_fit(mu[4], data, model, return_fitted_val=True)
    assert delta[4] == pytest.approx(float(twice_nll) - result["twice_nll"], abs=2 * TWICE_NLL)


def test_yields_and_templates_are_the_models(analysis, spec, result, reference):
    model, data = reference
    nominal = model.main_model.expected_data(model.config.suggested_init(), return_by_sample=True)
    best = np.array([p["value"] for p in result["parameters"]])
    fitted = model.main_model.expected_data(best, return_by_sample=True)
    for region in model.config.channels:
        bins = model.config.channel_slices[region]
        yields, templates = result["yields"][region], result["templates"][region]
        for row, process in enumerate(model.config.samples):
            assert yields[process]["prefit"] == pytest.approx(nominal[row, bins].sum())
            assert yields[process]["postfit"] == pytest.approx(fitted[row, bins].sum())
            np.testing.assert_allclose(templates["postfit"][process], fitted[row, bins])
        assert yields["total"]["postfit"] == pytest.approx(fitted[:, bins].sum())
        signal = yields["signal"]["postfit"]
        assert yields["total_background"]["postfit"] == pytest.approx(
            yields["total"]["postfit"] - signal
        )
        assert yields["data"] == sum(data[bins])
        assert templates["data"] == list(data[bins])
        variance = 0.0  # of the total before the fit: every parameter by its constraint
        for index, parameter in enumerate(result["parameters"]):
            step = np.zeros(len(best))
            step[index] = parameter["prefit_error"] or 0.0
            up, down = (
                model.main_model.expected_data(model.config.suggested_init() + sign * step)
                for sign in (1, -1)
            )
            variance += ((up - down)[bins].sum() / 2) ** 2
        assert yields["total"]["prefit_error"] == pytest.approx(np.sqrt(variance))
        assert templates["edges"] == list(analysis.regions[region].fit.edges.edges)
    matrix = np.array(result["correlation"]["matrix"])
    np.testing.assert_allclose(matrix, matrix.T)
    np.testing.assert_allclose(np.diag(matrix), 1.0)
    json.dumps(result, allow_nan=False)  # nothing in it is NaN


def test_goodness_of_fit_is_that_of_the_saturated_model(result, reference):
    model, data = reference
    bins = sum(model.config.channel_nbins.values())
    main = np.array(data[:bins])
    auxiliary = np.array(data[bins:])
    pars = np.array([p["prefit_value"] for p in result["parameters"]])
    saturated = -2 * np.sum(pyhf.tensorlib.poisson_logpdf(main, main))
    saturated -= 2 * float(model.constraint_logpdf(auxiliary, pars))
    p_value = chi2.sf(result["twice_nll"] - saturated, bins - 2)  # mu and ttbar_norm are free
    assert result["goodness_of_fit"] == pytest.approx(p_value, rel=1e-3)


def test_blind_analyses_say_nothing_of_the_data(toy_configuration, toy_columns):
    quick = {"blind": True, "ranking": False, "scan_points": 0}
    analysis = _small(toy_configuration(), **quick)
    result = fit(analysis, _workspace(analysis, toy_columns))
    assert result["asimov"] is True
    assert result["mu"] == pytest.approx(1.0, abs=1e-3)
    assert result["expected"] == {k: result[k] for k in ("mu_error", "mu_parts")}
    assert result["significance"]["observed"] is None
    assert result["significance"]["expected"] > 0
    assert result["upper_limit"]["observed"] is None
    assert result["goodness_of_fit"] is None
    assert all(y["data"] is None for y in result["yields"].values())
    assert all(t["data"] is None for t in result["templates"].values())


def test_a_selection_that_keeps_nothing_is_fitted_and_says_so(toy_configuration, toy_columns):
    config = toy_configuration()
    for region in config["regions"].values():
        region["cuts"].append("met > 1e6")
    analysis = _small(config, minimum_yield=1e-3)
    result = fit(analysis, _workspace(analysis, toy_columns))
    assert result["mu"] is None
    assert result["significance"] == {"expected": 0.0, "observed": None}
    assert result["ranking"] == []
    assert result["yields"]["signal"]["total"]["prefit"] == pytest.approx(4e-3)
    json.dumps(result, allow_nan=False)


def test_what_cannot_be_had_is_null_with_a_reason_and_the_rest_stays(
    analysis, spec, result, monkeypatch
):
    """Fits with a large strength, or with `jes` held high, do not converge."""
    descend, median = minimiser.descend, result["upper_limit"]["expected"][2]

    def failing(likelihood, held=None, start=None):
        for index, value in (held or {}).items():
            name = likelihood.names[index]
            if (name == "mu" and value > 1.1 * median) or (name == "jes" and value > start[index]):
                raise FitError(f"a fit with {name} = {value:g} held did not converge")
        return descend(likelihood, held, start)

    monkeypatch.setattr(minimiser, "descend", failing)
    found = fit(analysis, spec)
    json.dumps(found, allow_nan=False)
    for key in ("mu", "mu_error", "significance", "parameters", "yields", "templates"):
        assert found[key] == result[key]
    assert found["upper_limit"]["expected"][3:] == [None, None]
    assert found["upper_limit"]["expected"][:2] == pytest.approx(
        result["upper_limit"]["expected"][:2], rel=2e-3
    )
    ranked = {entry["name"]: entry for entry in found["ranking"]}
    assert ranked["jes"]["impact_up"] is None
    assert ranked["jes"]["impact_down"] is not None
    assert ranked["pileup"] == next(e for e in result["ranking"] if e["name"] == "pileup")
    assert result["reasons"] == {}
    places = {"upper_limit.expected[4]", "ranking.jes.impact_up", "ranking.jes.prefit_impact_up"}
    assert places <= set(found["reasons"])
    assert "jes = " in found["reasons"]["ranking.jes.impact_up"]
    nulls = sum(value is None for entry in found["ranking"] for value in entry.values())
    assert nulls == sum(key.startswith("ranking.") for key in found["reasons"]) + sum(
        value is None for entry in result["ranking"] for value in entry.values()
    )


def test_a_parameter_that_changes_nothing_leaves_the_rest_as_it_is(analysis, spec, result):
    idle = json.loads(json.dumps(spec))
    sample = {"name": "nothing", "data": [0.0] * 4, "modifiers": []}
    sample["modifiers"].append({"name": "idle", "type": "normfactor", "data": None})
    next(c for c in idle["channels"] if c["name"] == "signal")["samples"].append(sample)
    found = fit(analysis, idle)
    assert found["mu"] == pytest.approx(result["mu"], abs=PARAMETER * result["mu_error"])
    assert found["mu_error"] == pytest.approx(result["mu_error"], rel=PARAMETER)
    assert _by_name(found)["idle"]["error"] is None
    assert found["reasons"]["parameters.idle.error"].startswith("the likelihood does not depend")
    assert found["upper_limit"]["observed"] == pytest.approx(
        result["upper_limit"]["observed"], rel=2e-3
    )


def test_a_strength_on_its_bound_has_no_error_but_a_limit(analysis, spec):
    """Far fewer events than expected, and a strength that may not be negative."""
    few = json.loads(json.dumps(spec))
    for observation in few["observations"]:
        if observation["name"] == "signal":
            observation["data"][3] *= 0.3
    for parameter in few["measurements"][0]["config"]["parameters"]:
        if parameter["name"] == "mu":
            parameter["bounds"] = [[0.0, 10.0]]
    found = fit(analysis, few)
    assert (found["mu"], found["mu_error"]) == (0.0, None)
    assert _by_name(found)["mu"]["at_bound"]
    assert not _by_name(found)["ttbar_norm"]["at_bound"]
    assert _by_name(found)["ttbar_norm"]["error"] > 0
    assert "on its bound, 0 of 0 to 10" in found["reasons"]["mu_error"]
    assert found["significance"]["observed"] == 0.0
    assert 0.0 < found["upper_limit"]["observed"] < found["upper_limit"]["expected"][2]
    json.dumps(found, allow_nan=False)


def test_a_workspace_without_signal_or_that_is_none(analysis, spec):
    no_poi = json.loads(json.dumps(spec))
    no_poi["measurements"][0]["config"]["poi"] = ""
    with pytest.raises(FitError, match=r"w\.json: the workspace has no signal"):
        fit(analysis, no_poi, "w.json")
    with pytest.raises(FitError, match=r"w\.json: not a valid workspace"):
        fit(analysis, {"channels": []}, "w.json")


def test_a_fit_that_does_not_converge_is_an_error(spec, monkeypatch):
    monkeypatch.setattr(iminuit.Minuit, "valid", property(lambda self: False))
    with numpy_backend():
        likelihood = Likelihood.of(spec, "w.json")
        with pytest.raises(FitError, match=r"w\.json: a fit with mu = 2 held did not converge"):
            minimum(likelihood, {likelihood.poi: 2.0})
        with pytest.raises(FitError, match=r"w\.json: the fit did not converge after 3 attempts"):
            best_fit(likelihood)


def test_the_ladder_goes_on_after_a_failure(spec, monkeypatch, caplog):
    with numpy_backend():
        likelihood = Likelihood.of(spec)
        expected = minimum(likelihood).twice_nll
        strategies = []

        def valid(minuit):
            strategies.append(minuit.strategy.strategy)
            return len(strategies) > 2

        monkeypatch.setattr(iminuit.Minuit, "valid", property(valid))
        with caplog.at_level(logging.INFO):
            assert minimum(likelihood).twice_nll == pytest.approx(expected, abs=TWICE_NLL)
    assert strategies == [0, 2, 2]
    assert caplog.text.count("did not converge, trying the next") == 2


def test_pyhf_is_left_as_it_was(analysis):
    before = pyhf.get_backend()
    optimizer = pyhf.optimize.scipy_optimizer(maxiter=7)
    try:
        pyhf.set_backend("numpy", optimizer)
        with pytest.raises(FitError):
            fit(analysis, {"channels": []})
        assert pyhf.get_backend()[1] is optimizer
        with numpy_backend():
            assert pyhf.get_backend()[1].name == "minuit"
        assert pyhf.get_backend()[1] is optimizer
    finally:
        pyhf.set_backend(*before)
