"""Expected and observed discovery significance of any pyhf workspace."""

import argparse
import io
import json

from zenith.cli.files import Input, Output, check

HELP = "expected and observed significance of a pyhf workspace, with its gradient"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    parser.add_argument("workspace", type=Input, help="pyhf JSON workspace")
    parser.add_argument(
        "--patch",
        metavar="FILE[:NAME]",
        help="JSON patch (a signal) to apply to it, or one of a pyhf patch set by its name",
    )
    parser.add_argument("--measurement", help="name of the measurement; default: the first")
    parser.add_argument(
        "--gradient",
        type=Output,
        metavar="OUT.npz",
        help="write d(expected Z)/d(template) of every template, variation and uncertainty",
    )


def run(args: argparse.Namespace) -> None:
    """Print the significances as JSON; write the gradient if asked for."""
    import logging

    import numpy as np

    from zenith.artefacts.writing import atomic
    from zenith.errors import ZenithError
    from zenith.statistics.significance import gradient, significances
    from zenith.statistics.workspace_files import patch_parts, read_json_file, with_patch

    logging.getLogger("pyhf").setLevel(logging.ERROR)  # it tells of every schema that it reads
    spec = read_json_file(args.workspace)
    source = str(args.workspace)
    if args.patch is not None:
        check(args, {"--patch": [patch_parts(args.patch)[0]]})
        spec = with_patch(spec, args.patch)
        source += f" with {args.patch}"
    try:
        results = significances(spec, args.measurement)
        arrays = gradient(spec, args.measurement) if args.gradient is not None else {}
    except ZenithError as error:
        raise type(error)(f"{source}: {error}") from error
    if args.gradient is not None:
        content = io.BytesIO()  # an archive that cannot be closed complains more than once
        np.savez(content, allow_pickle=False, **arrays)
        with atomic(args.gradient) as temporary:
            temporary.write_bytes(content.getvalue())
    print(json.dumps(results, indent=2))
