"""The conda environments: versions of the lock, Zenith itself; and the lock names no place."""

import json
import os
import re
import subprocess
import sysconfig
import tomllib
import venv
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

import zenith

LOCK = Path("envs/requirements.lock").read_text()
# Where Python versions need different pins, the first line is that of the environments' Python.
FIRST = {
    name: version
    for name, version in reversed(re.findall(r"^([a-z0-9][a-z0-9.-]*)==([^ \\]+)", LOCK, re.M))
}
FILES = ("envs/zenith.yaml", "envs/zenith-gpu.yaml")


def requirements(file: str) -> tuple[list[str], dict[str, str]]:
    """What pip installs into an environment: Zenith itself, and versions by name."""
    environment = yaml.safe_load(Path(file).read_text())
    (lines,) = [d["pip"] for d in environment["dependencies"] if isinstance(d, dict)]
    pinned = [re.fullmatch(r"([\w.-]+)(?:\[\w+\])?==(\S+)", line) for line in lines]
    versions = dict(match.groups() for match in pinned if match)
    return [line for line, match in zip(lines, pinned, strict=True) if not match], versions


@pytest.mark.parametrize("file", FILES)
def test_environment_has_the_versions_of_the_lock(file: str) -> None:
    itself, versions = requirements(file)
    assert itself == ["${ZENITH_SOURCE}"]
    assert len(versions) > 20
    for name, pinned in versions.items():
        assert FIRST[name] == pinned, f"{file}: {name}"


@pytest.mark.parametrize("file", FILES)
def test_environment_has_what_zenith_needs(file: str) -> None:
    """All that its metadata ask for, but what comes with something else that is listed."""
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    needed = [*project["dependencies"], *extras["simulate"], *extras["remote"], *extras["onnx"]]
    names = {re.match(r"[\w.-]+", requirement).group() for requirement in needed}
    assert names - requirements(file)[1].keys() == {"numpy"}


def test_the_recipe_of_conda_is_of_this_version_and_of_the_lock() -> None:
    recipe = yaml.safe_load(Path("recipe/recipe.yaml").read_text())
    everything = tomllib.loads(Path("pyproject.toml").read_text())
    project, system = everything["project"], everything["build-system"]
    context = recipe["context"]
    assert (context["name"], context["version"]) == (project["name"], zenith.__version__)
    assert project["requires-python"] == f">={context['python_min']}"
    assert recipe["about"]["license"] == project["license"]
    assert recipe["about"]["summary"] == project["description"]
    (script,) = project["scripts"].items()
    assert recipe["build"]["python"]["entry_points"] == [" = ".join(script)]
    host = {line.split()[0] for line in recipe["requirements"]["host"]}
    needed = {re.match(r"[\w.-]+", line).group().replace("_", "-") for line in system["requires"]}
    assert host == {"python", "pip", *needed}

    python, *pinned = recipe["requirements"]["run"]
    assert python == "python >=${{ python_min }}"
    of_conda = {"matplotlib-base": "matplotlib", "snakemake-minimal": "snakemake"}
    versions = dict(line.split(" ==") for line in pinned)
    versions = {of_conda.get(name, name): number for name, number in versions.items()}
    assert versions == {name: FIRST[name] for name in versions}
    names = {re.match(r"[\w.-]+", line).group() for line in project["dependencies"]}
    assert names - versions.keys() == set()


@pytest.mark.slow
def test_a_step_runs_in_the_environment_outside_the_checkout(tmp_path: Path) -> None:
    """Without conda: a venv that sees the packages of this one, which have the listed versions.

    Zenith is not among them, but what pip installs of the line that the file has for it.
    """
    pytest.importorskip("hatchling", reason="needs the packages of the extra dev")
    itself, versions = requirements("envs/zenith.yaml")
    assert {name: version(name) for name in versions} == versions
    folder = tmp_path / "an environment"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    # the files .pth of these packages are not read, and with them not where Zenith is
    (packages / "listed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (tmp_path / "requirements.txt").write_text("\n".join(itself))
    source = tmp_path / "the checkout"
    source.symlink_to(Path.cwd())
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, *arguments],
            cwd=tmp_path,
            env={**clean, "ZENITH_SOURCE": f'-e "{source}"'},
            capture_output=True,
            text=True,
        )

    toys = ("-m", "zenith", "toys", "one_score", "--output", "toys.h5", "--fraction", "0.01")
    assert "No module named zenith" in run(*toys).stderr
    options = ("--quiet", "--no-index", "--no-deps", "--no-build-isolation")
    installed = run("-m", "pip", "install", *options, "-r", "requirements.txt")
    assert installed.returncode == 0, installed.stderr
    assert run(*toys).returncode == 0
    found = run(
        "-m", "zenith", "categorise", "toys.h5", "--categories", "2", "--output", "two.json"
    )
    assert found.returncode == 0, found.stderr
    assert json.loads((tmp_path / "two.json").read_text())["z"] > 0


def test_every_package_is_pinned_with_hashes_and_no_address() -> None:
    entries = re.split(r"^(?=[a-z0-9])", LOCK, flags=re.MULTILINE)[1:]
    assert len(entries) > 100
    for entry in entries:
        assert "--hash=sha256:" in entry, entry.splitlines()[0]
    assert "://" not in LOCK
    assert "--index" not in LOCK
