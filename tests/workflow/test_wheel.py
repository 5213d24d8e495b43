"""The wheel in an empty environment and an empty folder: an analysis to its report."""

import json
import os
import shutil
import subprocess
import sysconfig
import venv
from collections.abc import Callable
from importlib.metadata import distribution
from importlib.util import cache_from_source
from pathlib import Path

import pytest
from packaging.requirements import Requirement

pytest.importorskip("hatchling", reason="needs the packages of the extra dev")
pytestmark = pytest.mark.slow

SMALL = """\
base: mine.yaml
name: small
samples:
  signal: {simulate: {events: 100}}
  background: {simulate: {events: 200, parts: 1}}
regions:
  signal:
    cuts: [n_muon >= 1, n_jet >= 2]  # no threshold moves
    fit: {edges: [500, 1200, 3500]}
statistics: {ranking: false, scan_points: 3, bootstrap: 5}
plotting: {formats: [png], observables: [st]}
"""

OUTER = """\
from zenith.cli.workflow import share


module zenith:
    snakefile:
        share() / "workflow/Snakefile"
    config:
        {"base": "small.yaml", "name": "inner"}


use rule * from zenith as zenith_*


rule everything:
    default_target: True
    input:
        rules.zenith_all.input,
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("an empty folder")


def install_locked(packages: Path) -> None:
    """Put the packages of the lock into a folder, and no others.

    Without a network: each is the one that is installed here, if its version is that of the lock.
    """
    for line in Path("envs/requirements.lock").read_text().splitlines():
        if line.startswith((" ", "#")) or not line:
            continue
        locked = Requirement(line.rstrip(" \\"))
        if locked.marker is not None and not locked.marker.evaluate():
            continue
        installed = distribution(locked.name)
        assert locked.specifier.contains(installed.version, prereleases=True), line
        for file in installed.files or ():
            if file.parent.match("../bin"):  # programs, which nothing here starts
                continue
            source, target = Path(str(installed.locate_file(file))), packages / file
            link(source, target)
            if file.suffix == ".py":
                link(Path(cache_from_source(str(source))), Path(cache_from_source(str(target))))


def link(source: Path, target: Path) -> None:
    """The same file in another place, or a copy of it on another disk."""
    if target.exists() or not source.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@pytest.fixture(scope="module")
def command(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a program of an environment with the packages of the lock and the wheel."""
    place = tmp_path_factory.mktemp("environment")
    venv.create(place, with_pip=True)
    install_locked(Path(sysconfig.get_path("purelib", vars={"base": str(place)})))
    environment = {**os.environ, "XDG_CACHE_HOME": str(place / "cache")}
    environment.pop("PYTHONPATH", None)

    def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [place / "bin" / program, *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
        )

    def pip(*arguments: str) -> None:
        done = run("python", "-m", "pip", "--quiet", *arguments)
        assert done.returncode == 0, done.stderr

    assert "No module named zenith" in run("python", "-m", "zenith").stderr
    offline = ("--no-index", "--no-deps")
    wheels = place / "wheels"
    pip("wheel", *offline, "--no-build-isolation", "--wheel-dir", str(wheels), str(Path.cwd()))
    (wheel,) = wheels.iterdir()
    pip("install", *offline, "--ignore-installed", str(wheel))
    return run


@pytest.fixture(scope="module")
def zenith(command: Run) -> Run:
    return lambda *arguments: command("zenith", *arguments)


def rules(output: str) -> set[str]:
    """The rules of a dry run."""
    table = output.partition("Job stats:")[2].partition("total")[0].splitlines()[3:]
    return {line.split()[0] for line in table if line.strip()}


@pytest.fixture(scope="module")
def done(zenith: Run, folder: Path) -> Path:
    """The results of a small analysis, which `zenith new` has begun."""
    new = zenith("new", "mine")
    assert new.returncode == 0, new.stderr
    assert {file.name for file in folder.iterdir()} == {"mine.yaml", "mine.py"}
    whole = zenith("run", "mine.yaml", "--dry-run", "--profile", "slurm")
    assert rules(whole.stdout + whole.stderr) > {"simulate", "optimise", "summary"}, whole.stderr
    assert "share/profiles/slurm" in whole.stderr  # that of the wheel, by its name
    (folder / "mine.py").write_text((folder / "mine.py").read_text() + "\nfrom . import beside\n")
    (folder / "beside.py").touch()
    (folder / "small.yaml").write_text(SMALL)
    run = zenith("run", "small.yaml", "--cores", "2")
    assert run.returncode == 0, run.stdout + run.stderr
    return folder / "results/small"


def test_an_analysis_runs_to_its_report(zenith: Run, done: Path) -> None:
    report = (done / "report.html").read_text()
    assert "regions" in report
    assert "Discovery significance" in (done / "summary.md").read_text()
    status = zenith("status", "--config", "small.yaml")
    assert "Everything is up to date. Read results/small/summary.md" in status.stdout, status.stderr


def test_a_step_does_what_its_rule_did(zenith: Run, done: Path, folder: Path) -> None:
    step = zenith("summary", "--config", "small.yaml", "--output", "again.json")
    assert step.returncode == 0, step.stderr
    again = json.loads((folder / "again.json").read_text())
    first = json.loads((done / "summary.json").read_text())
    assert again["selections"] == first["selections"]


def test_only_what_a_helper_beside_the_module_concerns_runs_again(
    zenith: Run, done: Path, folder: Path
) -> None:
    (folder / "beside.py").write_text("edited = True\n")
    planned = zenith("run", "small.yaml", "--dry-run")
    found = rules(planned.stdout + planned.stderr)
    assert {"skim", "columns", "fit", "summary"} <= found
    assert not found & {"simulate", "configuration"}
    (folder / "beside.py").write_text("")


def test_the_wheel_is_a_module_of_another_workflow(command: Run, done: Path, folder: Path) -> None:
    (folder / "outer.smk").write_text(OUTER)
    planned = command("python", "-m", "snakemake", "--snakefile", "outer.smk", "--dry-run")
    assert planned.returncode == 0, planned.stderr
    found = rules(planned.stdout + planned.stderr)
    assert {"everything", "zenith_skim", "zenith_fit", "zenith_summary"} <= found


def test_mistakes_are_those_of_zenith_and_of_snakemake(zenith: Run, done: Path) -> None:
    absent = zenith("run", "absent.yaml", "--cores", "1")
    assert (absent.returncode, absent.stdout) == (1, "")
    assert absent.stderr.startswith("zenith run: error: absent.yaml: there is no such file")
    wrong = zenith("run", "small.yaml", "--cores", "1", "--config", "seed=-1")
    assert wrong.returncode == 1
    assert "small.yaml: seed: " in wrong.stderr
    cores = zenith("run", "small.yaml")
    assert cores.returncode == 1
    assert "--cores" in cores.stderr
