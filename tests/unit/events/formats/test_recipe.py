"""The recipe `An input format` of CONTRIBUTING: a package beside Zenith, whose files are read."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from makers.recipes import follow, installed

from zenith.artefacts import read_columns
from zenith.cli import main
from zenith.config.formats import FORMATS


def test_an_input_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lines of JSON through skim and columns, in MeV, against numpy."""
    random, events = np.random.default_rng(3), 200
    muons = random.integers(0, 3, events)
    pt = [np.sort(random.exponential(50.0, n))[::-1].round(3) for n in muons]
    met, weight = random.exponential(40.0, events).round(3), random.choice([1.0, -0.5], events)
    lines = (
        {
            **{"run": 1, "luminosityBlock": 1, "event": i, "genWeight": weight[i]},
            **{"MET_pt": 1e3 * met[i], "MET_phi": 0.5},
            **{"Muon_pt": [1e3 * x for x in pt[i]], "Muon_eta": [0.5] * muons[i]},
            **{"Muon_phi": [1.5] * muons[i], "Muon_mass": [105.66] * muons[i]},
        }
        for i in range(events)
    )
    file = tmp_path / "events.jsonl"
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    config = tmp_path / "config.yaml"
    config.write_text(
        yaml.safe_dump(
            {
                "name": "lines",
                "module": "zenith.templates.analysis",
                "format": {"type": "json_lines", "unit": 0.001},
                "eras": {"all": {"luminosity": 1.0}},
                "processes": {"signal": {"role": "signal", "label": "S"}},
                "samples": {
                    "s": {
                        "process": "signal",
                        "era": "all",
                        "cross_section": 0.5,
                        "files": [str(file)],
                    }
                },
                "skim": {"cuts": ["n_muon >= 1"], "chunk": 70},
                "objects": {"muon": {"collection": "Muon", "cuts": ["pt > 20"]}},
                "observables": {"met": {"label": "met", "edges": [0, 100]}},
                "regions": {
                    "one": {
                        "label": "one",
                        "cuts": ["met > 20"],
                        "fit": {"observable": "muon_pt", "edges": [20, 50, 200]},
                    }
                },
            }
        )
    )
    common = ["--config", str(config), "--sample", "s"]
    skim = ["--output", f"{tmp_path}/s.root", "--cutflow", f"{tmp_path}/s.json"]
    columns = ["--input", f"{tmp_path}/s.root", "--output", f"{tmp_path}/s.h5"]
    assert main(["skim", *common, "--input", str(file), *skim]) == 1
    assert "format.type: unknown 'json_lines' (known: nanoaod, table, tree)" in (
        capsys.readouterr().err
    )
    assert len(follow("An input format", tmp_path)) == 2
    with installed(tmp_path, "zenith_json_lines", FORMATS, monkeypatch):
        assert main(["skim", *common, "--input", str(file), *skim]) == 0
        assert main(["columns", *common, *columns]) == 0
        capsys.readouterr()
        wrong = ["--set", "format.unit=-1"]
        assert main(["skim", *common, "--input", str(file), *skim, *wrong]) == 1
        assert "format.unit: Input should be greater than 0" in capsys.readouterr().err
    found = read_columns(tmp_path / "s.h5")
    leading = np.array([max([*p, 0.0]) for p in pt])
    kept = leading > 20
    np.testing.assert_allclose(found.values["muon_pt"], leading[kept], rtol=1e-6)
    np.testing.assert_allclose(found.values["met"], met[kept], rtol=1e-6)
    np.testing.assert_allclose(found.weight, 500.0 * weight[kept] / weight.sum(), rtol=1e-12)
