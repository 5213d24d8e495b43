"""What several steps read: a workspace with response surfaces."""

import argparse
from typing import TYPE_CHECKING

from zenith.cli.files import Input

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zenith.core.likelihood.workspace import Workspace


def add_surface(parser: argparse.ArgumentParser) -> None:
    """Add `--surface H5`."""
    parser.add_argument(
        "--surface",
        type=Input,
        metavar="H5",
        help="response surfaces, in place of the workspace's variations of their parameters",
    )


def with_surface_of(
    args: argparse.Namespace, workspace: "Workspace"
) -> "tuple[Workspace, NDArray[np.float64] | None]":
    """The workspace with the surfaces of `--surface`, and the covariance of their terms.

    The workspace as it is, and None, without any.
    """
    if args.surface is None:
        return workspace, None
    from zenith.artefacts.surface import read_surface
    from zenith.errors import InputError
    from zenith.statistics.fitted_surfaces import with_surface

    found = read_surface(args.surface)
    try:
        return with_surface(workspace, found)
    except InputError as error:
        raise InputError(f"{args.surface}: {error}") from None


def part(text: str) -> tuple[int, int]:
    """K and N of `K/N`. Raises InputError for something else."""
    from zenith.errors import InputError

    first, _, parts = text.partition("/")
    if not (first.isdigit() and parts.isdigit() and 1 <= int(first) <= int(parts)):
        raise InputError(f"--part {text}: not of the form 1/4")
    return int(first), int(parts)
