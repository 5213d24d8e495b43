"""Selected objects: cuts, aliases, overlap removal, order, and what is said if a branch lacks."""

from typing import Any

import awkward as ak
import numpy as np
import pytest

from zenith.config import Analysis, load
from zenith.errors import ConfigError, InputError
from zenith.events.formats.views import as_events
from zenith.events.objects import Objects, select, shared

OBJECTS = (
    "objects.muon={collection: Muon, cuts: [pt > 20, abs(eta) < 2.4, tightId], aliases: {}}",
    "objects.jet={collection: Jet, cuts: [pt > 30, jetId >= 2], aliases: {btag: btagDeepB}}",
    "objects.fatjet={collection: FatJet, cuts: [pt > 300], aliases: {toptag: tag}}",
    "met=MET",
)


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return load("config/zprime.yaml", [*OBJECTS, "objects.jet.away_from.muon=0.4"])


def branches() -> dict[str, Any]:
    """Three events; the first has every object."""
    return {
        "run": np.array([1, 1, 1], np.uint32),
        "luminosityBlock": np.array([1, 1, 1], np.uint32),
        "event": np.array([1, 2, 3], np.uint64),
        "Muon_pt": ak.Array([[25.0, 60.0, 19.0], [50.0], []]),
        "Muon_eta": ak.Array([[0.0, -2.3, 0.0], [2.5], []]),
        "Muon_phi": ak.Array([[0.0, 3.1, 1.0], [0.0], []]),
        "Muon_mass": ak.Array([[0.1, 0.1, 0.1], [0.1], []]),
        "Muon_tightId": ak.Array([[True, True, True], [True], []]),
        "Jet_pt": ak.Array([[40.0, 90.0, 50.0, 29.7], [35.0], []]),
        "Jet_eta": ak.Array([[1.0, 0.0, -2.3, 1.0], [0.0], []]),
        "Jet_phi": ak.Array([[0.0, 1.5, -3.1, 2.0], [0.0], []]),
        "Jet_mass": ak.Array([[5.0, 9.0, 6.0, 3.0], [4.0], []]),
        "Jet_jetId": ak.Array([[2, 6, 6, 6], [1], []]),
        "Jet_btagDeepB": ak.Array([[0.1, 0.9, 0.5, 0.3], [0.7], []]),
        "FatJet_pt": ak.Array([[400.0, 500.0], [], []]),
        "FatJet_eta": ak.Array([[0.5, 1.5], [], []]),
        "FatJet_phi": ak.Array([[0.5, -1.5], [], []]),
        "FatJet_mass": ak.Array([[170.0, 20.0], [], []]),
        "FatJet_tag": ak.Array([[0.9, 0.2], [], []]),
        "MET_pt": np.array([100.0, 20.0, 10.0]),
        "MET_phi": np.array([0.0, 1.0, 2.0]),
    }


def test_objects_pass_their_cuts_in_order_of_pt(analysis: Analysis) -> None:
    objects = select(as_events(branches()), analysis)
    assert objects.muon.pt.to_list() == [[60.0, 25.0], [], []]  # pT, |η| and the flag
    # The jet at (-2.3, -3.1) is ΔR = 2π − 6.2 = 0.08 from the muon at (-2.3, 3.1): across φ = π.
    assert objects.jet.pt.to_list() == [[90.0, 40.0], [], []]
    assert objects.jet.btag.to_list() == [[0.9, 0.1], [], []]
    # The fat jet at (0.5, 0.5) is ΔR = 0.71 from the muon at the origin.
    assert objects.fatjet.toptag.to_list() == [[0.2], [], []]
    assert objects.met.px.to_list()[0] == pytest.approx(100.0)
    assert objects.event.run.to_list() == [1, 1, 1]
    assert len(objects) == 3


def test_overlap_removal_agrees_with_loops(analysis: Analysis) -> None:
    rng = np.random.default_rng(5)
    count = 300
    numbers = {name: rng.integers(0, 5, count) for name in ("Muon", "Jet", "FatJet")}
    made: dict[str, Any] = {n: np.arange(count) for n in ("run", "luminosityBlock", "event")}
    for name, counts in numbers.items():
        total = counts.sum()
        fields = {
            "pt": rng.uniform(0, 100, total),
            "eta": rng.uniform(-1, 1, total),
            "phi": rng.uniform(-np.pi, np.pi, total),
            "mass": np.ones(total),
            "tightId": rng.random(total) < 0.5,
            "jetId": np.full(total, 6),
            "btagDeepB": rng.random(total),
            "tag": rng.random(total),
        }
        made |= {f"{name}_{f}": ak.unflatten(values, counts) for f, values in fields.items()}
    made |= {"MET_pt": np.ones(count), "MET_phi": np.ones(count)}
    objects = select(as_events(made), analysis)
    for event in range(count):
        muons = [
            (eta, phi)
            for pt, eta, phi, tight in zip(
                *(made[f"Muon_{f}"][event] for f in ("pt", "eta", "phi", "tightId")), strict=True
            )
            if pt > 20 and tight
        ]
        expected = [
            pt
            for pt, eta, phi in zip(
                *(made[f"Jet_{f}"][event] for f in ("pt", "eta", "phi")), strict=True
            )
            if pt > 30
            and all(np.hypot(eta - e, np.angle(np.exp(1j * (phi - p)))) >= 0.4 for e, p in muons)
        ]
        assert objects.jet.pt[event].to_list() == sorted(expected, reverse=True)


