"""The skim against a loop over events in plain Python, and what it leaves."""

import json
import logging
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot
from coffea.nanoevents import NanoAODSchema, NanoEventsFactory
from makers.nanoaod import (
    CONFIG,
    CUTS,
    EVENTS,
    JES,
    KINEMATICS,
    RUNS,
    analysis,
    read,
    sums,
    toy_events,
    write,
)

from zenith.artefacts import json_codec
from zenith.cli import main
from zenith.errors import InputError, OutputError
from zenith.events.skim import skim


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


@pytest.mark.parametrize("reach", [None, 3.0])
def test_simulation_keeps_what_passes_under_any_variation(
    reach: float | None, nano: str, events: dict[str, Any], tmp_path: Path
) -> None:
    surfaces = None if reach is None else {"systematics": ["jes"], "reach": reach}
    result = skim(nano, tmp_path / "skim.root", analysis(surfaces=surfaces), "simulation")
    far = [] if reach is None else [reach * JES, -reach * JES]
    shifts = [0.0, JES, -JES, *far]
    steps, numbers = expected_cutflow(
        events, {"trigger": triggered, "event flags": clean}, shifts, weighted=True
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
        patch.setattr(json_codec, "write_json", full)
        assert main(command) == 1
        assert "No space left" in capsys.readouterr().err
        assert list(output.iterdir()) == []
    assert main(command) == 0
    with monkeypatch.context() as patch:
        patch.setattr(json_codec, "write_json", full)
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
