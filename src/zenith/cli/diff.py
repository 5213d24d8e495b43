"""Compare two histogram files or two workspaces.

Like diff(1), the exit status is 0 if they are the same, 1 if they differ, and 2 after an error.
"""

import argparse
import sys

from zenith.cli.files import Input

HELP = "what differs between two histogram files or two workspaces"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    parser.add_argument(
        "first", type=Input, metavar="A", help="histograms (.root) or workspace (.json)"
    )
    parser.add_argument("second", type=Input, metavar="B", help="a file of the same kind")
    parser.add_argument(
        "--tolerance",
        type=float,
        default=0.0,
        metavar="R",
        help="relative difference that is none [0]",
    )


def run(args: argparse.Namespace) -> None:
    """Print the differences."""
    from zenith.errors import InputError
    from zenith.reporting.difference import compare, read, report

    try:
        difference = compare(read(args.first), read(args.second), args.tolerance)
    except InputError as error:
        print(f"zenith diff: error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    print(report(difference))
    if difference:
        raise SystemExit(1)
