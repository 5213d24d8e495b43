"""Expected and observed discovery significance of any pyhf workspace."""

import argparse
import io
import json
from pathlib import Path
from typing import Any

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

    from zenith.artefacts import atomic
    from zenith.errors import ZenithError
    from zenith.statistics.significance import gradient, significances

    logging.getLogger("pyhf").setLevel(logging.ERROR)  # it tells of every schema that it reads
    spec = _read(Path(args.workspace))
    source = str(args.workspace)
    if args.patch is not None:
        check(args, {"--patch": [_parts(args.patch)[0]]})
        spec = _patched(spec, args.patch)
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


def _read(path: Path) -> Any:
    from zenith.artefacts import unique_keys
    from zenith.errors import InputError

    try:
        return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=unique_keys)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; give the path of a JSON file") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a JSON file: {error}") from error


def _patched(spec: Any, reference: str) -> Any:
    """The workspace with FILE, or with the patch NAME of FILE:NAME."""
    from zenith.errors import InputError
    from zenith.statistics.patches import patched

    file, name = _parts(reference)
    patch = _read(Path(file))
    try:
        return patched(spec, patch, name)
    except InputError as error:
        raise InputError(f"{file}: {error}") from None


def _parts(reference: str) -> tuple[str, str | None]:
    """FILE and NAME of FILE:NAME; an existing path is a path."""
    file, colon, name = reference.rpartition(":")
    return (reference, None) if not colon or Path(reference).exists() else (file, name or None)
