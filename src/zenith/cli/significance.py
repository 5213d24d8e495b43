"""Expected and observed discovery significance of any pyhf workspace."""

import argparse
import json
from pathlib import Path
from typing import Any

HELP = "expected and observed significance of a pyhf workspace, with its gradient"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    parser.add_argument("workspace", type=Path, help="pyhf JSON workspace")
    parser.add_argument("--patch", type=Path, help="JSON patch (a signal) to apply to it")
    parser.add_argument("--measurement", help="name of the measurement; default: the first")
    parser.add_argument(
        "--gradient",
        type=Path,
        metavar="OUT.npz",
        help="write d(expected Z)/d(template) of every template, variation and uncertainty",
    )


def run(args: argparse.Namespace) -> None:
    """Print the significances as JSON; write the gradient if asked for."""
    import numpy as np

    from zenith.artefacts import atomic
    from zenith.errors import FitError
    from zenith.statistics.significance import gradient, significances

    spec = _read(args.workspace)
    if args.patch is not None:
        spec = _patched(spec, args.patch)
    try:
        results = significances(spec, args.measurement)
        arrays = gradient(spec, args.measurement) if args.gradient is not None else {}
    except FitError as error:
        raise FitError(f"{args.workspace}: {error}") from error
    if args.gradient is not None:
        with atomic(args.gradient) as temporary, open(temporary, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
    print(json.dumps(results, indent=2))


def _read(path: Path) -> Any:
    from zenith.errors import InputError

    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; give the path of a JSON file") from error
    except ValueError as error:
        raise InputError(f"{path}: not a JSON file: {error}") from error


def _patched(spec: Any, path: Path) -> Any:
    import jsonpatch

    from zenith.errors import InputError

    try:
        return jsonpatch.apply_patch(spec, _read(path))
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError) as error:
        raise InputError(f"{path}: does not apply to the workspace as a patch: {error}") from error
