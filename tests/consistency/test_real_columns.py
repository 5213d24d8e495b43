"""Columns of real NanoAOD with the real corrections, against a few lines of numpy."""

import json
from pathlib import Path
from typing import Any

import correctionlib
import numpy as np
import pytest
import uproot

from zenith.artefacts import read_columns
from zenith.cli import main
from zenith.config import load
from zenith.events.columns import make_columns
from zenith.events.skim import skim

DATA = Path("../shared/data")
SIMULATION = DATA / "nanoaod/nanoAOD_2015_CMS_Open_Data_ttbar.root"
COLLISIONS = DATA / "nanoaod/nano_dimuon.root"
PILEUP = DATA / "corrections/puWeights.json.gz"
MUONS = DATA / "corrections/muon_Z.json.gz"

pytestmark = pytest.mark.skipif(
    not (SIMULATION.exists() and MUONS.exists()),
    reason=f"the real NanoAOD files and corrections are not in {DATA}",
)

SAMPLE = "ttbar_semileptonic"
CORRECTIONS = {
    "pileup": {"file": str(PILEUP)},
    "muon_id": {"file": str(MUONS), "correction": "NUM_HighPtID_DEN_genTracks"},
}
# None of the 41 muons of the simulation has an identification: momentum alone selects them.
OVERRIDES = [
    f"eras={json.dumps({'2016': {'corrections': CORRECTIONS, 'golden_json': None}})}",
    "eras.2016.event_flags=[Flag_goodVertices]",
    "met=MET",
    "objects.muon.cuts=[pt > 20, abs(eta) < 2.4]",
    "objects.jet={cuts: [pt > 30, jetId >= 2], away_from: {muon: 0.4}, aliases: {btag: qgl}}",
    "objects.fatjet={cuts: [pt > 170], away_from: {muon: 0.8}, aliases: {toptag: btagDeepB}}",
    "skim={trigger: null, cuts: [met > 20], chunk: 30}",
    "skim.branches={keep: [PV_npvs], simulation_only: [genWeight, Pileup_nTrueInt]}",
]


def events_of(path: Path, **branches: str) -> list[dict[str, Any]]:
    """The events of a file, one by one, as plain numpy."""
    with uproot.open(path) as file:
        arrays = file["Events"].arrays(list(branches.values()), library="np")
    names = {name: arrays[branch] for name, branch in branches.items()}
    count = len(next(iter(names.values())))
    return [{name: values[i] for name, values in names.items()} for i in range(count)]


BRANCHES = {
    "muon_pt": "Muon_pt",
    "muon_eta": "Muon_eta",
    "muon_phi": "Muon_phi",
    "jet_pt": "Jet_pt",
    "jet_eta": "Jet_eta",
    "jet_phi": "Jet_phi",
    "jet_id": "Jet_jetId",
    "met": "MET_pt",
    "good": "Flag_goodVertices",
}


