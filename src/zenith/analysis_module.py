"""The Python module of an analysis: the path of a file, or a name that Python imports."""

import hashlib
import importlib
import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType


def is_path(module: str) -> bool:
    """Whether a module is named by its path: `mine.py`."""
    return module.endswith(".py")


def full_name(module: str) -> str:
    """The name that Python imports, of a module in `zenith.analyses` in full; paths as they are."""
    return module if "." in module else f"zenith.analyses.{module}"


def beside(module: str, file: str | Path) -> str:
    """The path of a module that a file names, from the working folder unless it is elsewhere.

    A path is relative to the file that names it. Where nothing is there it is left as it is, from
    the working folder, as the resolved configuration has it. A name that `zenith.analyses` does not
    have, `mine`, stands for `mine.py` where there is such a file.
    """
    if not is_path(module):
        if not module.isidentifier() or importlib.util.find_spec(full_name(module)):
            return module
        named = beside(f"{module}.py", file)
        return named if Path(named).is_file() else module
    path = Path(file).parent.absolute() / module
    if not path.is_file():
        return module
    path, here = Path(os.path.normpath(path)), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def file_spec(name: str, path: Path) -> ModuleSpec | None:
    """How to import a file under a name, as a package of what is beside it.

    `from . import helpers` and `from .helpers import …` in it then find `helpers.py` in the same
    folder, which need not be where Python looks for modules.
    """
    folder = [str(path.parent)]
    return importlib.util.spec_from_file_location(name, path, submodule_search_locations=folder)


def import_module(module: str) -> ModuleType:
    """Import the module, once; raises ImportError, OSError, and whatever its code does."""
    if not is_path(module):
        return importlib.import_module(full_name(module))
    path = Path(module).absolute()
    place = hashlib.sha256(bytes(path)).hexdigest()[:8]
    name = f"{path.stem.replace('.', '_')}_{place}"  # another `mine.py` is another module
    if name in sys.modules:
        return sys.modules[name]
    spec = file_spec(name, path)
    assert spec is not None  # of a path that ends with .py
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[name] = found
    try:
        spec.loader.exec_module(found)
    except BaseException:
        del sys.modules[name]
        raise
    return found
