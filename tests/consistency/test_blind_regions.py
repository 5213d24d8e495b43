"""Blind regions one by one: control regions are open, and predict the signal region."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from zenith.artefacts import Columns, read_histograms, read_json, write_columns
from zenith.cli import main
from zenith.config import Analysis, parse
from zenith.config.variants import blinded
from zenith.errors import FitError
from zenith.statistics.control import control_fit
from zenith.statistics.cutflow import cutflow
from zenith.statistics.fit import fit
from zenith.statistics.histograms import fill, plot_targets
from zenith.statistics.repair import sanitise
from zenith.statistics.templates import collect
from zenith.statistics.workspace import build

Configuration = Callable[..., dict[str, Any]]
QUICK = {"ranking": False, "scan_points": 0, "upper_limit": False}


def blind_config(config: dict[str, Any], **statistics: Any) -> dict[str, Any]:
    config["regions"]["signal"]["blind"] = True
    config["regions"]["signal"]["fit"]["edges"] = [400, 1200, 2800]
    config["statistics"] |= {**QUICK, **statistics}
    return config


def workspace(analysis: Analysis, columns: dict[str, Columns]) -> dict[str, Any]:
    regions = collect(analysis, fill(analysis, columns))
    return build(analysis, [sanitise(r, analysis.statistics.minimum_yield)[0] for r in regions])[0]


def with_other_signal_data(columns: dict[str, Columns]) -> dict[str, Columns]:
    """Ten times the events that look like the signal region."""
    data = columns["collisions"]
    often = np.where(data.values["btag_1"] > 0.5, 10, 1)
    values = {name: np.repeat(x, often) for name, x in data.values.items()}
    weight, identity = np.repeat(data.weight, often), np.repeat(data.hash, often)
    return {**columns, "collisions": Columns(values, weight, identity)}


def test_the_global_key_is_the_default_of_every_region(toy_configuration: Configuration) -> None:
    config = toy_configuration()
    assert not parse(config).blind
    config["statistics"]["blind"] = True
    assert all(parse(config).is_blind(region) for region in config["regions"])
    config["regions"]["control"]["blind"] = False
    opened = parse(config)
    assert (opened.is_blind("signal"), opened.is_blind("control"), opened.blind) == (
        True,
        False,
        True,
    )
    assert all(blinded(opened).is_blind(region) for region in config["regions"])


def test_data_of_a_blind_region_are_nowhere(
    toy_configuration: Configuration, toy_columns: dict[str, Columns]
) -> None:
    analysis = parse(blind_config(toy_configuration()))
    found = []
    for columns in (toy_columns, with_other_signal_data(toy_columns)):
        filled = fill(analysis, columns)
        plots = fill(analysis, columns, targets=plot_targets(analysis))
        flow = cutflow(analysis, columns)
        observed = {name.split("/")[0] for name in (*filled, *plots) if "/data/" in name}
        assert observed == {"control"}
        assert "data" in flow["control"]["processes"]
        assert "data" not in flow["signal"]["processes"]
        spec = workspace(analysis, columns)
        found.append(json.dumps([spec, fit(analysis, spec), control_fit(analysis, spec)]))
    assert found[0] == found[1]
    spec, result, control = json.loads(found[0])
    counts = {entry["name"]: entry["data"] for entry in spec["observations"]}
    expected = filled["control/data/nominal"].values()
    np.testing.assert_array_equal(counts["control"], expected)
    assert result["asimov"]
    assert result["mu"] == pytest.approx(1.0, abs=1e-3)
    assert result["yields"]["control"]["data"] is None
    assert control["yields"]["control"]["data"] == expected.sum()
    assert control["yields"]["signal"]["data"] is None
    assert "signal" not in control["yields"]["signal"]  # the process
    fitted = {p["name"] for p in control["parameters"]}
    assert "staterror_control[0]" in fitted
    assert fitted.isdisjoint({"mu", "staterror_signal[0]"})


def test_the_prediction_of_one_control_bin_has_a_closed_form(
    toy_configuration: Configuration, toy_columns: dict[str, Columns]
) -> None:
    """k = (N - w) / t; the signal region has w' + k t', with the error t' sqrt(N) / t."""
    config = blind_config(toy_configuration(), mc_statistics=False)
    config["eras"]["2016"]["luminosity_uncertainties"] = {}
    config["systematics"] = {}
    for region in ("signal", "control"):
        config["regions"][region]["fit"]["edges"] = [400, 2800]
    analysis = parse(config)
    histograms = fill(analysis, toy_columns)
    yields = {name: histogram.values()[0] for name, histogram in histograms.items()}
    wjets, ttbar, data = (yields[f"control/{p}/nominal"] for p in ("wjets", "ttbar", "data"))
    factor = (data - wjets) / ttbar
    control = control_fit(analysis, workspace(analysis, toy_columns))
    assert control is not None
    assert [(p["name"], p["kind"]) for p in control["parameters"]] == [("ttbar_norm", "free")]
    assert control["parameters"][0]["value"] == pytest.approx(factor, rel=1e-4)
    predicted = control["yields"]["signal"]["total"]
    behind, scaled = (yields[f"signal/{p}/nominal"] for p in ("wjets", "ttbar"))
    assert predicted["postfit"] == pytest.approx(behind + factor * scaled, rel=1e-4)
    assert predicted["postfit_error"] == pytest.approx(scaled * np.sqrt(data) / ttbar, rel=1e-3)
    assert control["regions"] == ["control"]


