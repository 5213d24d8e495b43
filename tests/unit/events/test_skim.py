"""The skim against a loop over events in plain Python, and what it says of bad input."""

import functools
import json
import logging
import math
import re
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot
from coffea.nanoevents import NanoAODSchema, NanoEventsFactory

from zenith import artefacts
from zenith.cli import main
from zenith.config import Analysis, parse
from zenith.config.loading import merge
from zenith.errors import InputError, OutputError
from zenith.events import source
from zenith.events.columns import read_skim
from zenith.events.skim import skim
from zenith.events.splits import split

EVENTS = 400
FRACTIONS = {"train": 0.25, "optimise": 0.25, "validate": 0.25, "test": 0.25}
JES = 0.1
CUTS = ["n_muon == 1", "n_fatjet >= 1", "met > 40"]
FIELDS = {
    "Muon": {"charge": "int32", "tightId": "bool", "highPtId": "uint8"},
    "Jet": {"jetId": "int32"},
    "FatJet": {"toptag": "float32"},
}
KINEMATICS = dict.fromkeys(("pt", "eta", "phi", "mass"), "float32")
CONFIG: dict[str, Any] = {
    "name": "skimmed",
    "module": "zprime",
    "eras": {"2016": {"luminosity": 1.0, "event_flags": ["Flag_a", "Flag_b"]}},
    "processes": {
        "signal": {"role": "signal", "label": "S"},
        "data": {"role": "data", "label": "D"},
    },
    "samples": {
        "simulation": {"process": "signal", "era": "2016", "cross_section": 1, "files": ["a"]},
        "collisions": {"process": "data", "era": "2016", "files": ["a"], "veto": ["HLT_Ele"]},
    },
    "skim": {
        "trigger": ["HLT_Mu50", "HLT_TkMu50"],
        "branches": {
            "keep": ["HLT_Mu*", "Muon_*Id", "FatJet_toptag", "Electron_cut", "PV_npvs"],
            "simulation_only": ["genWeight"],
        },
        "cuts": CUTS,
    },
    "objects": {
        "muon": {"collection": "Muon", "cuts": ["pt > 30", "abs(eta) < 2", "tightId"]},
        "jet": {"collection": "Jet", "cuts": ["pt > 20", "jetId >= 2"]},
        "fatjet": {"collection": "FatJet", "cuts": ["pt > 200"], "away_from": {"muon": 0.8}},
    },
    "met": "PuppiMET",
    "observables": {"met": {"label": "MET", "edges": [0, 100]}},
    "regions": {
        "signal": {
            "label": "SR",
            "cuts": ["met > 50"],
            "fit": {"observable": "met", "edges": [50, 100]},
        }
    },
    "systematics": {
        "jes": {"type": "shape", "kind": "energy_scale", "objects": ["jet", "fatjet"], "size": JES}
    },
}


def analysis(**changes: Any) -> Analysis:
    return parse(merge(CONFIG, changes))


