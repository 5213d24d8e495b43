"""Intervals of parameters of any pyhf workspace, from the profile likelihood."""

import argparse
import json

from zenith.cli.files import Input, Output, check
from zenith.cli.workspaces import add_surface

HELP = "intervals of parameters of a pyhf workspace, all others profiled"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    parser.add_argument("workspace", type=Input, help="pyhf JSON workspace")
    parser.add_argument(
        "--patch",
        metavar="FILE[:NAME]",
        help="JSON patch (a signal) to apply to it, or one of a pyhf patch set by its name",
    )
    parser.add_argument("--measurement", help="name of the measurement; default: the first")
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
    from zenith.cli.workspaces import with_surface_of
    from zenith.errors import ZenithError
    from zenith.inference.workspaces import LEVELS, intervals
    from zenith.statistics.significance import read
    from zenith.statistics.workspace_files import patch_parts, read_json_file, with_patch

    logging.getLogger("pyhf").setLevel(logging.ERROR)  # it tells of every schema that it reads
    spec, source, inputs = read_json_file(args.workspace), str(args.workspace), [args.workspace]
    if args.patch is not None:
        check(args, {"--patch": [patch_parts(args.patch)[0]]})
        spec = with_patch(spec, args.patch)
        source += f" with {args.patch}"
        inputs.append(patch_parts(args.patch)[0])
    if args.surface is not None:
        inputs.append(args.surface)
    try:
        workspace, _ = with_surface_of(args, read(spec, args.measurement))
        content = intervals(
            workspace,
            args.parameter,
            args.level or LEVELS,
            expected=args.expected,
        )
    except ZenithError as error:
        raise type(error)(f"{source}: {error}") from None
    if args.output is None:
        print(json.dumps(content, indent=2))
        return
    INTERVAL.write(args.output, content, inputs=inputs)
    for parameter in content["parameters"]:
        for one in parameter["intervals"]:
            ends = f"{one['lower']:.4g} to {one['upper']:.4g}"
            logging.info("%s at %.3g: %s", parameter["name"], one["level"], ends)
