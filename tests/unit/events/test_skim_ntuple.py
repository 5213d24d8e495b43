"""Events in an RNTuple, lists of lengths of their own, and any integers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot
from makers.nanoaod import (
    EVENTS,
    RUNS,
    analysis,
    counted,
    lists_apart,
    read,
    refuses,
    sums,
    together,
    write,
    write_ntuple,
)

from zenith.errors import InputError
from zenith.events.folds import event_hash
from zenith.events.sample_events import read_skim
from zenith.events.skim import skim


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
    hashes = [event_hash(dict(read(tmp_path / f"{n}.root"))).tolist() for n in (1, 2)]
    assert hashes[0] == hashes[1]


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
