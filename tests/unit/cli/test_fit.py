"""The steps `histogram` and `fit` by hand: files in, files out, and one message for a mistake."""

import json

import pyhf
import pytest
import yaml

from zenith.artefacts import read_histograms, read_json, write_columns
from zenith.cli import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory, toy_configuration, toy_columns):
    folder = tmp_path_factory.mktemp("steps")
    config = toy_configuration()
    config["regions"]["signal"]["fit"]["edges"] = [400, 1500, 2800]
    config["statistics"] |= {"ranking": False, "upper_limit": False, "scan_points": 0}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    for sample, columns in toy_columns.items():
        columns.attributes["sample"] = sample
        write_columns(folder / f"{sample}.h5", columns)
    return folder


def _histogram(folder, out, *extra):
    inputs = [str(p) for p in sorted(folder.glob("*.h5"))]
    outputs = ["--output", f"{out}/h.root", "--plots", f"{out}/p.root"]
    config = ["--config", f"{folder}/config.yaml", "--cutflow", f"{out}/cutflow.json"]
    return main(["histogram", *config, "--input", *inputs, *outputs, *extra])


def test_from_columns_to_the_fit(folder, tmp_path):
    (tmp_path / "best.json").write_text(json.dumps({"thresholds": {"btag_1": 0.6}}))
    assert _histogram(folder, tmp_path, "--selection", f"{tmp_path}/best.json") == 0
    names = set(read_histograms(tmp_path / "h.root"))
    assert "signal/ttbar/jes_up" in names
    assert names.isdisjoint(plots := read_histograms(tmp_path / "p.root"))
    assert "control/met/data/nominal" in plots
    flow = read_json(tmp_path / "cutflow.json")
    assert flow["signal"]["cuts"][-1] == "btag_1 > 0.6"
    outputs = ["--workspace", f"{tmp_path}/w.json", "--output", f"{tmp_path}/fit.json"]
    config = ["--config", f"{folder}/config.yaml"]
    assert main(["fit", *config, "--input", f"{tmp_path}/h.root", *outputs]) == 0
    result = read_json(tmp_path / "fit.json")
    model = pyhf.Workspace(read_json(tmp_path / "w.json")).model()
    assert result["correlation"]["names"] == model.config.par_names
    assert result["mu_error"] > 0
    assert result["provenance"]["inputs"].keys() == {"h.root"}
    assert result["upper_limit"] is None
    assert result["control_fit"] is None
    relative = {
        p["name"]: p["error"] / p["prefit_error"]
        for p in result["parameters"]
        if p["kind"] == "constrained"
    }
    told = {entry["name"]: entry for entry in result["constraints"]}
    assert told.keys() == {name for name, error in relative.items() if error < 0.6}
    assert all(0.0 <= entry["share"] <= 1.0 for entry in told.values())


def test_a_wrong_threshold_is_one_message_and_no_output(folder, tmp_path, capsys):
    (tmp_path / "best.json").write_text(json.dumps({"thresholds": {"btag": 0.6}}))
    assert _histogram(folder, tmp_path, "--selection", f"{tmp_path}/best.json") == 1
    error = capsys.readouterr().err
    assert "best.json: 'btag' is not a tunable threshold" in error
    assert [p.name for p in tmp_path.iterdir()] == ["best.json"]


def test_a_file_without_histograms_is_named(folder, tmp_path, capsys):
    outputs = ["--workspace", f"{tmp_path}/w.json", "--output", f"{tmp_path}/fit.json"]
    config = ["--config", f"{folder}/config.yaml"]
    (tmp_path / "h.root").write_text("no ROOT file")
    assert main(["fit", *config, "--input", f"{tmp_path}/h.root", *outputs]) == 1
    assert "h.root: cannot be read as a ROOT file" in capsys.readouterr().err
    assert not (tmp_path / "w.json").exists()
