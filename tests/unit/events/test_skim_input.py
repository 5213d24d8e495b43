"""What a skim says of bad input: one message, and no output."""

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot
from makers.nanoaod import EVENTS, RUNS, analysis, refuses, toy_events, write

from zenith.events.skim import skim


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
    refuses(path, r"empty\.root: there are no events in it")


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
