"""Expected and observed discovery significance of any pyhf workspace."""

import argparse
import io
import json

from zenith.cli.files import Output
from zenith.cli.workspaces import add_workspace, given_workspace

HELP = "expected and observed significance of a pyhf workspace, with its gradient"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    add_workspace(parser)
    parser.add_argument(
        "--gradient",
        type=Output,
        metavar="OUT.npz",
        help="write d(expected Z)/d(template) of every template, variation and uncertainty",
    )


def run(args: argparse.Namespace) -> None:
    """Print the significances as JSON; write the gradient if asked for."""
    import numpy as np

    from zenith.artefacts.writing import atomic
    from zenith.statistics.significance import gradient, significances

    with given_workspace(args) as given:
        results = significances(given.spec, args.measurement)
        arrays = gradient(given.spec, args.measurement) if args.gradient is not None else {}
    if args.gradient is not None:
        content = io.BytesIO()  # an archive that cannot be closed complains more than once
        np.savez(content, allow_pickle=False, **arrays)
        with atomic(args.gradient) as temporary:
            temporary.write_bytes(content.getvalue())
    print(json.dumps(results, indent=2))
