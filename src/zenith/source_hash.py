"""The content of the code that a step runs, so that an edit of it runs the step again."""

import ast
import hashlib
import importlib.machinery
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

# What is installed does not change between runs; the environment of a rule says its versions.
_INSTALLED = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib")}


def _find(module: str) -> importlib.machinery.ModuleSpec | None:
    """Where a module is; unlike `importlib.util.find_spec`, this imports no parent of it."""
    spec, folders = None, None
    names = module.split(".")
    for depth in range(1, len(names) + 1):
        spec = importlib.machinery.PathFinder.find_spec(".".join(names[:depth]), folders)
        if spec is None:
            return None
        folders = spec.submodule_search_locations
        if folders is None and depth < len(names):
            return None
    return spec


def _is_ours(module: str, source: Path) -> bool:
    """Whether a module is of this package, or of an analysis: not installed, nor of Python."""
    name = module.partition(".")[0]
    if name == "zenith":
        return True
    if name in sys.stdlib_module_names:
        return False
    installed = any(part in ("site-packages", "dist-packages") for part in source.parts)
    return not installed and not _INSTALLED & set(source.resolve().parents)


def _imported(module: str, source: Path) -> Iterator[str]:
    """What may be modules of all that a file imports, also inside its functions.

    `from a import b` gives `a` and `a.b`.
    """
    if source.suffix != ".py":
        return
    package = module if source.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source.read_bytes(), str(source))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: -node.level + 1 or None] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        for name in names:
            yield from _with_parents(name)


def _with_parents(module: str) -> Iterator[str]:
    """A module and the packages that run before it; those of this package give nothing."""
    yield module
    while (module := module.rpartition(".")[0]) and not module.startswith("zenith"):
        yield module


def _is_left_out(module: str) -> bool:
    """Of this package: what `zenith.config` makes of a configuration is a parameter of the rule.

    So is the step that the command line's own table finds.
    """
    return module.split(".")[:2] == ["zenith", "config"] or module in ("zenith", "zenith.cli")


def sources(*modules: str) -> dict[str, Path]:
    """The files of the named modules and of all that they import, by module.

    Followed are this package and whatever else is not installed: the helpers of an analysis, next
    to it or anywhere on the path. A module that is only named when it runs cannot be seen.
    """
    found: dict[str, Path] = {}
    waiting = [name for module in modules for name in _with_parents(module)]
    seen = set(waiting)
    while waiting:
        module = waiting.pop()
        spec = _find(module)
        if spec is None:  # `from module import name`, where name is no module
            continue
        if spec.origin is None or not (source := Path(spec.origin)).is_file():
            continue  # a folder without __init__.py
        if not _is_ours(module, source):
            continue
        found[module] = source
        new = {name for name in _imported(module, source) if not _is_left_out(name)} - seen
        seen |= new
        waiting += sorted(new)
    return found


def code_hash(*modules: str) -> str:
    """A hash of the sources of modules and of all that they import, 16 digits (`sources`).

    Snakemake sees the command of a rule but not the Python behind it; as a parameter of the
    rule, this hash makes an edit run again what depends on it, and nothing else.
    """
    digest = hashlib.sha256()
    for module, path in sorted(sources(*modules).items()):
        digest.update(module.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
