"""How often intervals of the parameter of interest of a workspace contain the truth."""

import argparse

from zenith.cli.files import Input, Output
from zenith.cli.workspaces import add_surface, add_workspace, part

HELP = "coverage of the intervals of a pyhf workspace, by truth"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    add_workspace(parser, required=False)
    add_surface(parser)
    parser.add_argument("--truths", type=int, default=10, help="truths drawn from the priors [10]")
    parser.add_argument(
        "--interest",
        type=float,
        nargs=2,
        default=(0.1, 3.0),
        metavar=("LOW", "HIGH"),
        help="range of the parameter of interest in them [0.1 3]",
    )
    parser.add_argument(
        "--truth",
        action="append",
        default=[],
        metavar="NAME=VALUE,…",
        help="a fixed truth in place of drawn ones, may be given several times",
    )
    parser.add_argument(
        "--experiments", type=int, default=100, help="pseudo-experiments of each truth [100]"
    )
    parser.add_argument("--seed", type=int, default=1, help="of truths and experiments [1]")
    parser.add_argument(
        "--part", default="1/1", metavar="K/N", help="every Nth truth from the Kth on [1/1]"
    )
    parser.add_argument(
        "--merge", type=Input, nargs="+", metavar="JSON", help="parts to merge, of no workspace"
    )
    parser.add_argument("--output", type=Output, required=True, metavar="JSON", help="to write")


def run(args: argparse.Namespace) -> None:
    """Write the coverage of a part of the truths, or of all that are merged."""
    import logging

    import numpy as np

    from zenith.artefacts.coverage import COVERAGE
    from zenith.cli.workspaces import given_workspace, with_surface_of
    from zenith.errors import InputError
    from zenith.inference.coverage import truths
    from zenith.inference.coverage_parts import cover, fixed, merged
    from zenith.inference.workspaces import LEVELS
    from zenith.statistics.significance import read

    if (args.workspace is None) != bool(args.merge):
        raise InputError("give a workspace, or the parts to --merge")
    if args.merge and args.patch is not None:
        raise InputError("--patch: is of a workspace; the parts to --merge are of one already")
    if args.merge:
        content, inputs = merged([COVERAGE.read(path) for path in args.merge]), args.merge
    else:
        first, parts = part(args.part)
        if args.experiments < 1 or args.truths < 1:
            raise InputError("--experiments and --truths must be at least 1")
        with given_workspace(args) as given:
            workspace, noise, _ = with_surface_of(args, read(given.spec, args.measurement))
            theta = [fixed(workspace, text) for text in args.truth] or truths(
                *workspace[:2], args.truths, args.seed, tuple(args.interest)
            )
            chosen = range(first - 1, len(theta), parts)
            if not chosen:
                raise InputError(f"--part {args.part}: there are only {len(theta)} truths")
            content = cover(
                workspace,
                np.array(theta)[chosen],
                chosen,
                args.experiments,
                args.seed,
                LEVELS,
                noise=noise,
            )
        inputs = [*given.inputs, *([args.surface] if args.surface else [])]
    COVERAGE.write(args.output, content, inputs=inputs)
    shares = zip(content["levels"], content["total"]["coverage"], strict=True)
    for level, share in shares:
        logging.info("coverage at %.3g: %.3f", level, share)
