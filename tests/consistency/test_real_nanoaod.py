"""Steps on real NanoAOD of CMS Open Data, against a few lines of numpy."""

import json
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from zenith.config import Analysis, load
from zenith.errors import InputError
from zenith.events.skim import skim

DATA = Path("../shared/data")
SIMULATION = DATA / "nanoaod/nanoAOD_2015_CMS_Open_Data_ttbar.root"
COLLISIONS = DATA / "nanoaod/nano_dimuon.root"
CERTIFICATE = DATA / "corrections/Cert_271036-284044_13TeV_Legacy2016_Collisions16_JSON.txt"

pytestmark = pytest.mark.skipif(
    not SIMULATION.exists(), reason=f"the real NanoAOD files are not in {DATA}"
)

# Of the few events that there are, the selection of the analysis leaves none (in this simulation
# no muon has an identification at all): a looser one.
DIMUON = "HLT_Mu17_TrkIsoVVL_Mu8_TrkIsoVVL_DZ_Mass8"
LOOSE = [
    "objects.muon.cuts=[pt > 15, abs(eta) < 2.4, isGlobal]",
    "objects.jet={cuts: [pt > 30, abs(eta) < 2.4], away_from: null}",
    "objects.fatjet={collection: FatJet, cuts: [pt > 170], aliases: {toptag: deepTag_TvsQCD}}",
    "skim.cuts=[n_muon >= 1, n_jet >= 1, met > 30]",
    "regions.signal.cuts=[met > 50]",
    "regions.wjets_control=null",
    "regions.ttbar_control=null",
    "systematics.jer=null",
    "skim.branches.keep=[HLT_*Mu50, Muon_*Id, Jet_btagDeepB, FatJet_deepTag_TvsQCD, PV_npvs]",
    "mva={}",
]


def loose(*overrides: str) -> Analysis:
    return load("config/cms-opendata-2016.yaml", [*LOOSE, *overrides])


def read(path: Path) -> dict[str, ak.Array]:
    with uproot.open(path) as file:
        tree = file["Events"]
        wanted = [n for n in tree.keys() if n.startswith(("Muon_", "Jet_", "PuppiMET_", "Flag_"))]  # noqa: SIM118
        wanted += ["run", "event", "HLT_Mu8", DIMUON, "genWeight"]
        return tree.arrays([n for n in wanted if n in tree], how=dict)


def structural_cuts(found: dict[str, ak.Array], shift: float) -> np.ndarray:
    """Which of the three cuts an event passes with jets scaled by 1 + shift, (3, events)."""
    muons = (found["Muon_pt"] > 15) & (abs(found["Muon_eta"]) < 2.4) & found["Muon_isGlobal"]
    jets = (found["Jet_pt"] * (1 + shift) > 30) & (abs(found["Jet_eta"]) < 2.4)
    x, y = (
        found["PuppiMET_pt"] * f(found["PuppiMET_phi"])
        - ak.sum(shift * found["Jet_pt"] * f(found["Jet_phi"]), axis=1)
        for f in (np.cos, np.sin)
    )
    return np.array(
        [ak.sum(muons, axis=1) >= 1, ak.sum(jets, axis=1) >= 1, np.hypot(x, y) > 30], dtype=bool
    )


def cumulative(masks: np.ndarray) -> np.ndarray:
    return np.logical_and.accumulate(masks, axis=0)


def expected(found: dict[str, ak.Array], flat: list[Any], shifts: list[float]) -> np.ndarray:
    """Events that pass each cut and those before it under any shift, (cuts, events)."""
    first = np.array([np.asarray(mask) for mask in flat])
    every = [cumulative(np.concatenate([first, structural_cuts(found, s)])) for s in shifts]
    return np.any(every, axis=0)


def flags(analysis: Analysis, found: dict[str, ak.Array]) -> Any:
    return np.all([found[name] for name in analysis.eras["2016"].event_flags], axis=0)


def test_simulation(tmp_path: Path) -> None:
    """HLT_TkMu50 is missing and may be; there is no tree Runs."""
    jes = 0.1
    analysis = loose(
        "skim.trigger={any_of: [HLT_Mu8, HLT_TkMu50], ignore_missing: true}",
        f"systematics.jes.size={jes}",
        "eras.2016.event_flags=[Flag_goodVertices, Flag_trkPOGFilters]",
    )
    result = skim(
        str(SIMULATION), tmp_path / "skim.root", analysis, "ttbar_semileptonic", expected=200
    )
    found = read(SIMULATION)
    flat = [found["HLT_Mu8"], flags(analysis, found)]
    masks = expected(found, flat, [0.0, jes, -jes])
    weights = found["genWeight"].to_numpy().astype(float)
    assert [step["events"] for step in result["steps"]] == masks.sum(axis=1).tolist()
    assert [s["sum_weights"] for s in result["steps"]] == pytest.approx(masks @ weights, rel=1e-12)
    assert masks[-1].sum() > expected(found, flat, [0.0])[-1].sum() > 10
    with uproot.open(tmp_path / "skim.root") as file:
        assert file["Events/event"].array().tolist() == found["event"][masks[-1]].tolist()
        assert file["Events/Muon_pt"].array().tolist() == found["Muon_pt"][masks[-1]].tolist()
        assert file["Runs/genEventCount"].array().tolist() == [200]
        assert file["Runs/genEventSumw"].array().tolist() == pytest.approx([weights.sum()])


def test_collisions(tmp_path: Path) -> None:
    """Certified sections are those of the file's own run: it is of another year."""
    golden = tmp_path / "golden.json"
    golden.write_text(json.dumps({"315267": [[200, 210]]}))
    analysis = loose(
        f"eras.2016.golden_json={golden}",
        "eras.2016.event_flags=[Flag_goodVertices, Flag_METFilters]",
        f"skim.trigger=[HLT_Mu8, {DIMUON}]",
    )
    result = skim(str(COLLISIONS), tmp_path / "skim.root", analysis, "collisions")
    found = read(COLLISIONS)
    triggered = found["HLT_Mu8"] | found[DIMUON]
    flat = [np.ones(40, bool), triggered, flags(analysis, found)]
    masks = expected(found, flat, [0.0])
    assert [step["events"] for step in result["steps"]] == masks.sum(axis=1).tolist()
    assert masks[-1].sum() > 3
    with uproot.open(tmp_path / "skim.root") as file:
        assert file["Runs"].arrays().tolist() == [{"run": 315267, "genEventCount": 40}]
        assert file["Events/event"].array().tolist() == found["event"][masks[-1]].tolist()
        assert "genWeight" not in file["Events"]


def test_the_certificate_of_another_year(tmp_path: Path) -> None:
    analysis = loose(f"eras.2016.golden_json={CERTIFICATE}", "eras.2016.event_flags=[]")
    with pytest.raises(InputError, match=r"Cert_.*certifies no event of .*nano_dimuon\.root"):
        skim(str(COLLISIONS), tmp_path / "skim.root", analysis, "collisions")
    assert not (tmp_path / "skim.root").exists()
