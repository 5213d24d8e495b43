"""What the error of the signal strength is made of: a counting experiment in closed form."""

import math
from functools import partial

import cabinetry
import numpy as np
import pyhf
import pytest

from zenith.config import load, parse
from zenith.statistics.best_fit import best_fit
from zenith.statistics.expected import expected_significance, fit_of_asimov
from zenith.statistics.fit import parameters
from zenith.statistics.groups import all_constrained, group_impacts
from zenith.statistics.likelihood import Likelihood, numpy_backend
from zenith.statistics.model import recipe
from zenith.statistics.naming import parameter_groups
from zenith.statistics.parts import impact_of
from zenith.statistics.parts import parts as parts_of
from zenith.statistics.predictions import predictions
from zenith.statistics.ranking import ranking
from zenith.statistics.reasons import Reasons

S, B, SHIFT, NOISE, CONTROL = 20.0, 80.0, 8.0, 5.0, 400.0
SEEN, SEEN_IN_CONTROL = 115.0, 400.0


def shape(*shifts: float) -> dict:
    """A shift by one standard deviation; linear, so that the closed form is exact."""
    high, low = [B + shift for shift in shifts], [B - shift for shift in shifts]
    return {"name": "jes", "type": "histosys", "data": {"hi_data": high, "lo_data": low}}


def factor(name: str) -> dict:
    return {"name": name, "type": "normfactor", "data": None}


def workspace(*, norm: bool = False, systematics: bool = True, seen: float = SEEN) -> dict:
    """n of μ s + k (b + θ d + (γ - 1) b), and k c in a control region where k is free."""
    background = [factor("norm")] if norm else []
    noise = {"name": "staterror_signal", "type": "staterror", "data": [NOISE]}
    uncertain = [shape(SHIFT), noise] if systematics else []
    signal = {"name": "signal", "data": [S], "modifiers": [factor("mu")]}
    other = {"name": "wjets", "data": [B], "modifiers": [*background, *uncertain]}
    channels = [{"name": "signal", "samples": [signal, other]}]
    observations = [{"name": "signal", "data": [seen]}]
    if norm:
        control = {"name": "wjets", "data": [CONTROL], "modifiers": background}
        channels.append({"name": "wjets_control", "samples": [control]})
        observations.append({"name": "wjets_control", "data": [SEEN_IN_CONTROL]})
    bounds = [{"name": "mu", "bounds": [[-5.0, 10.0]]}]
    return {
        "version": "1.0.0",
        "channels": channels,
        "observations": observations,
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": bounds}}],
    }


def fitted(**options):
    with numpy_backend():
        likelihood = Likelihood.of(workspace(**options))
        best = best_fit(likelihood)
        prior = cabinetry.model_utils.prefit_uncertainties(likelihood.model)
        return likelihood, best, parameters(likelihood, best, prior)


def test_the_parts_of_a_counting_experiment() -> None:
    """σ² = (n + d² + m²) / s²: of the data, of the shift, and of the simulation."""
    likelihood, best, listed = fitted()
    found = parts_of(best, likelihood.poi, listed)
    assert found["statistical"] == pytest.approx(math.sqrt(SEEN) / S, rel=2e-4)
    assert found["systematic"] == pytest.approx(SHIFT / S, rel=2e-3)
    assert found["simulation"] == pytest.approx(NOISE / S, rel=2e-3)
    squares = sum(part**2 for part in found.values())
    assert squares == pytest.approx(best.errors[likelihood.poi] ** 2, rel=1e-12)


def test_a_free_normalisation_is_of_the_statistical_part() -> None:
    """With k from the control region: σ² = (n + (b / c)² n_c) / s² where nothing is constrained."""
    likelihood, best, listed = fitted(norm=True)
    found = parts_of(best, likelihood.poi, listed)
    statistical = math.sqrt(SEEN + (B / CONTROL) ** 2 * SEEN_IN_CONTROL) / S
    assert found["statistical"] == pytest.approx(statistical, rel=5e-4)
    assert found["systematic"] == pytest.approx(SHIFT / S, rel=5e-3)
    alone = impact_of(best, likelihood.poi, [likelihood.names.index("norm")])
    assert alone == pytest.approx(B / CONTROL * math.sqrt(SEEN_IN_CONTROL) / S, rel=5e-3)


def test_without_constrained_parameters_all_is_statistical() -> None:
    likelihood, best, listed = fitted(systematics=False)
    assert parts_of(best, likelihood.poi, listed) == {
        "statistical": pytest.approx(math.sqrt(SEEN) / S, rel=2e-4),
        "systematic": 0.0,
        "simulation": 0.0,
    }


def test_a_strength_on_its_bound_has_no_parts() -> None:
    likelihood, best, listed = fitted(seen=0.0)
    assert best.at_bound[likelihood.poi] or best.correlation is None
    assert parts_of(best, likelihood.poi, listed) is None


def test_impacts_of_simulated_statistics_are_those_of_fits_to_first_order() -> None:
    """One error of γ up takes m events of the strength: -m / s, and 1 / s of what is fitted."""
    likelihood, best, listed = fitted()
    prior = cabinetry.model_utils.prefit_uncertainties(likelihood.model)
    with numpy_backend():
        ranked = {r["name"]: r for r in ranking(likelihood, best, prior, listed, Reasons())}
    assert set(ranked) == {"jes", "staterror_signal[0]"}
    of = ranked["staterror_signal[0]"]
    assert of["impact_up"] == pytest.approx(-NOISE / S, rel=2e-3)
    assert of["impact_down"] == -of["impact_up"]
    assert of["prefit_impact_up"] == pytest.approx(-NOISE / S, rel=2e-3)
    assert ranked["jes"]["impact_up"] == pytest.approx(-SHIFT / S, rel=2e-3)


