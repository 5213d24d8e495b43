"""The recipes of CONTRIBUTING, applied to a folder, and the packages that they make."""

import re
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from zenith.config.merging import merge
from zenith.registry import Registry

RECIPES = Path("CONTRIBUTING.md").read_text(encoding="utf-8").split("## Recipes\n")[1]
# A block of code with the file that it is, or is added to, in its first line
BLOCK = re.compile(r"^```\w+\n# ([\w./]+\.\w+)(, at the end|, more keys)?\n(.*?)^```$", re.M | re.S)


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
    for name, more, content in blocks:
        path = folder / name
        if more == ", at the end":
            path.write_text(f"{path.read_text()}\n\n{content}")
        elif more:
            keys = merge(yaml.safe_load(path.read_text()), yaml.safe_load(content))
            path.write_text(yaml.safe_dump(keys, sort_keys=False))
        elif path.exists():
            path.write_text(changed(path.read_text(), content))
        else:
            path.write_text(content)
    return {name for name, *_ in blocks}


@contextmanager
def installed(
    folder: Path, module: str, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The package in a folder, a module and its pyproject.toml, as if it were installed."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    (info / "entry_points.txt").write_text(
        "".join(
            f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in points.items())
            for group, points in project["entry-points"].items()
        )
    )
    monkeypatch.syspath_prepend(folder)
    registry._found.cache_clear()
    yield
    sys.modules.pop(module, None)
    registry._found.cache_clear()
