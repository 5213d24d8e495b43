"""The whole workflow on few events, and what runs again after a change."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
RESULTS = Path("results/test")


def snakemake(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "snakemake", "--configfile", "config/test.yaml", *options]
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(folder / "src"), "HOME": str(folder)},
    )


def planned(folder: Path, *options: str) -> dict[str, int]:
    """The rules that would run, and how often; `all` is left out."""
    result = snakemake(folder, "--dry-run", "--quiet", "progress", "--cores", "1", *options)
    output = result.stdout + result.stderr
    assert result.returncode == 0, output
    if "Nothing to be done" in output:
        return {}
    table = re.search(r"job +count\n-+ +-+\n((?:\w+ +\d+\n)+)", output)
    assert table is not None, output
    counts = dict(line.split() for line in table.group(1).splitlines())
    return {rule: int(n) for rule, n in counts.items() if rule not in ("all", "total")}


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text, f"{file} does not contain {old!r}"
    file.write_text(text.replace(old, new, 1))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which the workflow ran once."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("src", "workflow", "config", "profiles", "envs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Snakefile", folder)
    result = snakemake(folder, "--cores", "2")
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


def test_the_summary_holds_the_result(project: Path) -> None:
    summary = json.loads((project / RESULTS / "summary.json").read_text())
    assert summary["fit"]["mu_error"] > 0
    assert summary["expected_significance"]["initial"]["test"] > 0
    assert len(summary["upper_limit"]["expected"]) == 5
    assert set(summary["yields"]["initial"]) == {"signal", "wjets_control", "ttbar_control"}
    assert summary["timing"]["simulate"]["jobs"] == 6
    report = (project / RESULTS / "report.html").read_text()
    assert "Control plots" in report


def test_nothing_is_left_to_do(project: Path) -> None:
    assert planned(project) == {}


def test_one_rule_runs_again_on_demand(project: Path) -> None:
    target = str(RESULTS / "initial/fit.json")
    assert planned(project, target, "--forcerun", "fit") == {"fit": 1}


def test_a_changed_bin_edge_runs_the_histograms_again(project: Path) -> None:
    file = project / "config/zprime.yaml"
    before = file.read_text()
    edit(file, "stop: 3000, bins: 6", "stop: 3000, bins: 5")
    rules = planned(project)
    file.write_text(before)
    assert not {"simulate", "skim", "columns"} & set(rules)
    assert {"histogram", "fit", "figures", "summary"} <= set(rules)


def test_a_changed_cross_section_skims_nothing_again(project: Path) -> None:
    file = project / "config/test.yaml"
    before = file.read_text()
    edit(file, "zprime_2000: {", "zprime_2000: {k_factor: 1.7, ")
    rules = planned(project)
    file.write_text(before)
    assert not {"simulate", "skim"} & set(rules)
    assert rules["columns"] == 1


def test_an_edited_module_runs_its_rules_again(project: Path) -> None:
    module = project / "src/zenith/statistics/fit.py"
    before = module.read_text()
    module.write_text(before + "\n# edited\n")
    rules = planned(project)
    module.write_text(before)
    assert "fit" in rules
    assert not {"simulate", "skim", "columns"} & set(rules)


def test_a_mistake_in_the_configuration_stops_before_any_job(project: Path) -> None:
    result = snakemake(project, "--cores", "1", "--config", "seeed=1")
    assert result.returncode != 0
    assert "seeed: unknown key; did you mean 'seed'?" in result.stdout + result.stderr
