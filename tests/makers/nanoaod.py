"""Small NanoAOD files of random events, and the analysis that skims them."""

import math
import re
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from zenith.config import Analysis, parse
from zenith.config.merging import merge
from zenith.errors import InputError
from zenith.events.skim import skim

EVENTS = 400
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


def read(path: Path | str, tree: str = "Events") -> dict[str, Any]:
    with uproot.open(path) as file:
        return file[tree].arrays(how=dict)


def sums(path: Path) -> dict[str, list[float]]:
    return {name: array.tolist() for name, array in read(path, "Runs").items()}


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
