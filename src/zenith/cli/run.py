"""Run the workflow of a configuration in this folder: what is not there or not up to date.

What follows the configuration are options of Snakemake: `zenith run mine.yaml --cores 4 --dry-run`
says what would run. A profile that comes with Zenith has its name, `--profile slurm`; one of your
own of that name goes before.
"""

import argparse
import os
import sys
from pathlib import Path

from zenith.cli.files import Input

HELP = "run the workflow of a configuration to its report"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    parser.add_argument("config", type=Input, metavar="CONFIG", help="YAML configuration")
    parser.add_argument(
        "options",
        nargs=argparse.REMAINDER,
        metavar="...",
        help="options of Snakemake, for example --cores 4; `snakemake --help` lists them",
    )


def run(args: argparse.Namespace) -> None:
    """Become Snakemake, which then gets the signals of this process and gives its exit code."""
    from zenith.cli.workflow import snakemake
    from zenith.errors import InputError

    if not Path(args.config).is_file():
        raise InputError(f"{args.config}: there is no such file; `zenith new NAME` makes one")
    command = snakemake(args.config, args.options)
    sys.stdout.flush()
    os.execv(command[0], command)
