"""Intervals of parameters of any pyhf workspace, from the profile likelihood."""

import argparse
import json

from zenith.cli.files import Output
from zenith.cli.workspaces import add_surface, add_workspace

HELP = "intervals of parameters of a pyhf workspace, all others profiled"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    add_workspace(parser)
    add_surface(parser)
    parser.add_argument(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME",
        help="parameter, may be given several times; default: the parameter of interest",
    )
    parser.add_argument(
        "--level",
        action="append",
        type=float,
        default=[],
        metavar="P",
        help="probability, may be given several times; default: 0.683 (one σ) and 0.95",
    )
    parser.add_argument(
        "--expected", action="store_true", help="of the Asimov data at signal strength 1"
    )
    parser.add_argument(
        "--output", type=Output, metavar="JSON", help="file to write; default: print it"
    )


def run(args: argparse.Namespace) -> None:
    """Write the intervals, or print them as JSON."""
    import logging

    from zenith.artefacts.interval import INTERVAL
    from zenith.cli.workspaces import given_workspace, with_surface_of
    from zenith.inference.workspaces import LEVELS, intervals
    from zenith.statistics.significance import read

    with given_workspace(args) as given:
        workspace, noise, _ = with_surface_of(args, read(given.spec, args.measurement))
        content = intervals(
            workspace,
            args.parameter,
            args.level or LEVELS,
            expected=args.expected,
            noise=noise,
        )
    for line in content["warnings"]:
        logging.warning("warning: %s", line)
    if args.output is None:
        print(json.dumps(content, indent=2))
        return
    inputs = [*given.inputs, *([args.surface] if args.surface else [])]
    INTERVAL.write(args.output, content, inputs=inputs)
    for parameter in content["parameters"]:
        for one in parameter["intervals"]:
            ends = f"{one['lower']:.4g} to {one['upper']:.4g}"
            logging.info("%s at %.3g: %s", parameter["name"], one["level"], ends)
