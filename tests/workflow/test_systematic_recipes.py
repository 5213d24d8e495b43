"""A systematic uncertainty, a weight and a kind from another package: from columns to the fit."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyhf
import pytest
import yaml
from makers.nanoaod import write
from makers.recipes import follow, installed

from zenith.cli import main
from zenith.config import dump, load, parse
from zenith.config.dependencies import step_config
from zenith.config.systematics import KINDS
from zenith.errors import ConfigError
from zenith.source_hash import sources

EVENTS = 3000
EDGES = np.array([500.0, 1000.0, 1400.0, 1800.0, 3500.0])


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A new analysis, with the recipes followed and the package of one of them installed."""
    monkeypatch.chdir(tmp_path)
    assert main(["new", "mine"]) == 0
    assert follow("A systematic uncertainty", tmp_path) == {"mine.yaml"}
    assert follow("A weight", tmp_path) == {"mine.yaml", "mine.py"}
    files = follow("A kind of systematic uncertainty", tmp_path)
    assert files == {"mine.yaml", "zenith_efficiency.py", "pyproject.toml"}
    with installed(tmp_path, "zenith_efficiency", KINDS, monkeypatch):
        yield tmp_path / "mine.yaml"


def made(seed: int) -> dict[str, Any]:
    """Events that pass all cuts: muons forward of the jets."""
    rng = np.random.default_rng(seed)
    muons, jets = rng.integers(1, 4, EVENTS), rng.integers(2, 5, EVENTS)

    def collection(counts: Any, eta: tuple[float, float], pt: float, **more: Any) -> ak.Array:
        size = counts.sum()
        momenta = {
            "pt": 40.0 + rng.exponential(pt, size),
            "eta": rng.uniform(*eta, size),
            "phi": rng.uniform(-3.0, 3.0, size),
            "mass": np.ones(size),
        }
        types = {name: values.astype(np.float32) for name, values in momenta.items()}
        return ak.unflatten(ak.zip({**types, **more}), counts)

    return {
        "run": np.ones(EVENTS, np.uint32),
        "luminosityBlock": np.ones(EVENTS, np.uint32),
        "event": np.arange(EVENTS, dtype=np.uint64),
        "genWeight": rng.choice([2.0, -1.0], EVENTS, p=[0.9, 0.1]).astype(np.float32),
        "MET_pt": rng.exponential(100.0, EVENTS).astype(np.float32),
        "MET_phi": rng.uniform(-3.0, 3.0, EVENTS).astype(np.float32),
        "Muon": collection(muons, (1.7, 2.3), 60.0, tightId=np.ones(muons.sum(), bool)),
        "Jet": collection(jets, (-2.0, 1.0), 250.0, jetId=np.full(jets.sum(), 6, np.int32)),
    }