def toy_events(events: int = EVENTS, seed: int = 1) -> dict[str, Any]:
    """Branches and collections of random events, many of them close to the cuts."""
    rng = np.random.default_rng(seed)

    def collection(name: str, mean: float, pt: float, spread: float) -> ak.Array:
        counts = rng.poisson(mean, events)
        size = int(counts.sum())
        columns = {
            "pt": np.abs(rng.normal(pt, spread, size)),
            "eta": rng.normal(0, 1, size),
            "phi": rng.uniform(-math.pi, math.pi, size),
            "mass": rng.uniform(0, 5, size),
            "charge": rng.choice([-1, 1], size),
            "tightId": rng.random(size) < 0.8,
            "highPtId": rng.integers(0, 3, size),
            "jetId": rng.integers(0, 7, size),
            "toptag": rng.random(size),
            "cut": rng.integers(0, 5, size),
        }
        types = KINEMATICS | FIELDS.get(name, {"charge": "int32", "cut": "int32"})
        return ak.unflatten(ak.zip({k: columns[k].astype(t) for k, t in types.items()}), counts)

    return {
        "run": (10 + np.arange(events) // 100).astype(np.uint32),
        "luminosityBlock": (1 + np.arange(events) % 100 // 10).astype(np.uint32),
        "event": np.arange(1, events + 1).astype(np.uint64),
        "HLT_Mu50": rng.random(events) < 0.6,
        "HLT_TkMu50": rng.random(events) < 0.4,
        "HLT_Ele": rng.random(events) < 0.2,
        "Flag_a": rng.random(events) < 0.9,
        "Flag_b": rng.random(events) < 0.9,
        "genWeight": rng.choice([2.0, -1.0], events).astype(np.float32),
        "PuppiMET_pt": rng.exponential(40.0, events).astype(np.float32),
        "PuppiMET_phi": rng.uniform(-math.pi, math.pi, events).astype(np.float32),
        "PV_npvs": rng.integers(0, 50, events).astype(np.int32),
        "Muon": collection("Muon", 1.0, 40.0, 15.0),
        "Jet": collection("Jet", 2.0, 60.0, 40.0),
        "FatJet": collection("FatJet", 1.0, 200.0, 30.0),
        "Electron": collection("Electron", 1.0, 30.0, 10.0),
    }


RUNS = {
    "run": np.array([10, 11], dtype=np.uint32),
    "genEventCount": np.array([4000, 1000], dtype=np.int64),
    "genEventSumw": np.array([3000.0, 500.0]),
    "genEventSumw2": np.array([9000.0, 2500.0]),
}


def write(path: Path, events: dict[str, Any], runs: dict[str, Any] | None = None) -> str:
    """Write a NanoAOD file with uproot alone."""
    with uproot.recreate(path) as file:
        for name, content in {"Events": events, "Runs": runs}.items():
            if content is not None:
                types = {k: ak.type(ak.Array(v)).content for k, v in content.items()}
                tree = file.mktree(name, types)
                if len(next(iter(content.values()))):
                    tree.extend(content)
    return str(path)


@pytest.fixture(scope="module")
def events() -> dict[str, Any]:
    return toy_events()


@pytest.fixture
def nano(tmp_path: Path, events: dict[str, Any]) -> str:
    return write(tmp_path / "nano.root", events, RUNS)


def cuts_of(event: dict[str, Any], shift: float) -> list[bool]:
    """The structural cuts of one event, written out, with jets scaled by 1 + shift."""
    muons = [
        m for m in event["Muon"] if m["pt"] > 30 and abs(m["eta"]) < 2 and m["tightId"]
    ]  # fmt: skip

    def distance(one: dict[str, Any], other: dict[str, Any]) -> float:
        dphi = (one["phi"] - other["phi"] + math.pi) % (2 * math.pi) - math.pi
        return math.hypot(one["eta"] - other["eta"], dphi)

    fatjets = [
        j
        for j in event["FatJet"]
        if j["pt"] * (1 + shift) > 200 and all(distance(j, m) >= 0.8 for m in muons)
    ]
    px = event["PuppiMET_pt"] * math.cos(event["PuppiMET_phi"])
    py = event["PuppiMET_pt"] * math.sin(event["PuppiMET_phi"])
    px -= sum(shift * j["pt"] * math.cos(j["phi"]) for j in event["Jet"])
    py -= sum(shift * j["pt"] * math.sin(j["phi"]) for j in event["Jet"])
    return [len(muons) == 1, len(fatjets) >= 1, math.hypot(px, py) > 40]


def expected_cutflow(
    events: dict[str, Any],
    flat: dict[str, Callable[[dict[str, Any]], bool]],
    shifts: list[float],
    *,
    weighted: bool,
) -> tuple[list[dict[str, Any]], list[int]]:
    """The cutflow and the numbers of the events that stay, by a loop over events."""
    names = [*flat, *CUTS]
    counts, weights, numbers = [0] * len(names), [0.0] * len(names), []
    for event in ak.zip(events, depth_limit=1).tolist():
        decisions = [
            [passes(event) for passes in flat.values()] + cuts_of(event, shift) for shift in shifts
        ]
        for step in range(len(names)):
            if any(all(decision[: step + 1]) for decision in decisions):
                counts[step] += 1
                weights[step] += event["genWeight"] if weighted else 1.0
        if any(map(all, decisions)):
            numbers.append(event["event"])
    steps = [
        {"cut": n, "events": c, "sum_weights": w}
        for n, c, w in zip(names, counts, weights, strict=True)
    ]
    return steps, numbers


def triggered(event: dict[str, Any]) -> bool:
    return event["HLT_Mu50"] or event["HLT_TkMu50"]


def clean(event: dict[str, Any]) -> bool:
    return event["Flag_a"] and event["Flag_b"]


def read(path: Path | str, tree: str = "Events") -> dict[str, Any]:
    with uproot.open(path) as file:
        return file[tree].arrays(how=dict)


def test_simulation_keeps_what_passes_under_any_variation(
    nano: str, events: dict[str, Any], tmp_path: Path
) -> None:
    result = skim(nano, tmp_path / "skim.root", analysis(), "simulation")
    steps, numbers = expected_cutflow(
        events, {"trigger": triggered, "event flags": clean}, [0.0, JES, -JES], weighted=True
    )
    nominal, _ = expected_cutflow(
        events, {"trigger": triggered, "event flags": clean}, [0.0], weighted=True
    )
    assert result["steps"] == steps
    assert read(tmp_path / "skim.root")["event"].tolist() == numbers
    # The variations matter in these events, at the second and the third cut.
    assert all(steps[n]["events"] > nominal[n]["events"] + 3 for n in (-2, -1))
    assert result["events"] == EVENTS
    assert result["sum_weights"] == events["genWeight"].sum()


@pytest.fixture
def golden(tmp_path: Path) -> str:
    path = tmp_path / "golden.json"
    path.write_text(
        json.dumps({"10": [[1, 3], [5, 9]], "11": [[4, 4]], "12": [[2, 100]], "99": [[1, 9]]})
    )
    return str(path)


def certified(event: dict[str, Any]) -> bool:
    run, section = event["run"], event["luminosityBlock"]
    sections = {10: (1, 2, 3, 5, 6, 7, 8, 9), 11: (4,), 12: range(2, 101)}
    return section in sections.get(run, ())


def test_data_are_certified_vetoed_and_not_varied(
    events: dict[str, Any], golden: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "data.root", {k: v for k, v in events.items() if k != "genWeight"})
    data = analysis(eras={"2016": {"golden_json": golden}})
    result = skim(path, tmp_path / "skim.root", data, "collisions")
    flat = {
        "certified": certified,
        "trigger": triggered,
        "veto": lambda event: not event["HLT_Ele"],
        "event flags": clean,
    }
    steps, numbers = expected_cutflow(events, flat, [0.0], weighted=False)
    assert result["steps"] == steps
    assert numbers
    assert read(tmp_path / "skim.root")["event"].tolist() == numbers
    runs = read(tmp_path / "skim.root", "Runs")
    assert {name: runs[name].tolist() for name in runs} == {
        "run": [10, 11, 12, 13],
        "genEventCount": [100] * 4,
    }


def test_chunks_do_not_matter(nano: str, tmp_path: Path) -> None:
    whole = skim(nano, tmp_path / "whole.root", analysis(), "simulation")
    pieces = skim(nano, tmp_path / "pieces.root", analysis(skim={"chunk": 90}), "simulation")
    assert whole == pieces
    for name, array in read(tmp_path / "whole.root").items():
        assert array.tolist() == read(tmp_path / "pieces.root")[name].tolist(), name


def test_chunks_end_where_baskets_do(nano: str, events: dict[str, Any], tmp_path: Path) -> None:
    """So that no basket is read twice; where one is larger than a chunk, it is cut."""
    path = tmp_path / "baskets.root"
    with uproot.recreate(path) as file:
        tree = file.mktree("Events", {k: ak.type(ak.Array(v)).content for k, v in events.items()})
        for start, stop in ((0, 90), (90, 150), (150, 200), (200, 400)):
            tree.extend({name: array[start:stop] for name, array in events.items()})
    stops = []
    pieces = skim(
        str(path),
        tmp_path / "pieces.root",
        analysis(skim={"chunk": 160}),
        "simulation",
        progress=lambda done, total: stops.append(done),
    )
    assert stops == [150, 200, 360, 400]
    whole = skim(nano, tmp_path / "whole.root", analysis(), "simulation")
    assert pieces["steps"] == whole["steps"]


def test_kept_branches_types_and_values(nano: str, events: dict[str, Any], tmp_path: Path) -> None:
    skim(nano, tmp_path / "skim.root", analysis(), "simulation")
    found = read(tmp_path / "skim.root")
    momenta = {f"{c}_{k}" for c in ("Muon", "Jet", "FatJet", "Electron") for k in KINEMATICS}
    flat = {"run", "luminosityBlock", "event", "HLT_Mu50", "genWeight", "PV_npvs"}
    other = {"Muon_charge", "Muon_tightId", "Muon_highPtId", "Jet_jetId", "FatJet_toptag"}
    electrons = {"Electron_cut", "Electron_charge"}
    counters = {"nMuon", "nJet", "nFatJet", "nElectron"}
    met = {"PuppiMET_pt", "PuppiMET_phi"}
    assert set(found) == momenta | flat | other | electrons | counters | met
    kept = np.isin(events["event"], found["event"].to_numpy())
    for name in set(found) - counters:
        prefix, _, field = name.partition("_")
        original = events[prefix][field] if prefix in events and field else events[name]
        expected = ak.Array(original)[kept]
        assert found[name].type == expected.type, name
        assert found[name].tolist() == expected.tolist(), name
    assert found["nMuon"].tolist() == ak.num(events["Muon"])[kept].tolist()


@pytest.mark.parametrize("compression", ["lz4", "zstd", "zlib", "lzma", "none"])
def test_a_skim_is_compressed_as_asked(compression: str, nano: str, tmp_path: Path) -> None:
    asked = analysis(skim={"compression": compression})
    skim(nano, tmp_path / "plain.root", analysis(), "simulation")
    skim(nano, tmp_path / "skim.root", asked, "simulation")
    with uproot.open(tmp_path / "skim.root") as file:
        found = file.file.compression
    assert (found.name.lower() if found else "none") == compression
    plain, compressed = read(tmp_path / "plain.root"), read(tmp_path / "skim.root")
    assert list(plain) == list(compressed)
    assert all(ak.all(plain[name] == compressed[name]) for name in plain)


@pytest.mark.filterwarnings("ignore:Missing cross-reference")
def test_coffea_opens_the_skim(nano: str, tmp_path: Path) -> None:
    skim(nano, tmp_path / "skim.root", analysis(), "simulation")
    nano_events = NanoEventsFactory.from_root(
        {str(tmp_path / "skim.root"): "Events"}, schemaclass=NanoAODSchema, mode="eager"
    ).events()
    muons = nano_events.Muon
    assert ak.all(ak.sum((muons.pt > 30) & (abs(muons.eta) < 2) & muons.tightId, axis=1) == 1)
    assert nano_events.FatJet.toptag.ndim == 2
    assert ak.all(abs(nano_events.Jet.x / nano_events.Jet.pt) <= 1.0)


# The tree Runs


def sums(path: Path) -> dict[str, list[float]]:
    return {name: array.tolist() for name, array in read(path, "Runs").items()}


@pytest.mark.parametrize("suffix", ["", "_"])
def test_sums_of_the_input_are_carried_over(
    events: dict[str, Any], suffix: str, tmp_path: Path
) -> None:
    runs = {name if name == "run" else name + suffix: array for name, array in RUNS.items()}
    path = write(tmp_path / "nano.root", events, runs)
    skim(path, tmp_path / "skim.root", analysis(), "simulation")
    assert sums(tmp_path / "skim.root") == {name: array.tolist() for name, array in RUNS.items()}


def test_without_them_they_are_those_of_all_events(events: dict[str, Any], tmp_path: Path) -> None:
    path = write(tmp_path / "nano.root", events)
    skim(path, tmp_path / "skim.root", analysis(skim={"chunk": 150}), "simulation")
    weights = events["genWeight"].reshape(4, 100).astype(float)
    assert sums(tmp_path / "skim.root") == {
        "run": [10, 11, 12, 13],
        "genEventCount": [100] * 4,
        "genEventSumw": weights.sum(axis=1).tolist(),
        "genEventSumw2": (weights**2).sum(axis=1).tolist(),
    }
    strict = analysis(samples={"simulation": {"normalise_by_file": False}})
    with pytest.raises(InputError, match=r"nano\.root.*genEventSumw.*normalise_by_file"):
        skim(path, tmp_path / "other.root", strict, "simulation")


# Events in an RNTuple, and lists of lengths of their own


def lists_apart(events: dict[str, Any]) -> dict[str, Any]:
    """Collections as lists, `Muon_pt`; numbers as they are."""
    apart: dict[str, Any] = {}
    for name, array in events.items():
        inside = ak.fields(array) if isinstance(array, ak.Array) else []
        apart |= {f"{name}_{field}": array[field] for field in inside} or {name: array}
    return apart


def counted(events: dict[str, Any]) -> dict[str, Any]:
    """The same, with counters."""
    lists = {n: a for n, a in events.items() if isinstance(a, ak.Array)}
    counters = {f"n{name}": ak.num(array).to_numpy().astype("u4") for name, array in lists.items()}
    return lists_apart(events) | counters


def together(events: dict[str, Any]) -> dict[str, Any]:
    """MET as a record, too, and lists of bare numbers."""
    met = ak.zip({"pt": events["PuppiMET_pt"], "phi": events["PuppiMET_phi"]})
    rest = {n: a for n, a in events.items() if not n.startswith("PuppiMET_")}
    return rest | {"PuppiMET": met}


def write_ntuple(path: Path, events: dict[str, Any], runs: dict[str, Any] | None = None) -> str:
    """What uproot writes by `file["Events"] = …`, in two clusters."""
    with uproot.recreate(path) as file:
        ntuple = file.mkrntuple("Events", ak.Array({n: a[:250] for n, a in events.items()}))
        ntuple.extend(ak.Array({name: array[250:] for name, array in events.items()}))
        if runs is not None:
            file.mkrntuple("Runs", ak.Array(runs))
    return str(path)


@pytest.mark.parametrize("form", [dict, lists_apart, counted, together])
def test_an_rntuple_is_as_a_tree(
    form: Callable[[dict[str, Any]], dict[str, Any]],
    nano: str,
    events: dict[str, Any],
    tmp_path: Path,
) -> None:
    path = write_ntuple(tmp_path / "ntuple.root", form(events), RUNS)
    stops: list[int] = []
    expected = skim(nano, tmp_path / "skim.root", analysis(), "simulation")
    found = skim(
        path,
        tmp_path / "other.root",
        analysis(skim={"chunk": 300}),
        "simulation",
        progress=lambda done, total: stops.append(done),
    )
    assert stops == [250, 400]  # clusters are not read twice
    assert found["steps"] == expected["steps"]
    assert sums(tmp_path / "other.root") == sums(tmp_path / "skim.root")
    trees = read(tmp_path / "skim.root"), read(tmp_path / "other.root")
    assert set(trees[0]) == set(trees[1])
    for name, array in trees[0].items():
        assert array.type == trees[1][name].type, name
        assert array.tolist() == trees[1][name].tolist(), name


def test_an_rntuple_without_runs(events: dict[str, Any], tmp_path: Path) -> None:
    path = write_ntuple(tmp_path / "ntuple.root", events)
    skim(path, tmp_path / "skim.root", analysis(), "simulation")
    assert sums(tmp_path / "skim.root")["genEventSumw"] == pytest.approx(
        events["genWeight"].reshape(4, 100).astype(float).sum(axis=1), rel=1e-12
    )
    simulation = analysis(samples={"simulation": {"normalise_by_file": False}})
    with pytest.raises(InputError, match=r"ntuple\.root: no genEventSumw"):
        skim(path, tmp_path / "other.root", simulation, "simulation")


@pytest.mark.parametrize(
    ("odd", "kind"),
    [
        ({"PV_npvs": [["a"]] * EVENTS}, ".*string.*"),
        ({"PV_npvs": ["a"] * EVENTS}, "std::string"),
        ({"PV_npvs": [[[1.0]]] * EVENTS}, ".*vector.*"),
        ({"PV_npvs": [None, 1.0] * (EVENTS // 2)}, ".*"),
        ({"PV_npvs": ak.to_regular(ak.Array(np.zeros((EVENTS, 3))))}, ".*"),
    ],
)
def test_fields_of_an_rntuple_that_are_no_numbers(
    odd: dict[str, Any], kind: str, events: dict[str, Any], tmp_path: Path
) -> None:
    path = write_ntuple(tmp_path / "odd.root", events | odd)
    refuses(path, rf"odd\.root: branch PV_npvs is {kind}, not a number or a list of numbers")
    without = {n: a for n, a in odd.items() if n != "PV_npvs"} | {"odd": odd["PV_npvs"]}
    path = write_ntuple(tmp_path / "even.root", events | without)
    skim(path, tmp_path / "skim.root", analysis(), "simulation")


def test_lists_of_a_length_of_their_own_are_a_collection(
    events: dict[str, Any], tmp_path: Path
) -> None:
    rng = np.random.default_rng(2)
    lengths = rng.integers(0, 4, EVENTS)
    consts = ak.unflatten(rng.random(lengths.sum()).astype("f4"), lengths)
    sub = ak.zip({"pt": consts, "x": consts})
    keep = {"branches": {"keep": ["Jet_*", "Sub_*", "PV_npvs"]}}
    more = {"Jet_consts": consts, "Sub": sub, "Sub_jets": sub}
    path = write(tmp_path / "tree.root", events | more)
    for chunk in (1000, 7):
        skim(path, tmp_path / "skim.root", analysis(skim=keep | {"chunk": chunk}), "simulation")
        with uproot.open(tmp_path / "skim.root") as file:
            found = file["Events"]
            branches = ("Jet_pt", "Jet_jetId", "Jet_consts", "Sub_x", "Sub_jets_x")
            counters = [found[name].count_branch.name for name in branches]
            kept = np.isin(events["event"], found["event"].array(library="np"))
            assert found["Jet_consts"].array().tolist() == consts[kept].tolist()
            assert found["Sub_jets_x"].array().tolist() == consts[kept].tolist()
        assert counters == ["nJet", "nJet", "nJet_consts", "nSub", "nSub_jets"]
        (again,) = read_skim(tmp_path / "skim.root", 1000)
        assert again.Jet_consts.tolist() == consts[kept].tolist()
        assert again.Jet.jetId.tolist() == events["Jet"]["jetId"][kept].tolist()
        assert again.Sub_jets.pt.tolist() == consts[kept].tolist()
    ntuple = write_ntuple(tmp_path / "ntuple.root", events | more)
    skim(ntuple, tmp_path / "other.root", analysis(skim=keep), "simulation")
    trees = read(tmp_path / "skim.root"), read(tmp_path / "other.root")
    assert {n: a.tolist() for n, a in trees[0].items()} == {
        n: a.tolist() for n, a in trees[1].items()
    }


def test_lists_without_a_counter_that_do_not_fit(events: dict[str, Any], tmp_path: Path) -> None:
    apart = lists_apart(events) | {"Jet_consts": ak.Array([[1.0]] * EVENTS)}
    keep = {"branches": {"keep": ["Jet_*", "PV_npvs"]}}
    path = write_ntuple(tmp_path / "ntuple.root", apart)
    message = r"ntuple\.root: branch Jet_consts: its lists .* of Jet; .*leave it out of skim\.branc"
    refuses(path, message, skim=keep)
    # uproot gives each list of a tree a counter: then they are told by their names
    path = write(tmp_path / "tree.root", lists_apart(events))
    skim(path, tmp_path / "skim.root", analysis(), "simulation")
    assert read(tmp_path / "skim.root")["nJet"].ndim == 1


@pytest.mark.parametrize("writer", [write, write_ntuple])
@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "uint16", "int32", "int64", "uint64"])
def test_integers_of_any_type_tell_an_event(
    kind: str, writer: Callable[..., str], events: dict[str, Any], golden: str, tmp_path: Path
) -> None:
    first = {n: a[:100] for n, a in events.items()}  # numbers that 8 bits can hold
    other = {n: first[n].astype(kind) for n in ("run", "luminosityBlock", "event")}
    data = analysis(eras={"2016": {"golden_json": golden}})
    expected = skim(write(tmp_path / "a.root", first), tmp_path / "1.root", data, "collisions")
    path = writer(tmp_path / "b.root", {n: ak.Array(a) for n, a in {**first, **other}.items()})
    found = skim(path, tmp_path / "2.root", data, "collisions")
    assert found["steps"] == expected["steps"]
    assert found["steps"][0]["events"] == 80
    numbers = read(tmp_path / "1.root")["event"], read(tmp_path / "2.root")["event"]
    assert numbers[0].tolist() == numbers[1].tolist()
    assert str(numbers[1].type.content) == kind
    parts = [split(dict(read(tmp_path / f"{n}.root")), FRACTIONS).tolist() for n in (1, 2)]
    assert parts[0] == parts[1]


@pytest.mark.parametrize("kind", ["float32", "float64", "bool"])
def test_an_event_is_told_by_integers(kind: str, events: dict[str, Any], tmp_path: Path) -> None:
    path = write(tmp_path / "odd.root", events | {"run": events["run"].astype(kind)})
    refuses(path, r"odd\.root: branch run is \w+; it must be an integer", "collisions")


def test_the_tree_may_be_named(nano: str, tmp_path: Path) -> None:
    expected = skim(nano, tmp_path / "skim.root", analysis(), "simulation")
    for text in (f"{nano}:Events", f"{nano}:/Events;1"):
        found = skim(text, tmp_path / "skim.root", analysis(), "simulation")
        assert found["steps"] == expected["steps"]
    refuses(
        f"{nano}:Runs",
        r"nano\.root:Runs: there is no such file; of a file only the tree Events is read",
    )


def test_a_path_may_have_brackets_and_colons(nano: str, tmp_path: Path) -> None:
    folder = tmp_path / "[v2] run:5?"
    folder.mkdir()
    Path(nano).rename(folder / "a*.root")
    assert skim(str(folder / "a*.root"), tmp_path / "s.root", analysis(), "simulation")["events"]


# Nothing to keep


@pytest.mark.filterwarnings("ignore:Missing cross-reference")
def test_a_selection_that_keeps_nothing_warns_and_is_valid(
    nano: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    none = analysis(skim={"cuts": ["met > 1e6"]}, regions={"signal": {"cuts": ["met > 2e6"]}})
    result = skim(nano, tmp_path / "skim.root", none, "simulation")
    assert result["steps"][-1] == {"cut": "met > 1e6", "events": 0, "sum_weights": 0.0}
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "nano.root: no event passes the skim" in caplog.text
    assert sums(tmp_path / "skim.root")["genEventSumw"] == [3000.0, 500.0]
    found = read(tmp_path / "skim.root")
    assert found["Muon_tightId"].type == ak.Array(ak.Array([[True]])[:0]).type
    path = {str(tmp_path / "skim.root"): "Events"}
    opened = NanoEventsFactory.from_root(path, schemaclass=NanoAODSchema, mode="eager").events()
    assert len(opened.Muon.pt) == 0


def test_data_without_events_warn(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "empty.root", toy_events(0))
    result = skim(path, tmp_path / "skim.root", analysis(), "collisions")
    assert result["events"] == 0
    assert "empty.root: no event passes the skim" in caplog.text
    assert sums(tmp_path / "skim.root") == {"run": [], "genEventCount": []}


# Bad input: one message, no output


def refuses(path: str, says: str, sample: str = "simulation", **changes: Any) -> None:
    """The skim stops with a message that matches, and leaves nothing behind."""
    output = Path(path).parent / "out" / "skim.root"
    events = changes.pop("expected", None)
    with pytest.raises(InputError) as raised:
        skim(path, output, analysis(**changes), sample, expected=events)
    message = str(raised.value)
    assert re.search(says, message), message
    assert "\n" not in message
    assert not output.parent.exists() or not list(output.parent.iterdir())


def test_a_missing_file(tmp_path: Path) -> None:
    refuses(str(tmp_path / "absent.root"), r"absent\.root: there is no such file")


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.6, 0.95])
def test_a_truncated_file(fraction: float, nano: str, tmp_path: Path) -> None:
    content = Path(nano).read_bytes()
    path = tmp_path / "short.root"
    path.write_bytes(content[: int(fraction * len(content))])
    refuses(str(path), r"short\.root: cannot be read; it may be cut short, copy it again")


def test_a_damaged_basket(nano: str, tmp_path: Path) -> None:
    """The directory is intact, the compressed numbers are not: the read of the chunk fails."""
    content = bytearray(Path(nano).read_bytes())
    with uproot.open(nano) as file:
        start = file["Events/Muon_pt"].member("fBasketSeek")[0]
    content[start + 100 : start + 400] = b"\x00" * 300
    (tmp_path / "damaged.root").write_bytes(content)
    refuses(str(tmp_path / "damaged.root"), r"damaged\.root: cannot be read")


def test_a_file_that_is_not_root(tmp_path: Path) -> None:
    path = tmp_path / "page.root"
    path.write_text("<html>404</html>" * 100)
    refuses(str(path), r"page\.root: not a ROOT file")


def test_no_tree_of_events(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "other.root") as file:
        file.mktree("Other", {"x": "f4"})
    refuses(str(tmp_path / "other.root"), r"other\.root: no tree Events \(there is Other\)")


@pytest.mark.parametrize(
    ("branch", "expected"),
    [
        ("Flag_b", r"no branch Flag_b, which eras\.2016\.event_flags names \(there is Flag_a"),
        ("HLT_TkMu50", r"no branch HLT_TkMu50, which skim\.trigger names"),
        ("PV_npvs", r"no branch PV_npvs, which skim\.branches names.*ignore_missing"),
        ("genWeight", r"no branch genWeight"),
        ("event", r"no branch event, which every NanoAOD file names"),
        ("PuppiMET_pt", r"no branch PuppiMET_pt, which met names \(there is PuppiMET_phi"),
        ("Muon.tightId", r"no branch Muon_tightId, which objects\.muon\.cuts names"),
        ("Jet.mass", r"no branch Jet_mass, which objects\.jet\.collection names"),
    ],
)
def test_a_missing_branch(
    branch: str, expected: str, events: dict[str, Any], tmp_path: Path
) -> None:
    name, _, field = branch.partition(".")
    less = {k: v for k, v in events.items() if k != branch}
    if field:
        less[name] = ak.without_field(events[name], field)
    path = write(tmp_path / "less.root", less)
    refuses(path, rf"less\.root: {expected}")


def test_missing_branches_may_be_ignored(events: dict[str, Any], tmp_path: Path) -> None:
    absent = ("HLT_TkMu50", "PV_npvs")
    path = write(tmp_path / "less.root", {k: v for k, v in events.items() if k not in absent})
    lenient = {
        "trigger": {"any_of": ["HLT_Mu50", "HLT_TkMu50"], "ignore_missing": True},
        "branches": {"ignore_missing": ["PV_npvs"]},
    }
    result = skim(path, tmp_path / "skim.root", analysis(skim=lenient), "simulation")
    assert result["steps"][0]["events"] == events["HLT_Mu50"].sum()
    for other in ("HLT_*", "PV", "pv_*"):
        lenient["branches"] = {"ignore_missing": [other]}
        refuses(path, r"less\.root: no branch PV_npvs, which skim\.branches", skim=lenient)
    for glob in ("PV_*", "*", "[P]V_npvs"):
        lenient["branches"] = {"ignore_missing": [glob]}
        skim(path, tmp_path / "skim.root", analysis(skim=lenient), "simulation")
    lenient["trigger"] = {"any_of": ["HLT_TkMu50"], "ignore_missing": True}
    refuses(path, r"less\.root: no branch HLT_TkMu50, which skim\.trigger", skim=lenient)


def test_a_missing_glob_may_be_ignored(events: dict[str, Any], tmp_path: Path) -> None:
    path = write(tmp_path / "nano.root", events)
    kept = ["HLT_Mu*", "Tau_[a-z]*"]
    for ignored in (kept[1:], ["Tau_*"], ["T*"]):
        branches = {"keep": kept, "ignore_missing": ignored}
        skim(path, tmp_path / "skim.root", analysis(skim={"branches": branches}), "simulation")
    refuses(path, r"no branch Tau_\[a-z\]\*", skim={"branches": {"keep": kept}})


def test_a_veto_that_cannot_be_made(events: dict[str, Any], tmp_path: Path) -> None:
    path = write(tmp_path / "less.root", {k: v for k, v in events.items() if k != "HLT_Ele"})
    refuses(path, r"no branch HLT_Ele, which samples\.collisions\.veto", "collisions")


def test_a_branch_that_is_no_number_or_list_of_numbers(
    events: dict[str, Any], tmp_path: Path
) -> None:
    path = write(tmp_path / "odd.root", events | {"PV_npvs": np.zeros((EVENTS, 3))})
    refuses(path, r"odd\.root: branch PV_npvs is double\[3\], not a number or a list of numbers")


def test_another_number_of_events(nano: str, tmp_path: Path) -> None:
    message = (
        r"nano\.root: 400 events, but 399 are expected.*samples\.simulation\.check_event_count"
    )
    refuses(nano, message, expected=399)
    waived = analysis(samples={"simulation": {"check_event_count": False}})
    skim(nano, tmp_path / "skim.root", waived, "simulation", expected=399)
    skim(nano, tmp_path / "skim.root", analysis(), "simulation", expected=400)


def test_simulation_without_events(tmp_path: Path) -> None:
    path = write(tmp_path / "empty.root", toy_events(0))
    refuses(path, r"empty\.root: the tree Events is empty")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite(value: float, events: dict[str, Any], tmp_path: Path) -> None:
    weights = events["genWeight"].copy()
    weights[[210, 350]] = value
    path = write(tmp_path / "nan.root", events | {"genWeight": weights})
    message = r"nan\.root: branch genWeight: 2 weights are NaN or infinite.* entry 210"
    refuses(path, message)
    refuses(path, message.replace("2 weights", "1 weights"), skim={"chunk": 300})


def test_weights_that_add_up_to_zero(events: dict[str, Any], tmp_path: Path) -> None:
    weights = np.resize([1.0, -1.0], EVENTS).astype(np.float32)
    path = write(tmp_path / "zero.root", events | {"genWeight": weights})
    refuses(path, r"zero\.root: the sum of genWeight is 0: the sample cannot be normalised")
    runs = RUNS | {"genEventSumw": np.array([1.0, -1.0])}
    refuses(write(tmp_path / "runs.root", events, runs), r"runs\.root: the sum of genWeight is 0")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{1: ", r"golden\.json: not valid JSON"),
        ("[1, 2]", r"golden\.json: the file must hold a JSON object"),
        ('{"runs": [[1, 2]]}', r"golden\.json: not a list of certified luminosity sections"),
        ('{"10": [[1, 2, 3]]}', r"golden\.json: not a list of certified luminosity sections"),
        ('{"10": [[5, 1]]}', r"golden\.json: not a list of certified luminosity sections"),
        ("{}", r"golden\.json: certifies no luminosity section"),
        ('{"10": []}', r"golden\.json: certifies no luminosity section"),
        ('{"999": [[1, 2]]}', r"golden\.json: certifies no event of .*nano\.root"),
    ],
)
def test_a_golden_json_that_is_none(content: str, expected: str, nano: str) -> None:
    path = Path(nano).parent / "golden.json"
    path.write_text(content)
    refuses(nano, expected, "collisions", eras={"2016": {"golden_json": str(path)}})


def test_an_absent_golden_json(nano: str) -> None:
    era = {"2016": {"golden_json": "absent.json"}}
    refuses(nano, r"absent\.json: cannot be read", "collisions", eras=era)


def test_an_interrupted_skim_leaves_nothing(nano: str, tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        skim(nano, tmp_path / "out/skim.root", analysis(), "simulation", progress=interrupt)
    assert list((tmp_path / "out").iterdir()) == []


# Remote files


class Ranges(SimpleHTTPRequestHandler):
    """Serves ranges of bytes, as storage does and as `http.server` alone does not."""

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        wanted = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted is None or not path.exists():
            super().do_GET()
            return
        content = path.read_bytes()
        first, last = int(wanted[1]), min(int(wanted[2] or len(content)), len(content) - 1)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.send_header("Content-Length", str(last + 1 - first))
        self.end_headers()
        self.wfile.write(content[first : last + 1])

    def log_message(self, *args: Any) -> None:
        """Stay quiet."""


class NoRanges(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Stay quiet."""


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[type], str]]:
    servers = []

    def start(handler: type) -> str:
        bound = functools.partial(handler, directory=str(tmp_path))
        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), bound))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_file_over_http_is_as_a_local_one(
    nano: str, tmp_path: Path, serve: Callable[[type], str]
) -> None:
    local = skim(nano, tmp_path / "local.root", analysis(), "simulation")
    remote = skim(f"{serve(Ranges)}/nano.root", tmp_path / "far.root", analysis(), "simulation")
    assert remote["steps"] == local["steps"]
    assert remote["uuid"] == local["uuid"]
    near, far = read(tmp_path / "local.root"), read(tmp_path / "far.root")
    assert all(near[name].tolist() == far[name].tolist() for name in near)


def test_http_that_fails(nano: str, tmp_path: Path, serve: Callable[[type], str]) -> None:
    output = tmp_path / "out" / "skim.root"
    with pytest.raises(InputError, match=r"http://.*/no\.root: there is no such file"):
        skim(f"{serve(Ranges)}/no.root", output, analysis(), "simulation")
    with pytest.raises(InputError, match=r"http://.*/nano\.root: .*ranges of bytes: download it"):
        skim(f"{serve(NoRanges)}/nano.root", output, analysis(), "simulation")
    assert not output.parent.exists() or not list(output.parent.iterdir())


@pytest.mark.parametrize(
    ("message", "failures", "attempts"),
    [
        ("[ERROR] Operation expired", 2, 3),
        ("[ERROR] Operation expired", 99, 4),
        ("[ERROR] No such server", 99, 1),
    ],
)
def test_only_the_transient_error_is_tried_again(
    message: str,
    failures: int,
    attempts: int,
    nano: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []
    monkeypatch.setattr(source, "WAITS", (0.0, 0.0, 0.0))
    opened = uproot.open

    def flaky(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        if len(calls) <= failures:
            raise OSError(f"Failed to open file: {message}")
        return opened(*args, **kwargs)

    monkeypatch.setattr(uproot, "open", flaky)
    if failures < attempts:
        assert skim(nano, tmp_path / "skim.root", analysis(), "simulation")["events"] == EVENTS
    else:
        with pytest.raises(InputError, match=r"nano\.root: "):
            skim(nano, tmp_path / "skim.root", analysis(), "simulation")
    assert len(calls) == attempts


def test_the_command_takes_the_first_place_that_can_be_read(
    nano: str, tmp_path: Path, serve: Callable[[type], str], capsys: pytest.CaptureFixture[str]
) -> None:
    far = [f"{serve(Ranges)}/absent.root", f"{serve(NoRanges)}/nano.root"]
    sample = CONFIG["samples"]["simulation"] | {"files": [[*far, nano]]}
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps(merge(CONFIG, {"samples": {"simulation": sample}})))
    command = ["skim", "--config", str(config), "--sample", "simulation", "--input", far[0]]
    cutflow = tmp_path / "cutflow.json"
    assert main([*command, "--output", nano, "--cutflow", str(cutflow)]) == 1
    assert "is the file of samples.simulation.files, an input" in capsys.readouterr().err
    assert main([*command, "--output", str(tmp_path / "o.root"), "--cutflow", str(cutflow)]) == 0
    assert json.loads(cutflow.read_text())["file"] == nano


# The command


def test_a_step_makes_all_of_its_files_or_none(
    nano: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OutputError("cutflow.json: cannot be written (No space left on device)")

    config, output = tmp_path / "config.yaml", tmp_path / "o"
    config.write_text(json.dumps(CONFIG))
    files = ["--output", f"{output}/skim.root", "--cutflow", f"{output}/cutflow.json"]
    command = ["skim", "--config", str(config), "--sample", "simulation", "--input", nano, *files]
    with monkeypatch.context() as patch:
        patch.setattr(artefacts, "write_json", full)
        assert main(command) == 1
        assert "No space left" in capsys.readouterr().err
        assert list(output.iterdir()) == []
    assert main(command) == 0
    with monkeypatch.context() as patch:
        patch.setattr(artefacts, "write_json", full)
        assert main(command) == 1  # what was there before is not taken away
    assert len(list(output.iterdir())) == 2


def test_the_command_writes_skim_and_cutflow_or_says_what_is_wrong(
    nano: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps(CONFIG))
    outputs = {"--output": tmp_path / "o/skim.root", "--cutflow": tmp_path / "o/cutflow.json"}
    options = [text for pair in outputs.items() for text in map(str, pair)]
    command = ["skim", "--config", str(config), "--sample", "simulation", *options]
    assert main([*command, "--input", str(tmp_path / "absent.root")]) == 1
    assert re.fullmatch(
        r"zenith skim: error: \S*absent\.root: there is no such file; check the path\n",
        capsys.readouterr().err,
    )
    assert main([*command, "--input", nano, "--events", "399"]) == 1
    assert not any(path.exists() for path in outputs.values())
    assert main([*command, "--input", nano, "--events", "400"]) == 0
    cutflow = json.loads(outputs["--cutflow"].read_text())
    assert cutflow["steps"][-1]["events"] == len(read(outputs["--output"])["event"])
    assert cutflow["provenance"]["config"]
    command[command.index("simulation")] = "simulated"
    assert main([*command, "--input", nano]) == 1
    assert "no sample 'simulated'; there is simulation, collisions" in capsys.readouterr().err
