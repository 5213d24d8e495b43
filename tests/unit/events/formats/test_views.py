"""Flat branches as nested collections, and back to a file that coffea opens."""

import tracemalloc
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
from coffea.nanoevents import NanoAODSchema, NanoEventsFactory

from zenith.errors import InputError
from zenith.events.formats.arrays import Events, Lists, Table
from zenith.events.formats.views import as_events, flattened, nested, split_name
from zenith.events.formats.writer import BATCH, Writer

BRANCHES = {
    "run": np.array([1, 1, 2], dtype=np.uint32),
    "luminosityBlock": np.array([7, 7, 8], dtype=np.uint32),
    "event": np.array([1, 2, 3], dtype=np.uint64),
    "HLT_Mu50": np.array([True, False, True]),
    "MET_pt": np.array([30.0, 40.0, 50.0], dtype=np.float32),
    "MET_phi": np.array([0.0, np.pi / 2, 1.0], dtype=np.float32),
}
LISTS = {
    "Muon_pt": ("float32", [[50.0, 20.0], [], [30.0]]),
    "Muon_eta": ("float32", [[0.0, 1.0], [], [-1.0]]),
    "Muon_phi": ("float32", [[0.0, 2.0], [], [3.0]]),
    "Muon_mass": ("float32", [[0.1, 0.1], [], [0.1]]),
    "Muon_charge": ("int32", [[1, -1], [], [1]]),
    "Muon_tightId": ("bool", [[True, False], [], [True]]),
    "Muon_highPtId": ("uint8", [[2, 0], [], [1]]),
    "LHEScaleWeight": ("float32", [[1.0, 0.9], [1.1, 1.2], []]),
}


@pytest.fixture
def events() -> ak.Array:
    flat = {name: ak.Array(array) for name, array in BRANCHES.items()}
    lists = {n: ak.values_astype(ak.Array(values), kind) for n, (kind, values) in LISTS.items()}
    counter = {"nMuon": ak.Array(np.array([2, 0, 1], dtype=np.uint32))}
    return as_events(flat | counter | lists)


def test_names_are_split_at_the_first_underscore() -> None:
    assert split_name("Muon_pfRelIso03_all") == ("Muon", "pfRelIso03_all")
    assert split_name("genWeight") == ("genWeight", "")


def test_collections_are_four_momenta(events: ak.Array) -> None:
    assert events.Muon.pt.tolist() == [[50.0, 20.0], [], [30.0]]
    # m² of two massless vectors is 2 pT1 pT2 (cosh Δη − cos Δφ); muon masses are negligible here.
    mass = (events.Muon[0, 0] + events.Muon[0, 1]).mass
    assert mass == pytest.approx(np.sqrt(2 * 50 * 20 * (np.cosh(1.0) - np.cos(2.0))), rel=1e-4)
    assert events.MET.px.tolist() == pytest.approx([30.0, 0.0, 50.0 * np.cos(1.0)], abs=1e-5)


def test_branches_that_are_no_collection_stay_flat(events: ak.Array) -> None:
    assert events.HLT_Mu50.tolist() == [True, False, True]
    assert events.MET_pt.tolist() == [30.0, 40.0, 50.0]
    assert ak.num(events.LHEScaleWeight).tolist() == [2, 2, 0]
    assert "nMuon" not in events.fields


def test_coordinates_that_contend_make_no_momentum() -> None:
    """A secondary vertex has pt, eta, phi, mass and x, y, z, of which `vector` would take x, y."""
    names = ("pt", "eta", "phi", "mass", "x", "y", "z")
    events = as_events({f"SV_{name}": ak.Array([[1.0], []]) for name in names})
    assert ak.parameters(events.SV[0]).get("__record__") is None
    assert events.SV.pt.tolist() == [[1.0], []]


def test_lists_of_a_collection_must_be_equally_long() -> None:
    branches = {"Jet_pt": ak.Array([[1.0], []]), "Jet_eta": ak.Array([[], [1.0]])}
    with pytest.raises(InputError, match=r"branch Jet_eta: its lists are not as long .* of Jet;"):
        as_events(branches)