def selected(event: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """pT and η of the muons, and pT of the jets outside ΔR = 0.4 of them."""
    muon = (event["muon_pt"] > 20) & (np.abs(event["muon_eta"]) < 2.4)
    d_eta = event["jet_eta"][:, None] - event["muon_eta"][None, muon]
    d_phi = event["jet_phi"][:, None] - event["muon_phi"][None, muon]
    d_phi = (d_phi + np.pi) % (2 * np.pi) - np.pi
    away = (np.hypot(d_eta, d_phi) >= 0.4).all(axis=1)
    jet = (event["jet_pt"] > 30) & (event["jet_id"] >= 2) & away
    return event["muon_pt"][muon], event["muon_eta"][muon], event["jet_pt"][jet]


def test_simulation_agrees_exactly_with_numpy(tmp_path: Path) -> None:
    analysis = load("config/cms-opendata-2016.yaml", OVERRIDES)
    skim(str(SIMULATION), tmp_path / "skim.root", analysis, SAMPLE)
    columns = make_columns([tmp_path / "skim.root"], analysis, SAMPLE)

    more = {"weight": "genWeight", "pileup": "Pileup_nTrueInt"}
    every = events_of(SIMULATION, **BRANCHES, **more)
    pileup = correctionlib.CorrectionSet.from_file(str(PILEUP))
    muons = correctionlib.CorrectionSet.from_file(str(MUONS))["NUM_HighPtID_DEN_genTracks"]
    of_pileup = pileup["Collisions16_UltraLegacy_goldenJSON"]
    sample = analysis.samples[SAMPLE]
    assert sample.cross_section is not None
    total = sum(float(e["weight"]) for e in every)
    scale = sample.cross_section * sample.k_factor * analysis.eras["2016"].luminosity * 1000 / total

    weights: dict[str, list[float]] = {"nominal": [], "systup": []}
    n_muon, jets, met = [], [], []
    for event in every:
        # The skim keeps what passes under any shape variation; the columns show the nominal.
        if not (event["good"] and event["met"] > 20):
            continue
        pt, eta, jet_pt = selected(event)
        n_muon.append(len(pt))
        jets.append(jet_pt.max(initial=0.0))
        met.append(event["met"])
        for side, found in weights.items():
            factor = of_pileup.evaluate(float(event["pileup"]), "nominal")
            for one_pt, one_eta in zip(pt, eta, strict=True):
                factor *= muons.evaluate(abs(float(one_eta)), float(one_pt), side)
            found.append(float(event["weight"]) * scale * factor)

    passing = columns.values["met"] > 20
    assert 100 < passing.sum() == len(met) < len(every)
    assert columns.attributes["events_generated"] == len(every)
    assert columns.attributes["sum_weights"] == pytest.approx(total, rel=1e-12)
    np.testing.assert_array_equal(columns.values["met"][passing], met)
    np.testing.assert_array_equal(columns.values["n_muon"][passing], n_muon)
    assert sum(n_muon) > 10
    np.testing.assert_allclose(columns.weight[passing], weights["nominal"], rtol=1e-12)
    np.testing.assert_allclose(
        columns.weights["muon_id_up"][passing], weights["systup"], rtol=1e-12
    )
    assert columns.weight[passing].sum() == pytest.approx(sum(weights["nominal"]), rel=1e-12)
    edges = [0, 1, 40, 60, 80, 120, 200]
    histogram = np.histogram(columns.values["jet_1_pt"][passing], edges)[0]
    assert histogram.tolist() == np.histogram(jets, edges)[0].tolist()
    assert (histogram > 0).sum() >= 5


def test_theory_weights_have_the_cross_section_of_the_sample(tmp_path: Path) -> None:
    """The file of 2015 has no tree Runs: the sum is over its 200 events, passed or not."""
    scale = "systematics.scale={type: weight, branches: {up: 'LHEScaleWeight[8]', down: %s}}"
    keep = "skim.branches.simulation_only=[genWeight, Pileup_nTrueInt, LHEScaleWeight]"
    more = [scale % "'LHEScaleWeight[0]'", keep]
    analysis = load("config/cms-opendata-2016.yaml", [*OVERRIDES, *more])
    skim(str(SIMULATION), tmp_path / "skim.root", analysis, SAMPLE)
    columns = make_columns([tmp_path / "skim.root"], analysis, SAMPLE)
    with uproot.open(SIMULATION) as file:
        every = file["Events"].arrays(["run", "event", "genWeight", "LHEScaleWeight"])
    with uproot.open(tmp_path / "skim.root") as file:
        kept = file["Events"]["event"].array(library="np")
    rows = [np.flatnonzero(every["event"] == number)[0] for number in kept]
    g = every["genWeight"].to_numpy().astype(float)
    for side, entry in (("up", 8), ("down", 0)):
        w = every["LHEScaleWeight"].to_numpy()[:, entry].astype(float)
        factor = w * g.sum() / (g @ w)
        assert abs(g @ w / g.sum() - 1.0) > 0.02  # as such they change the cross-section
        found = columns.weights[f"scale_{side}"]
        np.testing.assert_allclose(found, columns.weight * factor[rows], rtol=1e-6)


def test_collisions_agree_exactly_with_numpy_by_the_command(tmp_path: Path) -> None:
    shared = ["--config", "config/cms-opendata-2016.yaml", "--sample", "collisions"]
    for text in [*OVERRIDES, "eras.2016.event_flags=[Flag_goodVertices]"]:
        shared += ["--set", text]
    skimmed, output = str(tmp_path / "skim.root"), tmp_path / "columns.h5"
    cutflow = ["--cutflow", str(tmp_path / "cutflow.json")]
    assert main(["skim", *shared, "--input", str(COLLISIONS), "--output", skimmed, *cutflow]) == 0
    assert main(["columns", *shared, "--input", skimmed, "--output", str(output)]) == 0
    columns = read_columns(output)

    every = events_of(COLLISIONS, **BRANCHES)
    events = [selected(e) for e in every if e["good"] and e["met"] > 20]
    assert 5 < len(columns.weight) == len(events) < len(every)
    assert columns.weight.sum() == len(events)
    assert len(set(columns.hash)) == len(events)
    leading = [pt.max(initial=0.0) for pt, _, _ in events]
    np.testing.assert_array_equal(columns.values["muon_pt"], np.float32(leading))
    scalar = [jets.sum() + pt.sum() for pt, _, jets in events]
    np.testing.assert_allclose(columns.values["st"] - columns.values["met"], scalar, rtol=1e-5)
    assert columns.weights == {}
    assert columns.shapes == {}


@pytest.mark.parametrize(
    ("sample", "process", "file"),
    [("collisions", "data", COLLISIONS), (SAMPLE, "ttbar_semileptonic", SIMULATION)],
)
def test_histograms_agree_exactly_with_numpy_by_the_command(
    tmp_path: Path, sample: str, process: str, file: Path
) -> None:
    edges = [0, 20, 30, 40, 60, 100]
    region = {
        "cuts": ["met > 30"],
        "fit": {"observable": "met", "edges": edges, "overflow": "drop"},
        "plots": ["met"],
    }
    shared = ["--config", "config/cms-opendata-2016.yaml"]
    for text in [
        *OVERRIDES,
        f"regions.signal={json.dumps(region)}",
        "regions.wjets_control=null",
        "regions.ttbar_control=null",
        "mva=null",
        "observables.wjets_vs_ttbar=null",  # its score
        "statistics.blind=false",
        f"only_samples=[{sample}]",
    ]:
        shared += ["--set", text]
    names = {key: str(tmp_path / key) for key in ("skim.root", "cut.json", "columns.h5")}
    one = [*shared, "--sample", sample]
    skimmed = ["--output", names["skim.root"], "--cutflow", names["cut.json"]]
    assert main(["skim", *one, "--input", str(file), *skimmed]) == 0
    made = ["--input", names["skim.root"], "--output", names["columns.h5"]]
    assert main(["columns", *one, *made]) == 0
    output = ["--output", str(tmp_path / "h.root"), "--plots", str(tmp_path / "p.root")]
    output += ["--cutflow", str(tmp_path / "flow.json")]
    assert main(["histogram", *shared, "--input", names["columns.h5"], *output]) == 0

    with uproot.open(tmp_path / "h.root") as written:
        histogram = written[f"signal/{process}/nominal"]
        found, variances = histogram.values(), histogram.variances()
    columns = read_columns(names["columns.h5"])
    met = np.array([e["met"] for e in events_of(file, **BRANCHES) if e["good"] and e["met"] > 30])
    own = columns.values["met"] > 30
    np.testing.assert_array_equal(columns.values["met"][own], np.float32(met))
    weight = columns.weight[own]  # nothing is learned here: all of the simulation is used
    np.testing.assert_allclose(found, np.histogram(met, edges, weights=weight)[0], rtol=1e-12)
    np.testing.assert_allclose(
        variances, np.histogram(met, edges, weights=weight**2)[0], rtol=1e-12
    )
    assert found.sum() > 0
