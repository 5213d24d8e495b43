"""Imports go one way, and the command line starts without the heavy libraries."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path("src/zenith")
# Room: what it may import of this package, besides itself.
ALLOWED = {
    "api": {"config", "errors", "artefacts", "core", "learning", "statistics"},
    "core": {"errors"},
    "events": {"config", "errors", "artefacts", "events", "analyses"},
    "analyses": {"events", "errors"},
    "learning": {"config", "errors", "artefacts", "core", "statistics"},
    "statistics": {"config", "errors", "artefacts", "tables", "core"},
    "plots": {"config", "errors", "artefacts"},
    "config": {"errors", "events"},
}
NO_IO = {"awkward", "uproot", "h5py", "pyhf", "cabinetry", "coffea", "hist", "yaml", "pydantic"}


def imported(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


@pytest.mark.parametrize("room", ALLOWED)
def test_imports_go_one_way(room: str) -> None:
    files = sorted((SOURCE / room).rglob("*.py"))
    assert files
    for file in files:
        own = {n.split(".")[1] for n in imported(file) if n.startswith("zenith.")}
        assert own <= ALLOWED[room] | {room}, file


def test_the_core_knows_no_files() -> None:
    for file in (SOURCE / "core").rglob("*.py"):
        assert not {name.split(".")[0] for name in imported(file)} & NO_IO, file


def test_the_command_line_starts_without_heavy_libraries() -> None:
    heavy = ("jax", "coffea", "pyhf", "uproot", "matplotlib", "awkward")
    check = (
        "import sys\nfrom zenith.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"found = [m for m in {heavy!r} if m in sys.modules]\nsys.exit(', '.join(found) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
