"""Several samples in one file: `select` tells their events apart before anything is counted."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers.nanoaod import RUNS, analysis, read, sums, write

from zenith.errors import ConfigError, InputError
from zenith.events.datasets import resolve
from zenith.events.skim import skim

EVERY = {
    "skim": {"cuts": [], "trigger": None},
    "eras": {"2016": {"event_flags": []}},
}


def selected(path: str, output: Path, requirement: str, sample: str = "simulation") -> Any:
    asked = analysis(samples={sample: {"select": requirement}}, **EVERY)
    return skim(path, output, asked, sample)


def test_the_events_of_a_sample_and_their_weights_alone(
    events: dict[str, Any], tmp_path: Path
) -> None:
    path = write(tmp_path / "n.root", events)
    npvs, weight = events["PV_npvs"], events["genWeight"].astype(float)
    for requirement, own in (("PV_npvs > 20", npvs > 20), ("HLT_Ele", events["HLT_Ele"])):
        told = selected(path, tmp_path / "s.root", requirement)
        assert told["events"] == own.sum()
        assert told["sum_weights"] == pytest.approx(weight[own].sum())
        assert sum(sums(tmp_path / "s.root")["genEventSumw"]) == pytest.approx(weight[own].sum())
        np.testing.assert_array_equal(read(tmp_path / "s.root")["event"], events["event"][own])


def test_sums_that_the_file_tells_are_of_all_its_samples(
    events: dict[str, Any], tmp_path: Path
) -> None:
    path = write(tmp_path / "n.root", events, RUNS)
    selected(path, tmp_path / "s.root", "PV_npvs > 20")
    assert sums(tmp_path / "s.root")["genEventSumw"] == RUNS["genEventSumw"].tolist()


@pytest.mark.parametrize(
    ("requirement", "message"),
    [
        ("PV_npvs < 0", r"n\.root: no event meets samples\.simulation\.select"),
        ("PV_score > 0", r"no branch PV_score, which samples\.simulation\.select names"),
        ("Muon_pt > 0", r"branch Muon_pt is not one number, which samples\.simulation\.select"),
    ],
)
def test_a_requirement_that_cannot_be_met(
    requirement: str, message: str, events: dict[str, Any], tmp_path: Path
) -> None:
    path = write(tmp_path / "n.root", events)
    with pytest.raises(InputError, match=message):
        selected(path, tmp_path / "s.root", requirement)
    assert not (tmp_path / "s.root").exists()


def test_a_sum_for_all_files_is_not_that_of_some(tmp_path: Path) -> None:
    files = [str(tmp_path / name) for name in ("a.root", "b.root")]
    for file in files:
        Path(file).touch()
    changes = {"samples": {"simulation": {"files": files, "sum_of_weights": 10.0}}}
    assert len(resolve(analysis(**changes), "simulation")) == 2
    with pytest.raises(ConfigError, match=r"simulation\.sum_of_weights: is that of all 2 files"):
        resolve(analysis(max_files=1, **changes), "simulation")