def test_events_are_chosen_replaced_and_joined(events: ak.Array) -> None:
    flat = flattened(events)
    some = np.array([True, False, True])
    chosen = nested(flat.choose(some))
    assert chosen.tolist() == events[some].tolist()
    assert chosen.type.content == events.type.content
    joined = nested(Events.concatenate([flat, flat.choose(some)]))
    assert joined.tolist() == events.tolist() + events[some].tolist()
    moved = Lists(np.array([0, 1, 0]), Table.of({"pt": np.array([7.0])}))
    changed = nested(flat.replace(Table.of({"MET_pt": np.arange(3.0)}), {"Muon": moved}))
    assert changed.MET.pt.tolist() == [0.0, 1.0, 2.0]
    assert changed.MET.phi.tolist() == events.MET.phi.tolist()
    assert changed.Muon.pt.tolist() == [[], [7.0], []]


def test_only_what_is_used_is_evaluated() -> None:
    asked = []

    def evaluate(name: str) -> np.ndarray:
        asked.append(name)
        return np.arange(3.0)

    table = Table(dict.fromkeys(("a", "b"), np.dtype(float)), evaluate)
    taken = table.rename({"c": "a"}).take(lambda: np.array([2, 0]))
    assert (asked, taken.fields) == ([], ["a", "b", "c"])
    assert taken["c"].tolist() == taken["c"].tolist() == [2.0, 0.0]
    assert asked == ["a"]


def test_a_record_array_is_the_same_as_a_mapping(events: ak.Array) -> None:
    flat = {name: ak.Array(array) for name, array in BRANCHES.items()}
    record = as_events(ak.Array(flat))
    assert record.MET.pt.tolist() == events.MET.pt.tolist()


@pytest.mark.filterwarnings("ignore:Missing cross-reference")
def test_a_written_file_has_the_types_and_values_and_opens_in_coffea(
    events: ak.Array, tmp_path: Path
) -> None:
    path = tmp_path / "nano.root"
    copies = BATCH  # the second addition has to be written before the last
    many = ak.concatenate([events] * (copies // 4))
    with Writer(path, events[:0]) as out:
        for _ in range(4):
            out.add(many)
        out.finish({"run": np.array([1], dtype=np.uint32)})
    assert out.events == 3 * copies
    with uproot.open(path) as file:
        types = file["Events"].typenames()
        assert types["event"] == "uint64_t"
        assert types["HLT_Mu50"] == "bool"
        assert types["Muon_highPtId"] == "uint8_t[]"
        assert types["Muon_tightId"] == "bool[]"
        assert types["LHEScaleWeight"] == "float[]"
        assert file["Events"]["Muon_pt"].count_branch.name == "nMuon"
        assert "MET" not in types
        assert "MET_pt" in types
        read = file["Events"].arrays(how=dict)
    for name, (_, values) in LISTS.items():
        expected = ak.values_astype(ak.Array(values), read[name].layout.content.dtype)
        assert read[name][:3].tolist() == expected.tolist()
        assert read[name][-3:].tolist() == expected.tolist()
    nano = NanoEventsFactory.from_root(
        {str(path): "Events"}, schemaclass=NanoAODSchema, mode="eager"
    ).events()
    assert nano.Muon.charge[:3].tolist() == LISTS["Muon_charge"][1]
    assert len(nano) == 3 * copies


def test_events_that_wait_do_not_hold_what_they_were_chosen_from(
    events: ak.Array, tmp_path: Path
) -> None:
    many = Events.concatenate([flattened(events)] * 10_000)
    tracemalloc.start()
    with Writer(tmp_path / "nano.root", events[:0]) as out:
        out.add(many.choose(np.arange(len(many)) < 1))
        before, _ = tracemalloc.get_traced_memory()
        for first in range(10):
            chunk = Events.concatenate([many])
            with_chunk, _ = tracemalloc.get_traced_memory()
            out.add(chunk.choose(np.arange(len(chunk)) == 3 * first))
            del chunk
        after, _ = tracemalloc.get_traced_memory()
        out.finish({"run": np.array([1], dtype=np.uint32)})
    tracemalloc.stop()
    assert out.events == 11
    assert after - before < (with_chunk - before) / 10
