"""A copy of the project, in which a test can run and change the workflow."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HANGS = 3600.0  # seconds; what ends at all takes a quarter of an hour on a slow machine


@dataclass(frozen=True)
class Project:
    folder: Path
    python: Path = Path(sys.executable)

    def start(
        self, *options: str, environment: Mapping[str, str] = os.environ
    ) -> subprocess.Popen[str]:
        """Start Snakemake in the copy, on its own modules; stdout holds both streams."""
        return subprocess.Popen(
            [self.python, "-m", "snakemake", *options],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={
                **environment,
                "PYTHONPATH": str(self.folder / "src"),
                "XDG_CACHE_HOME": str(self.folder / "cache"),
            },
        )

    def snakemake(
        self, *options: str, environment: Mapping[str, str] = os.environ
    ) -> tuple[int, str]:
        """Run Snakemake to its end; gives its exit code and output."""
        process = self.start(*options, environment=environment)
        output = self.rest(process)
        return process.returncode, output

    @staticmethod
    def rest(process: subprocess.Popen[str]) -> str:
        """The output until the process ends."""
        try:
            return process.communicate(timeout=HANGS)[0]
        finally:
            process.terminate()  # only where the time was up: Snakemake then cancels its jobs
            process.wait()


def copied(folder: Path) -> Project:
    """The project in an empty folder."""
    for name in ("src", "workflow", "config", "profiles", "envs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Snakefile", folder)
    return Project(folder)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return copied(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def project_with_blanks(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """In a folder with a blank in its name, and with Python in a `.venv` there."""
    found = copied(tmp_path_factory.mktemp("a project"))
    venv.create(found.folder / ".venv")
    packages = sysconfig.get_path("purelib", vars={"base": str(found.folder / ".venv")})
    (Path(packages) / "all.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return replace(found, python=found.folder / ".venv/bin/python")
