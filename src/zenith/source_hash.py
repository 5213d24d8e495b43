"""The content of the code that a step runs, so that an edit of it runs the step again."""

import ast
import hashlib
import importlib.machinery
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from zenith.analysis_module import file_spec, is_path

# What is installed does not change between runs; the environment of a rule says its versions.
_INSTALLED = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib")}


def _find(module: str, files: Mapping[str, Path]) -> importlib.machinery.ModuleSpec | None:
    """Where a module is; unlike `importlib.util.find_spec`, this imports no parent of it."""
    spec, folders = None, None
    names = module.split(".")
    for depth in range(1, len(names) + 1):
        name = ".".join(names[:depth])
        if name in files:
            spec = file_spec(name, files[name])
        else:
            spec = importlib.machinery.PathFinder.find_spec(name, folders)
        if spec is None:
            return None
        folders = spec.submodule_search_locations
        if folders is None and depth < len(names):
            return None
    return spec


@cache
def _is_installed(package: str, path: tuple[str, ...]) -> bool:
    """Whether a top-level package is on `path` where packages are installed, or Python's own."""
    spec = importlib.machinery.PathFinder.find_spec(package, path)
    if spec is None or spec.origin is None:  # a folder without __init__.py may be anyone's
        return False
    source = Path(spec.origin)
    named = any(part in ("site-packages", "dist-packages") for part in source.parts)
    return named or bool(_INSTALLED & set(source.resolve().parents))


@cache  # of this package, whose modules stay where they are while it runs
def _of_zenith(module: str) -> importlib.machinery.ModuleSpec | None:
    return _find(module, {})


def _find_ours(module: str, files: Mapping[str, Path]) -> importlib.machinery.ModuleSpec | None:
    """The same of this package, or of an analysis: not installed, nor of Python."""
    name = module.partition(".")[0]
    if name == "zenith":
        return _of_zenith(module)
    if name in sys.stdlib_module_names or _is_installed(name, tuple(sys.path)):
        return None
    return _find(module, files)


def _imported(module: str, source: Path, is_package: bool) -> frozenset[str]:
    """What may be modules of all that a file imports, also inside its functions.

    `from a import b` gives `a` and `a.b`.
    """
    if source.suffix != ".py":
        return frozenset()
    package = module if is_package else module.rpartition(".")[0]
    return _named(source.read_bytes(), str(source), package)


@cache  # most files are of many rules
def _named(content: bytes, source: str, package: str) -> frozenset[str]:
    """The same of the content of a file."""
    found: set[str] = set()
    for node in _imports(ast.parse(content, source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            above = package.split(".")[: -node.level + 1 or None] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        for name in names:
            found.update(_with_parents(name))
    return frozenset(found)


def _imports(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """The import statements in a module or a statement, which only other statements can hold."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield node
    for part in ("body", "orelse", "finalbody", "handlers", "cases"):
        inner = getattr(node, part, ())
        for statement in inner if isinstance(inner, list) else ():
            yield from _imports(statement)


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

    A module may be the path of a file, `mine.py`; as a module it is then `<mine>`, wherever it is,
    and what it imports from beside it `<mine>.helpers`. Followed are this package and whatever else
    is not installed: the helpers of an analysis, next to it or anywhere on the path. A module that
    is only named when it runs cannot be seen.
    """
    found: dict[str, Path] = {}
    files = {
        f"<{Path(module).stem.replace('.', '_')}>": Path(module)
        for module in modules
        if is_path(module)
    }
    named = [module for module in modules if not is_path(module)]
    waiting = [*files, *(name for module in named for name in _with_parents(module))]
    seen = set(waiting)
    while waiting:
        module = waiting.pop()
        spec = _find_ours(module, files)
        if spec is None:  # `from module import name`, where name is no module
            continue
        if spec.origin is None or not (source := Path(spec.origin)).is_file():
            continue  # a folder without __init__.py
        found[module] = source
        is_package = spec.submodule_search_locations is not None
        new = {n for n in _imported(module, source, is_package) if not _is_left_out(n)} - seen
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
