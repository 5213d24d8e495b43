"""Imports go one way, and the command line starts without the heavy libraries."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path("src/zenith")
# Rooms by floor, the lowest first: what stands on a floor imports from the floors below it alone
FLOORS = [
    {"comparison", "errors", "tables", "analysis_module", "observable"},
    {"registry", "source_hash"},
    {"core"},
    {"artefacts", "config"},
    {"events", "simulation", "analyses", "templates"},
    {"systematics"},
    {"statistics"},
    {"training"},
    {"optimisation", "categorisation", "inference"},
    {"figures", "reporting"},
    {"api"},
    {"cli"},
    {"__main__"},
]
# Sides of a floor that see each other, one way
BESIDE = {
    "analyses": {"events", "simulation"},
    "templates": {"events"},
    "simulation": {"events"},
}
# The rooms of the core, likewise
CORE = [{"likelihood"}, {"networks"}, {"selection"}, {"categories"}, {"response"}]
NO_IO = {"awkward", "uproot", "h5py", "pyhf", "cabinetry", "coffea", "hist", "yaml", "pydantic"}
FILES = {
    ".".join(file.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__"): file
    for file in sorted(SOURCE.rglob("*.py"))
}


def imported(file: Path) -> Iterator[str]:
    """What a file imports anywhere in it, as modules where they are of this package."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in FILES else node.module


# The package itself imports its public names only when they are asked for
GRAPH = {
    module: {name for name in imported(file) if name in FILES and name != "zenith"}
    for module, file in FILES.items()
    if module != "zenith"
}


def room(module: str, depth: int) -> str:
    return module.split(".")[depth] if module.count(".") >= depth else ""


@pytest.mark.parametrize(
    ("floors", "depth", "within"), [(FLOORS, 1, "zenith"), (CORE, 2, "zenith.core")]
)
def test_imports_go_down(floors: list[set[str]], depth: int, within: str) -> None:
    floor = {name: k for k, names in enumerate(floors) for name in names}
    inside = [m for m in GRAPH if m.startswith(f"{within}.")]
    assert {room(m, depth) for m in inside} == floor.keys()
    for module in inside:
        here = room(module, depth)
        for name in GRAPH[module]:
            there = room(name, depth)
            if not name.startswith(f"{within}.") or there == here:
                continue
            assert floor[there] < floor[here] or there in BESIDE.get(here, ()), (module, name)


def test_no_module_imports_itself_by_a_detour() -> None:
    try:
        TopologicalSorter(GRAPH).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


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


def test_a_configuration_is_read_without_jax() -> None:
    """Every job reads it, and half of them are done in the time that JAX takes to be imported."""
    check = (
        "import sys\nfrom zenith.config import load\nload('config/zprime.yaml')\n"
        "sys.exit('jax' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", check], check=True, cwd=SOURCE.parents[1])
