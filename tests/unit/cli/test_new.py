"""`zenith new` starts an analysis that loads; `zenith status` groups what Snakemake says."""

import subprocess
import sys
from pathlib import Path

import pytest

from zenith.cli import main
from zenith.cli.status import steps

SOURCE = Path("src").resolve()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a workflow, empty."""
    (tmp_path / "src/zenith/analyses").mkdir(parents=True)
    (tmp_path / "config").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_new_analysis_loads_with_its_observables(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "mine"]) == 0
    assert "snakemake --cores 4 --configfile config/mine.yaml" in capsys.readouterr().out
    # The module as it will be found: among the analyses of the package.
    check = (
        "import zenith.analyses\n"
        "zenith.analyses.__path__.append('src/zenith/analyses')\n"
        "from zenith.config import load, observables_of\n"
        "analysis = load('config/mine.yaml')\n"
        "print(analysis.name, analysis.signals, *observables_of(analysis))\n"
        "print(observables_of(analysis)['met'].unit)"
    )
    result = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "mine ['signal'] n_muon n_jet muon_pt met st\nGeV\n"
    assert "NAME" not in (folder / "config/mine.yaml").read_text()


def test_a_new_analysis_overwrites_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "src/zenith/analyses/mine.py").write_text("precious = True\n")
    assert main(["new", "mine"]) == 1
    assert "src/zenith/analyses/mine.py: exists already" in capsys.readouterr().err
    assert (folder / "src/zenith/analyses/mine.py").read_text() == "precious = True\n"
    assert not (folder / "config/mine.yaml").exists()


@pytest.mark.parametrize("name", ["../mine", "Mine", "1st", "class", "my-analysis", ""])
def test_bad_names_are_refused(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", name]) == 1
    assert "cannot be the name of an analysis" in capsys.readouterr().err
    assert list((folder / "config").iterdir()) == []


def test_a_new_analysis_needs_the_folder_of_the_workflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "mine"]) == 1
    assert "go to the folder of the workflow" in capsys.readouterr().err


def test_the_status_counts_what_is_done_stale_and_missing() -> None:
    def row(file: str, rule: str, date: str, status: str, plan: str) -> dict[str, str]:
        return {"output_file": file, "rule": rule, "date": date, "status": status, "plan": plan}

    old, new = "Sun Nov 22 06:00:00 2026", "Sun Nov 22 07:00:00 2026"
    found = steps(
        [
            row("r/initial/fit.json", "fit", old, "ok", "update pending"),
            row("r/skims/a.root", "skim", new, "ok", "no update"),
            row("r/skims/b.root", "skim", old, "params changed", "update pending"),
            row("r/skims/c.root", "skim", "-", "missing", "update pending"),
        ]
    )
    assert list(found) == ["skim", "fit"]  # in the order of the work
    skim = found["skim"]
    assert (skim.done, skim.stale, skim.missing, skim.newest) == (1, 1, 1, new)
    assert skim.folder == "r/skims"
    assert skim.reasons == {"params changed"}
    assert found["fit"].reasons == {"an earlier step"}


def test_the_status_of_a_workflow_that_never_ran(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = SOURCE.parent / "config/zprime.yaml"
    (folder / "config/zprime.yaml").write_text(config.read_text())
    assert main(["status"]) == 1
    assert "Snakefile: not in this folder" in capsys.readouterr().err
    rule = "rule fit:\n    output: 'results/zprime/fit.json'\n    shell: 'echo 1 > {output}'\n"
    (folder / "Snakefile").write_text(rule)
    assert main(["status"]) == 0
    text = capsys.readouterr().out
    assert "| fit  | 0    | 0     | 1       | never     | results/zprime |" in text
    assert "Continue with: snakemake --cores N" in text
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--quiet", "all"]
    subprocess.run(command, check=True, capture_output=True)
    assert main(["status"]) == 0
    text = capsys.readouterr().out
    assert "| fit  | 1    | 0     | 0       |" in text
    assert "Everything is up to date. Read results/zprime/summary.md" in text