def test_what_groups_cost_is_what_knowing_them_gains() -> None:
    """Known exactly, Z² = 2 ((s + b) ln(1 + s / b) - s); of one group, by pyhf with it fixed."""
    likelihood, best, listed = fitted()
    reasons = Reasons()
    with numpy_backend():
        asimov = fit_of_asimov(likelihood)
        z = expected_significance(likelihood)
        of = partial(group_impacts, likelihood, best, asimov, z, reasons)
        together, *none = of(all_constrained(listed))
        alone = of(
            [[likelihood.names.index("staterror_signal[0]")], [likelihood.names.index("jes")]]
        )
        model, truth = likelihood.model, likelihood.nominal
        fixed = [name == "jes" for name in model.config.par_names]
        q0 = pyhf.infer.test_statistics.q0(
            0.0, model.expected_data(truth), model, list(truth), likelihood.bounds, fixed
        )
    known = math.sqrt(2.0 * ((S + B) * math.log(1.0 + S / B) - S))
    assert none == []
    assert together["significance"] == pytest.approx(known, abs=1e-5)
    assert together["gain"] == pytest.approx(known - z)
    assert together["impact"] == pytest.approx(math.hypot(SHIFT, NOISE) / S, rel=2e-3)
    # the dearest first
    assert [group["parameters"] for group in alone] == [["jes"], ["staterror_signal[0]"]]
    assert alone[0]["significance"] == pytest.approx(math.sqrt(q0), abs=1e-5)
    assert alone[0]["expected_impact"] == pytest.approx(SHIFT / S, rel=2e-3)
    assert 0.0 < alone[1]["gain"] < alone[0]["gain"] < together["gain"]
    assert not reasons


def test_groups_are_those_of_the_configuration(toy_configuration) -> None:
    analysis = parse(toy_configuration())
    parameters = recipe(analysis).structure.parameters.names
    named = parameter_groups(analysis, parameters)
    assert {named[p] for p in parameters if p.startswith("staterror_")} == {"Simulated events"}
    assert named["lumi"] == "Luminosity"
    assert named["ttbar_norm"] == "Free normalisations"
    together = toy_configuration()
    for name in ("jes", "pileup"):
        together["systematics"][name]["group"] = "Detector"
    named = parameter_groups(parse(together), parameters)
    assert [p for p in parameters if named[p] == "Detector"] == ["jes", "pileup"]


def test_the_total_background_knows_how_processes_are_correlated() -> None:
    """Two backgrounds with opposite shifts cancel; with k fitted, 1 / sqrt(n_c) is left."""
    analysis = load("config/zprime.yaml")
    spec = workspace(norm=True, systematics=False)
    for channel, n in zip(spec["channels"], (B, CONTROL), strict=True):
        norm = factor("norm")
        up, down = [n + SHIFT], [n - SHIFT]
        for name, hi, lo in (("wjets", up, down), ("ttbar_dileptonic", down, up)):
            data = {"hi_data": hi, "lo_data": lo}
            moved = {"name": "jes", "type": "histosys", "data": data}
            sample = {"name": name, "data": [n], "modifiers": [norm, moved]}
            channel["samples"] = [s for s in channel["samples"] if s["name"] != name] + [sample]
    spec["observations"][1]["data"] = [2 * CONTROL]
    with numpy_backend():
        likelihood = Likelihood.of(spec)
        best = best_fit(likelihood)
        found = predictions(analysis, likelihood.model, best.predicted_with(likelihood), {})
    yields = found["yields"]["signal"]
    assert yields["wjets"]["prefit_error"] == pytest.approx(SHIFT)
    assert yields["total_background"]["prefit"] == 2 * B
    assert yields["total_background"]["prefit_error"] == pytest.approx(0.0, abs=1e-9)
    relative = yields["total_background"]["postfit_error"] / yields["total_background"]["postfit"]
    assert relative == pytest.approx(1.0 / math.sqrt(2 * CONTROL), rel=2e-3)
    # in the control region there is no signal: both sums are the same
    control = found["yields"]["wjets_control"]
    assert control["total_background"] == control["total"]


def test_predictions_are_those_of_cabinetry() -> None:
    analysis = load("config/zprime.yaml")
    with numpy_backend():
        likelihood = Likelihood.of(workspace(norm=True))
        results = best_fit(likelihood).predicted_with(likelihood)
        found = predictions(analysis, likelihood.model, results, {})
        for stage, fit_results in (("prefit", None), ("postfit", results)):
            known = cabinetry.model_utils.prediction(likelihood.model, fit_results=fit_results)
            for i, region in enumerate(likelihood.model.config.channels):
                errors = known.total_stdev_model_channels[i]
                names = [*likelihood.model.config.samples, "total"]
                for name, error in zip(names, errors, strict=True):
                    if name in found["yields"][region]:
                        assert found["yields"][region][name][f"{stage}_error"] == pytest.approx(
                            error, rel=1e-9
                        )
                np.testing.assert_allclose(
                    found["templates"][region][stage]["error"],
                    known.total_stdev_model_bins[i][-1],
                    rtol=1e-9,
                )
