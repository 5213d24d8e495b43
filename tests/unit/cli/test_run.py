"""`zenith run` becomes Snakemake, on the workflow of the package, with the options that follow."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

from zenith.cli import main
from zenith.cli.workflow import share


class Became(Exception):
    """The command that the process would have become."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration, and a person whose own profiles are in `home`."""

    def become(program: str, command: list[str]) -> None:
        assert program == sys.executable
        raise Became(command)

    monkeypatch.setattr(os, "execv", become)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("name: mine\n")
    return tmp_path


def became(*options: str) -> list[str]:
    with pytest.raises(Became) as command:
        main(["run", "mine.yaml", *options])
    return command.value.args[0]


def test_options_are_passed_on_as_they_are(folder: Path) -> None:
    options = ["results/mine/fit.json", "--cores", "2", "-n", "--config", "a=1", "--help"]
    assert became(*options) == [
        sys.executable,
        *("-m", "snakemake", "--configfile", "mine.yaml"),
        *("--workflow-profile", str(share() / "profiles/default")),
        *("--snakefile", str(share() / "workflow/Snakefile")),
        *options,
    ]
    (folder / "profiles/default").mkdir(parents=True)  # one of the folder goes before, as always
    assert "--workflow-profile" not in became(*options)


def test_profiles_of_the_package_have_names(folder: Path) -> None:
    slurm = str(share() / "profiles/slurm")
    assert became("--profile", "slurm", "-n")[-3:] == ["--profile", slurm, "-n"]
    assert became("--profile=slurm")[-1] == f"--profile={slurm}"
    assert became("-n", "--profile")[-1] == "--profile"  # Snakemake says what is missing
    assert became("--profile", "ours")[-1] == "ours"
    for own in ("home/snakemake/slurm", "slurm"):
        (folder / own).mkdir(parents=True)
        assert became("--profile", "slurm")[-1] == "slurm"
        (folder / own).rmdir()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nope.yaml"], "nope.yaml: there is no such file"),
        (["."], ".: there is no such file"),
        (["mine.yaml", "-s", "Snakefile"], "-s: this command runs Zenith's own workflow"),
        (["mine.yaml", "--snakefile=S"], "--snakefile=S: this command runs"),
        (["mine.yaml", "--configfile", "other.yaml"], "whose key `base` may name another"),
    ],
)
def test_a_mistake_is_one_line(
    folder: Path, arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *arguments, "--cores", "1"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("zenith run: error: ")
    assert expected in line


@pytest.mark.parametrize("step", [["run", "mine.yaml"], ["status", "--config", "mine.yaml"]])
def test_without_snakemake_the_extra_is_named(
    folder: Path,
    step: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / "mine.yaml").unlink()
    assert main(["new", "mine"]) == 0
    capsys.readouterr()
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "snakemake" else found(name)
    )
    assert main([*step]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "Snakemake is not installed: pip install 'zenith-hep[workflow]'" in line
