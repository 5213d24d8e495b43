"""Show what is in a file that a step wrote, as tables."""

import argparse

from zenith.cli.files import Input

HELP = "any artefact as a readable table"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    parser.add_argument(
        "file", type=Input, metavar="FILE", help=".root, .h5, .safetensors or .json"
    )


def run(args: argparse.Namespace) -> None:
    """Print the tables."""
    from zenith.reporting.inspection import describe

    print(describe(args.file))
