"""What CONTRIBUTING says of adding something: its recipes, applied to a copy of the project."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

RECIPES = Path("CONTRIBUTING.md").read_text(encoding="utf-8").split("## Recipes\n")[1]
# A block of code with the file that it is, or is added to, in its first line
BLOCK = re.compile(r"^```\w+\n# ([\w./]+\.\w+)(, at the end)?\n(.*?)^```$", re.M | re.S)


def changed(text: str, difference: str) -> str:
    """A text with the hunks of a difference, each of which must fit at one place."""
    for hunk in difference.split("@@\n"):
        lines = hunk.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] in " -")
        new = "".join(line[1:] for line in lines if line[0] in " +")
        assert text.count(old) == 1, hunk
        text = text.replace(old, new)
    return text


def follow(recipe: str, folder: Path) -> set[str]:
    """Apply a recipe to a copy of the project; the files that it names."""
    blocks = BLOCK.findall(RECIPES.split(f"### {recipe}\n")[1].split("\n### ")[0])
    for name, at_the_end, content in blocks:
        path = folder / name
        if at_the_end:
            path.write_text(f"{path.read_text()}\n\n{content}")
        elif path.exists():
            path.write_text(changed(path.read_text(), content))
        else:
            path.write_text(content)
    return {name for name, *_ in blocks}


def zenith(folder: Path, *options: str) -> str:
    environment: Mapping[str, str] = {**os.environ, "PYTHONPATH": str(folder / "src")}
    command = [sys.executable, "-m", "zenith", *options]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.slow
def test_a_step(project) -> None:
    folder = project.folder
    assert len(follow("A step", folder)) == 3
    assert "results of the fit to one line" in zenith(folder, "--help")
    fit = folder / "results/test/initial/fit.json"
    fit.parent.mkdir(parents=True)
    fit.write_text(json.dumps({"mu": 1.234, "mu_error": 0.5}))
    made = "results/test/initial/headline.txt"
    options = (made, "--configfile", "config/test.yaml", "--allowed-rules", "headline")
    status, output = project.snakemake(*options, "--cores", "1")
    assert status == 0, output
    assert (folder / made).read_text() == "mu = 1.23 ± 0.50\n"
    for change, again in (
        ("statistics={signal_strength: r}", True),
        ("plotting={energy: 8}", False),
    ):
        status, output = project.snakemake(*options, "-n", "--config", change)
        assert status == 0, output
        assert ("rule headline:" in output) == again, output
