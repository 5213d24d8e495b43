"""The content of the code that a step runs, so that an edit of it runs the step again."""

import ast
import hashlib
from importlib.machinery import PathFinder
from pathlib import Path


def _source(module: str) -> Path | None:
    """The file of a module; unlike `importlib.util.find_spec`, this imports no parent of it."""
    spec, folders = None, None
    names = module.split(".")
    for depth in range(1, len(names) + 1):
        spec = PathFinder.find_spec(".".join(names[:depth]), folders)
        folders = spec.submodule_search_locations if spec is not None else None
        if folders is None and depth < len(names):
            return None
    return Path(spec.origin) if spec is not None and spec.origin is not None else None


def _imports(source: Path) -> set[str]:
    """The modules of this package that a file imports, also inside its functions.

    Left out are `zenith.config`, since what it makes of a configuration is a parameter of the rule,
    and the command line's own table of steps.
    """
    names: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    ours = {name for name in names if name.startswith("zenith.")}
    return {name for name in ours if name.split(".")[1] != "config"} - {"zenith.cli"}


def sources(*modules: str) -> dict[str, Path]:
    """The files of the named modules and of all they import from this package, by module."""
    found: dict[str, Path] = {}
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module in found:
            continue
        source = _source(module)
        if source is None:  # `from module import name`, where name is no module
            continue
        found[module] = source
        waiting += _imports(source)
    return found


def code_hash(*modules: str) -> str:
    """A hash of the sources of modules and of all they import from this package, 16 digits.

    Snakemake sees the command of a rule but not the Python behind it; as a parameter of the
    rule, this hash makes an edit under `src/` run again what depends on it, and nothing else.
    """
    digest = hashlib.sha256()
    for module, path in sorted(sources(*modules).items()):
        digest.update(module.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