@pytest.mark.slow
def test_from_columns_to_the_fit_by_recipes_alone(mine: Path) -> None:
    cuts = "regions.signal.cuts=[n_muon >= 1, n_jet >= 2]"  # nothing learnt: all events
    options = ["--config", str(mine), "--set", cuts]
    analysis = load(mine, [cuts])
    expected: dict[str, Any] = {}
    for seed, sample in enumerate(("signal", "background")):
        events = made(seed)
        sum_weights = float(events["genWeight"].astype(float).sum())
        runs = {
            "run": np.ones(1, np.uint32),
            "genEventCount": np.array([EVENTS]),
            "genEventSumw": np.array([sum_weights]),
        }
        skim = write(mine.parent / f"{sample}.root", events, runs)
        output = str(mine.parent / f"{sample}.h5")
        command = ["columns", *options, "--sample", sample, "--input", skim, "--output", output]
        assert main(command) == 0
        # the same by numpy
        met = events["MET_pt"].astype(float)
        st = met + (ak.sum(events["Jet"].pt, axis=1) + ak.sum(events["Muon"].pt, axis=1)).to_numpy()
        st = np.clip(st, EDGES[0], EDGES[-1])  # the outer bins have what is beyond them
        cross_section = analysis.samples[sample].cross_section
        assert cross_section is not None
        weight = events["genWeight"] * cross_section * 5.0 * 1000.0 / sum_weights
        muons = ak.num(events["Muon"]).to_numpy()
        factors = {"nominal": np.ones(EVENTS), "muon_efficiency_up": 1.03**muons}
        factors["muon_efficiency_down"] = 0.97**muons
        if sample == "background":
            strengths = {"": 1.0, "_up": 1.5, "_down": 0.5}
            recoil = {side: 1.0 / (1.0 + s * met / 1000.0) for side, s in strengths.items()}
            factors = {name: factor * recoil[""] for name, factor in factors.items()}
            factors |= {f"recoil{side}": recoil[side] for side in ("_up", "_down")}
        for name, factor in factors.items():
            yields, _ = np.histogram(st, EDGES, weights=weight * factor)
            expected[f"{sample}/{name}"] = yields

    files = ["--input", "signal.h5", "background.h5", "--output", "histograms.root"]
    assert main(["histogram", *options, *files, "--plots", "p.root", "--cutflow", "c.json"]) == 0
    files = ["--input", "histograms.root", "--workspace", "workspace.json", "--output", "fit.json"]
    assert main(["fit", *options, *files]) == 0

    spec = json.loads(Path("workspace.json").read_text())
    samples = {sample["name"]: sample for sample in spec["channels"][0]["samples"]}
    modifiers = {
        name: {(m["name"], m["type"]): m["data"] for m in sample["modifiers"]}
        for name, sample in samples.items()
    }
    for name in ("signal", "background"):
        np.testing.assert_allclose(samples[name]["data"], expected[f"{name}/nominal"], rtol=1e-6)
        efficiency = modifiers[name]["muon_efficiency", "histosys"]
        for side, data in (("up", "hi_data"), ("down", "lo_data")):
            wanted = expected[f"{name}/muon_efficiency_{side}"]
            np.testing.assert_allclose(efficiency[data], wanted, rtol=1e-6)
        assert ("muon_efficiency", "normsys") not in modifiers[name]
    assert modifiers["signal"]["signal_rate", "normsys"] == {"hi": 1.2, "lo": 0.9}
    assert not any(name == "recoil" for name, _ in modifiers["signal"])

    # at one standard deviation of each the model is the varied template
    model = pyhf.Workspace(spec).model()
    for parameter, value, side in (("recoil", 1.0, "up"), ("recoil", -1.0, "down")):
        at = np.array(model.config.suggested_init())
        at[model.config.par_slice(parameter)] = value
        rates = model.main_model.expected_data(at, return_by_sample=True)
        row = rates[model.config.samples.index("background")]
        np.testing.assert_allclose(row, expected[f"background/recoil_{side}"], rtol=1e-6)
    fitted = {p["name"]: p for p in json.loads(Path("fit.json").read_text())["parameters"]}
    for name in ("signal_rate", "recoil", "muon_efficiency"):
        assert fitted[name]["value"] == pytest.approx(0.0, abs=1e-3)  # Asimov data
        assert 0.0 < fitted[name]["error"] <= 1.001


def test_a_kind_of_another_package_is_configured_like_those_of_zenith(mine: Path) -> None:
    analysis = load(mine)
    assert parse(yaml.safe_load(dump(analysis))) == analysis
    modules = {type(systematic).__module__ for systematic in analysis.systematics.values()}
    found = sources("zenith.cli.columns", *modules)
    assert {"zenith_efficiency", "zenith.systematics.normalisation"} <= found.keys()
    other = load(mine, ["systematics.muon_efficiency.size=0.04"])
    again = {
        step
        for step in ("skim", "columns", "histogram", "fit")
        if step_config(other, step, "signal") != step_config(analysis, step, "signal")
    }
    assert again == {"columns"}  # which the others read
    for change, message in (
        ("object=muons", "systematics.muon_efficiency.object: 'muons' is not defined; .* muon"),
        ("siez=0.1", "systematics.muon_efficiency.siez: unknown key; did you mean 'size'"),
        ("size=2", "systematics.muon_efficiency.size: .*less than 1.*it is: relative unc"),
        ("type=eficiency", "systematics.muon_efficiency.type: .*did you mean 'efficiency'"),
    ):
        with pytest.raises(ConfigError, match=message):
            load(mine, [f"systematics.muon_efficiency.{change}"])
