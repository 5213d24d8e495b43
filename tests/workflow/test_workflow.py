"""The whole workflow on few events, and what runs again after a change."""

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
RESULTS = Path("results/test")
ANALYSIS = ("--configfile", "config/test.yaml")
# the signal, two parts of a background, two more backgrounds, two parts of the pseudo-data
SIMULATED = 7


def planned(project, *options: str) -> dict[str, int]:
    """The rules that would run, and how often; `all` is left out."""
    status, output = project.snakemake(*ANALYSIS, "--dry-run", "--cores", "1", *options)
    assert status == 0, output
    if "Nothing to be done" in output:
        return {}
    table = re.search(r"job +count\n-+ +-+\n((?:\w+ +\d+\n)+)", output)
    assert table is not None, output
    counts = dict(line.split() for line in table.group(1).splitlines())
    return {rule: int(n) for rule, n in counts.items() if rule not in ("all", "total")}


@contextmanager
def edited(file: Path, old: str, new: str) -> Iterator[None]:
    """Replace a text in a file for as long as the block lasts."""
    before = file.read_text()
    assert old in before, f"{file} does not contain {old!r}"
    file.write_text(before.replace(old, new, 1))
    try:
        yield
    finally:
        file.write_text(before)


@dataclass(frozen=True)
class Run:
    done_before: int
    output: str


@pytest.fixture(scope="module")
def run(project) -> Run:
    """The workflow, interrupted after its first job and started again."""
    process = project.start(*ANALYSIS, "--cores", "2")
    assert process.stdout is not None
    output = ""
    for line in process.stdout:
        output += line
        if re.match(r"\d+ of \d+ steps", line):
            os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C does
            break
    output += process.communicate(timeout=300)[0]
    assert process.returncode != 0, output
    done = len(list((project.folder / RESULTS / "simulated").glob("*.root")))
    status, output = project.snakemake(*ANALYSIS, "--cores", "2")
    assert status == 0, output
    return Run(done, output)


def test_the_default_profile_is_loaded_by_itself(run) -> None:
    assert "Using workflow specific profile profiles/default" in run.output


def test_the_summary_holds_the_result(project, run) -> None:
    summary = json.loads((project.folder / RESULTS / "summary.json").read_text())
    assert summary["fit"]["mu_error"] > 0
    for selection in ("initial", "optimised"):
        assert summary["expected_significance"][selection]["test"] > 0
    assert len(summary["upper_limit"]["expected"]) == 5
    assert set(summary["yields"]) == {"signal", "wjets_control", "ttbar_control"}
    assert summary["timing"]["simulate"]["jobs"] == SIMULATED
    assert summary["timing"]["skim"]["jobs"] == SIMULATED
    assert summary["timing"]["columns"]["jobs"] == 5


def test_the_report_shows_the_figures(project, run) -> None:
    report = (project.folder / RESULTS / "report.html").read_text()
    for heading in ("Control plots", "Fit regions", "Systematic variations", "Networks"):
        assert heading in report
    assert 'src="http' not in report  # it opens offline


def test_nothing_is_left_to_do(project, run) -> None:
    assert planned(project) == {}


def test_one_rule_runs_again_on_demand(project, run) -> None:
    target = str(RESULTS / "initial/fit.json")
    assert planned(project, target, "--forcerun", "fit") == {"fit": 1}


def test_an_interrupted_run_resumes(run) -> None:
    assert 0 < run.done_before < SIMULATED
    jobs = re.findall(r"^(?:local)?rule (\w+):", run.output, re.MULTILINE)
    assert jobs.count("simulate") == SIMULATED - run.done_before
    assert jobs.count("skim") == SIMULATED


def test_a_lost_file_is_made_again(project, run) -> None:
    """With what is made of it; nothing is made of other files."""
    skim = project.folder / RESULTS / "skims/wjets.0.root"
    hidden = skim.rename(skim.with_suffix(".hidden"))
    try:
        rules = planned(project)
    finally:
        hidden.rename(skim)
    assert "simulate" not in rules
    assert (rules["skim"], rules["columns"], rules["fit"]) == (1, 1, 2)


def test_a_changed_bin_edge_runs_the_histograms_again(project, run) -> None:
    edges = "edges: {start: 400, stop: 4000, bins: 9}"
    with edited(project.folder / "config/zprime.yaml", edges, edges.replace("9", "6")):
        rules = planned(project)
    assert not {"simulate", "skim", "columns", "mva"} & set(rules)
    assert {"histogram", "fit", "figures", "summary"} <= set(rules)


def test_a_changed_cross_section_skims_nothing_again(project, run) -> None:
    with edited(
        project.folder / "config/test.yaml", "zprime_2000: {", "zprime_2000: {k_factor: 1.7, "
    ):
        rules = planned(project)
    assert not {"simulate", "skim"} & set(rules)
    assert rules["columns"] == 1


def test_an_edited_module_runs_its_rules_again(project, run) -> None:
    with edited(project.folder / "src/zenith/statistics/fit.py", '"""', '"""Edited. '):
        rules = planned(project)
    assert rules["fit"] == 2
    assert not {"simulate", "skim", "columns", "mva"} & set(rules)


def test_a_mistake_in_the_configuration_stops_before_any_job(project, run) -> None:
    status, output = project.snakemake(*ANALYSIS, "--cores", "1", "--config", "seeed=1")
    assert status != 0
    assert "seeed: unknown key; did you mean 'seed'?" in output
    assert "Select jobs" not in output
