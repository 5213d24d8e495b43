"""`zenith inspect` shows what is in every kind of artefact."""

from pathlib import Path
from typing import Any

import hist
import numpy as np
import pytest
import uproot

from zenith.artefacts import Columns, write_columns, write_histograms, write_json
from zenith.cli import main
from zenith.errors import InputError
from zenith.reporting.inspection import describe


def rows(text: str) -> list[list[str]]:
    """The cells of every line of every table."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]


def histogram(values: Any, variances: Any) -> hist.Hist:
    result = hist.Hist(hist.axis.Variable([0.0, 1.0, 3.0]), storage=hist.storage.Weight())
    result[...] = np.stack([values, variances], axis=-1)
    return result


def test_histograms_are_shown_as_yields(tmp_path: Path) -> None:
    path = tmp_path / "histograms.root"
    write_histograms(path, {"signal/wjets/nominal": histogram([90.0, 10.0], [15.0, 10.0])})
    text = describe(path)
    assert "signal: 2 bins" in text
    assert ["wjets", "nominal", "100.0 ± 5.0"] in rows(text)


def test_a_skim_is_shown_with_its_branches_and_sums(tmp_path: Path) -> None:
    path = tmp_path / "skim.root"
    with uproot.recreate(path) as file:
        file.mktree("Events", {"run": np.uint32, "MET_pt": np.float32})
        file["Events"].extend({"run": np.ones(3, np.uint32), "MET_pt": np.ones(3, np.float32)})
        file.mktree("Runs", {"run": np.uint32, "genEventSumw": np.float64})
        file["Runs"].extend(
            {"run": np.array([1, 2], np.uint32), "genEventSumw": np.array([1.5, 2.25])}
        )
    text = describe(path)
    assert "tree Events: 3 entries" in text
    assert ["MET_pt", "float"] in rows(text)
    assert ["genEventSumw", "3.75"] in rows(text)
    assert describe(f"{path}:Events") == text


def test_columns_are_shown_with_units_and_weights(tmp_path: Path) -> None:
    path = tmp_path / "wjets.h5"
    columns = Columns(
        {"met": np.array([10, 20, 60], np.float32)},
        weight=np.array([0.5, 0.5, 2.0]),
        hash=np.arange(3, dtype=np.uint64),
        weights={"pileup_up": np.array([0.6, 0.6, 2.2])},
        shapes={"jes_up": {"met": np.array([11, 21, 61], np.float32)}},
        units={"met": "GeV"},
        descriptions={"met": "Missing momentum."},
        attributes={"sample": "wjets"},
    )
    write_columns(path, columns)
    text = describe(path)
    found = rows(text)
    assert ["met", "GeV", "Missing momentum.", "10", "30", "60"] in found
    assert ["weight", "3", "0.5", "2"] in found
    assert ["pileup_up", "3.4", "0.6", "2.2"] in found
    assert ["events", "3"] in found
    assert "shape variations: jes_up" in text


def test_a_workspace_is_shown_with_its_modifiers(tmp_path: Path) -> None:
    path = tmp_path / "workspace.json"
    modifiers = [
        {"name": "mu", "type": "normfactor", "data": None},
        {"name": "lumi", "type": "normsys", "data": {"hi": 1.01, "lo": 0.99}},
    ]
    sample = {"name": "signal", "data": [1.0, 2.5], "modifiers": modifiers}
    content = {
        "channels": [{"name": "SR", "samples": [sample]}],
        "observations": [{"name": "SR", "data": [4.0, 5.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }
    write_json(path, content)
    text = describe(path)
    assert "channel SR: 2 bins, 9 observed" in text
    assert ["signal", "3.5", "normfactor: mu; normsys: lumi"] in rows(text)


@pytest.mark.parametrize(
    ("samples", "place"),
    [
        ([], "channels[0].samples (channel 'SR'): the list is empty"),
        ([{"name": "a", "data": ["x"], "modifiers": []}], "data[0] (channel 'SR', sample 'a')"),
        ([{"name": "a", "data": [1.0]}], "(channel 'SR', sample 'a'): 'modifiers' is missing"),
    ],
)
def test_a_malformed_workspace_is_one_message(
    samples: list[Any], place: str, tmp_path: Path
) -> None:
    content = {
        "channels": [{"name": "SR", "samples": samples}],
        "observations": [{"name": "SR", "data": [4.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }
    write_json(tmp_path / "w.json", content)
    with pytest.raises(InputError) as error:
        describe(tmp_path / "w.json")
    assert place in str(error.value)


JES = {
    "name": "jes", "kind": "constrained", "prefit_value": 0.0, "prefit_error": 1.0,
    "value": 0.25, "error": 0.5,
}  # fmt: skip
IMPACT = {
    "name": "jes", "impact_up": 0.125, "impact_down": -0.25, "prefit_impact_up": 0.25,
    "prefit_impact_down": -0.5,
}  # fmt: skip
FIT = {
    "mu": 0.94, "mu_error": 0.31, "asimov": False, "twice_nll": 7.0, "goodness_of_fit": None,
    "significance": {"expected": 2.5, "observed": None}, "parameters": [JES], "ranking": [IMPACT],
    "correlation": None, "upper_limit": None, "scan": None, "templates": {},
    "yields": {"SR": {"wjets": {"prefit": 12.0, "prefit_error": 1.5, "postfit": 13.0,
                                "postfit_error": 1.25}, "data": 14.0}},
}  # fmt: skip


def test_a_fit_is_shown_with_its_numbers(tmp_path: Path) -> None:
    path = tmp_path / "fit.json"
    write_json(path, FIT)
    found = rows(describe(path))
    assert ["μ", "0.94 ± 0.31"] in found
    assert ["significance, expected", "2.5"] in found
    assert ["jes", "0.25", "0.5"] in found
    assert ["jes", "0.125", "-0.25"] in found
    assert ["wjets", "12.0 ± 1.5", "13.0 ± 1.2"] in found


def test_a_fit_without_errors_shows_the_reasons(tmp_path: Path) -> None:
    content = FIT | {
        "mu": 0.0, "mu_error": None, "significance": {"expected": None, "observed": 0.0},
        "parameters": [JES | {"name": "mu", "value": 0.0, "error": None, "at_bound": True}],
        "upper_limit": {"level": 0.95, "observed": None, "expected": [1.0, 1.5, None, None, None]},
        "ranking": [IMPACT | {"impact_up": None}],
        "reasons": {"mu_error": "the parameter is on its bound, 0 of 0 to 9"},
    }  # fmt: skip
    write_json(tmp_path / "fit.json", content)
    found = rows(describe(tmp_path / "fit.json"))
    assert ["μ", "0"] in found
    assert ["mu", "0", ""] in found
    assert ["jes", "", "-0.25"] in found
    assert ["mu_error", "the parameter is on its bound, 0 of 0 to 9"] in found


def test_cutflows_are_shown(tmp_path: Path) -> None:
    skim, regions = tmp_path / "skim.cutflow.json", tmp_path / "cutflow.json"
    step = {"cut": "met > 30", "events": 4, "sum_weights": 1234567.25}
    write_json(skim, {"sample": "wjets", "file": "a.root", "events": 9, "steps": [step]})
    process = {"events": [9, 4], "yield": [90.5, 40.25], "error": [3.0, 2.0]}
    write_json(regions, {"SR": {"cuts": ["all", "met > 50"], "processes": {"wjets": process}}})
    assert ["met > 30", "4", "1234567.25"] in rows(describe(skim))
    assert ["met > 50", "40.25 (4)"] in rows(describe(regions))


def test_other_json_is_shown_flat(tmp_path: Path) -> None:
    path = tmp_path / "optimised.json"
    write_json(path, {"final": {"met": 87.5}, "steps": list(range(20))})
    found = rows(describe(path))
    assert ["final.met", "87.5"] in found
    assert ["steps", "0, 1, 2, 3, 4, 5, 6, 7, … (20)"] in found


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("notes.txt", "text", "not a kind of file that can be inspected"),
        ("broken.root", "text", "cannot be read as a ROOT file"),
        ("broken.h5", "text", "not an HDF5 file"),
        ("broken.safetensors", "text", "not a network of Zenith"),
        ("broken.json", "{", "not valid JSON"),
        ("missing.json", None, "no such file"),
    ],
)
def test_other_files_are_clear_errors(
    tmp_path: Path, name: str, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=message) as error:
        describe(tmp_path / name)
    assert name in str(error.value)


def test_the_command_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "any.json"
    write_json(path, {"answer": 42})
    assert main(["inspect", str(path)]) == 0
    assert ["answer", "42"] in rows(capsys.readouterr().out)
    assert main(["inspect", str(tmp_path / "none.json")]) == 1
