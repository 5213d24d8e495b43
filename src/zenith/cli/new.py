"""Start an analysis of your own: a configuration and a module of observables, both commented."""

import argparse
import keyword
import re
from pathlib import Path

HELP = "a minimal analysis of your own"

_NEXT = """\
{config} and {module} are there. Next:

  1. Name your files, cross-sections and luminosity in {config}.
  2. snakemake --cores 4 --configfile {config} --config max_files=1 --dry-run
  3. snakemake --cores 4 --configfile {config} --config max_files=1
  4. python -m zenith status --config {config}

The page to read is then results/{name}/summary.md. Every key is explained in config/README.md."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    parser.add_argument("name", metavar="NAME", help="lower-case letters, digits, underscores")


def run(args: argparse.Namespace) -> None:
    """Write both files, from the folder of the workflow, and say what to do next."""
    from importlib.resources import files

    from zenith.artefacts import write_text
    from zenith.artefacts.writing import check_file
    from zenith.errors import InputError

    name = args.name
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise InputError(
            f"{name!r} cannot be the name of an analysis: use lower-case letters, digits and "
            "underscores, a letter first, and no word of Python's"
        )
    modules = Path("src/zenith/analyses")
    if not modules.is_dir():
        raise InputError(f"{modules}: not in this folder; go to the folder of the workflow")
    targets = {"yaml": Path(f"config/{name}.yaml"), "py": modules / f"{name}.py"}
    for target in targets.values():
        if target.exists():
            raise InputError(f"{target}: exists already; choose another name or remove it")
        check_file(target)
    for suffix, target in targets.items():
        template = files("zenith") / "templates" / f"analysis.{suffix}"
        write_text(target, template.read_text(encoding="utf-8").replace("NAME", name))
    print(_NEXT.format(config=targets["yaml"], module=targets["py"], name=name))