def test_a_shape_variation_moves_objects_over_a_threshold(analysis: Analysis) -> None:
    up = select(as_events(branches()), analysis, "jes_up")  # 1.6 %: 29.7 GeV pass 30
    assert up.jet.pt.to_list()[0] == pytest.approx([91.44, 40.64, 30.1752])


def test_a_missing_branch_is_named_with_what_is_close(analysis: Analysis) -> None:
    events = branches()
    events["Jet_btagDeepFlavB"] = events.pop("Jet_btagDeepB")
    with pytest.raises(InputError) as error:
        select(as_events(events), analysis)
    message = str(error.value)
    assert "objects.jet.aliases.btag" in message
    assert "no branch Jet_btagDeepB " in message
    assert "there is Jet_btagDeepFlavB" in message


@pytest.mark.parametrize(
    ("gone", "key"),
    [("Muon_tightId", "objects.muon.cuts"), ("Jet_mass", "objects.jet"), ("MET_phi", "met")],
)
def test_the_key_that_asks_for_a_branch_is_named(analysis: Analysis, gone: str, key: str) -> None:
    events = branches()
    del events[gone]
    with pytest.raises(InputError, match=f"^{key}: the events have no branch {gone} "):
        select(as_events(events), analysis)


def test_a_collection_must_be_there_and_be_lists(analysis: Analysis) -> None:
    without = {name: array for name, array in branches().items() if not name.startswith("FatJet")}
    with pytest.raises(InputError, match=r"objects\.fatjet\.collection: .* no branch FatJet"):
        select(as_events(without), analysis)
    wrong = load("config/zprime.yaml", [*OBJECTS, "objects.fatjet.collection=MET"])
    with pytest.raises(InputError, match=r"objects\.fatjet\.collection: MET has one entry"):
        select(as_events(branches()), wrong)


def test_momenta_of_single_precision_files_are_exact(analysis: Analysis) -> None:
    """In single precision the last digit of cos and sinh depends on the processor."""

    def single(array: Any) -> Any:
        numbers = ak.to_numpy(ak.flatten(array, axis=None))
        return ak.values_astype(array, np.float32) if numbers.dtype.kind == "f" else array

    found = {name: single(array) for name, array in branches().items()}
    objects = select(as_events(found), analysis)
    pt, eta, phi, mass = (np.float32(x).astype(float) for x in (60.0, -2.3, 3.1, 0.1))
    muon = objects.muon[0, 0]
    assert muon.px == pytest.approx(pt * np.cos(phi), rel=1e-15)
    assert muon.pz == pytest.approx(pt * np.sinh(eta), rel=1e-15)
    energy = np.sqrt((pt * np.cosh(eta)) ** 2 + mass**2)
    assert muon.energy == pytest.approx(energy, rel=1e-15)
    assert objects.met[1].px == pytest.approx(20.0 * np.cos(1.0), rel=1e-15)
    shifted = select(as_events(found), analysis, "jes_up").met
    change = 0.016 * np.array([np.float32(x) for x in (40.0, 90.0, 50.0, 29.7)], float)
    angle = np.float32([0.0, 1.5, -3.1, 2.0]).astype(float)
    expected = np.hypot(100.0 - change @ np.cos(angle), -change @ np.sin(angle))
    assert shifted[0].pt == np.float32(expected)  # as the branch of the file


def test_an_object_that_is_not_configured_is_named(analysis: Analysis) -> None:
    objects = select(as_events(branches()), analysis)
    with pytest.raises(ConfigError, match=r"'electron' is not defined.*muon, jet, fatjet"):
        _ = objects.electron


def test_a_shared_function_runs_once_for_each_chunk(analysis: Analysis) -> None:
    calls = []

    @shared
    def total(objects: Objects) -> Any:
        calls.append(objects)
        return ak.sum(objects.jet.pt, axis=1)

    first, second = (select(as_events(branches()), analysis) for _ in range(2))
    assert total(first).to_list() == total(first).to_list() == [130.0, 0.0, 0.0]
    total(second)
    assert calls == [first, second]
