"""Start an analysis in this folder: a configuration and a module of observables, both commented."""

import argparse
import keyword
import re
import sys
from importlib.machinery import PathFinder
from pathlib import Path

HELP = "a minimal analysis of your own"

_NEXT = """\
{name}.yaml and {name}.py are there. Next:

  1. zenith run {name}.yaml --cores 4 --dry-run    # what would run
  2. zenith run {name}.yaml --cores 4              # about two minutes
  3. zenith status --config {name}.yaml            # what is done, what is stale

The pages to read are then results/{name}/summary.md and results/{name}/report.html. The events are
simulated; files of your own are named under `samples`. Every key is explained in
{keys}."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    parser.add_argument("name", metavar="NAME", help="lower-case letters, digits, underscores")


def run(args: argparse.Namespace) -> None:
    """Write both files, and say what to do next."""
    from importlib.resources import files

    from zenith.artefacts import write_text
    from zenith.artefacts.writing import check_file
    from zenith.cli.workflow import share
    from zenith.errors import InputError

    name = args.name
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise InputError(
            f"{name!r} cannot be the name of an analysis: use lower-case letters, digits and "
            "underscores, a letter first, and no word of Python's"
        )
    targets = {suffix: Path(f"{name}.{suffix}") for suffix in ("yaml", "py")}
    for target in targets.values():
        if target.exists():
            raise InputError(f"{target}: exists already; choose another name or remove it")
        check_file(target)
    if _is_taken(name):
        raise InputError(
            f"{name!r} is a module that Python has, which {name}.py would hide from programs in "
            "this folder; choose another name"
        )
    keys = share() / "config/README.md"
    for suffix, target in targets.items():
        template = files("zenith") / "templates" / f"analysis.{suffix}"
        write_text(target, template.read_text(encoding="utf-8").replace("NAME", name))
    print(_NEXT.format(name=name, keys=keys))


def _is_taken(name: str) -> bool:
    """Whether a module of this name is of Python or installed."""
    if name in sys.stdlib_module_names:
        return True
    elsewhere = [path for path in sys.path if path and Path(path).resolve() != Path.cwd()]
    spec = PathFinder.find_spec(name, elsewhere)
    return spec is not None and spec.origin is not None
