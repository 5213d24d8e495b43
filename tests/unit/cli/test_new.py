"""`zenith new` starts an analysis that loads; `zenith status` groups what Snakemake says."""

from pathlib import Path

import pytest

from zenith.cli import main
from zenith.cli.status import steps
from zenith.config import load, observables_of


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, where the commands run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_new_analysis_loads_with_its_observables(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "mine"]) == 0
    printed = capsys.readouterr().out
    assert {file.name for file in folder.iterdir()} == {"mine.yaml", "mine.py"}
    analysis = load("mine.yaml")
    assert (analysis.name, analysis.signals, analysis.module) == ("mine", ["signal"], "mine.py")
    found = observables_of(analysis)
    assert list(found) == ["n_muon", "n_jet", "muon_pt", "met", "st"]
    assert found["met"].unit == "GeV"
    assert "NAME" not in (folder / "mine.yaml").read_text() + (folder / "mine.py").read_text()
    assert "zenith run mine.yaml --cores 4" in printed
    assert f"results/{analysis.name}/summary.md" in printed
    keys = Path(printed.split()[-1].removesuffix("."))
    assert "# The configuration of an analysis" in keys.read_text()


@pytest.mark.parametrize("suffix", ["py", "yaml"])
def test_a_new_analysis_overwrites_nothing(
    folder: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = folder / f"mine.{suffix}"
    file.write_text("precious = True\n")
    assert main(["new", "mine"]) == 1
    assert f"mine.{suffix}: exists already" in capsys.readouterr().err
    assert file.read_text() == "precious = True\n"
    assert list(folder.iterdir()) == [file]


@pytest.mark.parametrize("name", ["../mine", "Mine", "1st", "class", "my-analysis", ""])
def test_bad_names_are_refused(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", name]) == 1
    assert "cannot be the name of an analysis" in capsys.readouterr().err
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["statistics", "numpy", "zenith"])
def test_a_new_analysis_hides_no_module(
    folder: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`python -m` looks in its folder first: `statistics.py` there would end every program."""
    assert main(["new", name]) == 1
    assert f"{name}.py would hide" in capsys.readouterr().err
    assert list(folder.iterdir()) == []


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
    assert main(["status"]) == 1
    assert "config/zprime.yaml: the default configuration is not in" in capsys.readouterr().err
    assert main(["new", "mine"]) == 0
    assert main(["status", "--config", "mine.yaml", "--set", "max_files=1"]) == 0
    text = capsys.readouterr().out
    assert "| simulate             | 0    | 0     | 2       | never " in text
    assert "Continue with: zenith run mine.yaml --cores N --config max_files=1\n" in text