def test_what_no_control_region_knows_keeps_its_prior(
    toy_configuration: Configuration, toy_columns: dict[str, Columns]
) -> None:
    config = blind_config(toy_configuration())
    config["systematics"]["only_signal"] = {
        "type": "normalisation", "processes": ["wjets", "ttbar"], "up": 0.5, "regions": ["signal"]
    }  # fmt: skip
    with_prior, without = (
        control_fit(analysis, workspace(analysis, toy_columns))
        for analysis in (parse(config), parse(blind_config(toy_configuration())))
    )
    assert with_prior is not None
    assert without is not None
    wide, narrow = (c["yields"]["signal"]["total"] for c in (with_prior, without))
    assert wide["postfit"] == pytest.approx(narrow["postfit"], rel=1e-3)
    added = np.sqrt(wide["postfit_error"] ** 2 - narrow["postfit_error"] ** 2)
    assert added == pytest.approx(0.5 * wide["postfit"], rel=0.1)  # interpolated: not a Gaussian


def test_without_a_blind_or_an_open_region_there_is_none(
    toy_configuration: Configuration, toy_columns: dict[str, Columns]
) -> None:
    for blind in (True, False):
        analysis = parse(toy_configuration(statistics={"blind": blind}))
        assert control_fit(analysis, workspace(analysis, toy_columns)) is None


def test_an_open_region_needs_data(
    toy_configuration: Configuration, toy_columns: dict[str, Columns]
) -> None:
    config = blind_config(toy_configuration()) | {"only_samples": ["[!c]*"]}
    with pytest.raises(FitError, match="no sample of a data process"):
        workspace(parse(config), toy_columns)


def test_from_columns_to_figures_and_the_summary(
    toy_configuration: Configuration, toy_columns: dict[str, Columns], tmp_path: Path
) -> None:
    config = blind_config(toy_configuration(plotting={"formats": ["png"], "observables": ["met"]}))
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(config))
    for sample, columns in toy_columns.items():
        columns.attributes["sample"] = sample
        write_columns(tmp_path / f"{sample}.h5", columns)
    inputs = [str(path) for path in sorted(tmp_path.glob("*.h5"))]
    here = tmp_path / "initial"
    common = ["--config", f"{tmp_path}/c.yaml"]
    histograms = ["--output", f"{here}/h.root", "--plots", f"{here}/p.root"]
    flow = ["--cutflow", f"{here}/cutflow.json"]
    assert main(["histogram", *common, "--input", *inputs, *histograms, *flow]) == 0
    assert "signal/data/nominal" not in read_histograms(here / "h.root")
    outputs = ["--workspace", f"{here}/w.json", "--output", f"{here}/fit.json"]
    assert main(["fit", *common, "--input", f"{here}/h.root", *outputs]) == 0
    control = read_json(here / "fit.json")["control_fit"]
    figures = ["--fit", f"{here}/fit.json", *flow, "--output", f"{here}/figures"]
    assert main(["figures", *common, *figures]) == 0
    drawn = {path.stem for path in (here / "figures" / "fit_regions").iterdir()}
    assert {"signal_control_fit", "control_control_fit", "signal_prefit"} <= drawn
    page = ["--output", f"{tmp_path}/s.json", "--page", f"{tmp_path}/s.md"]
    assert main(["summary", *common, "--results", str(tmp_path), *page]) == 0
    text = (tmp_path / "s.md").read_text()
    section = text[text.index("## Prediction from the control regions") :].split("##")[1]
    predicted = control["yields"]["signal"]["total"]["postfit"]
    assert read_json(tmp_path / "s.json")["control_fit"]["yields"] == control["yields"]
    assert f"{predicted:.0f}"[:3] in section
    assert "blind" in section
