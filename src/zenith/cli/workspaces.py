"""What several steps read: a workspace, as it is or with a patch, and with response surfaces."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from zenith.cli.files import Input, check

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zenith.artefacts.surface import FittedSurface
    from zenith.core.likelihood.workspace import Workspace


class Given(NamedTuple):
    """A workspace as the command line names it."""

    spec: Any
    inputs: list[str]  # its files


def add_workspace(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add the workspace, `--patch` and `--measurement`."""
    parser.add_argument(
        "workspace", type=Input, nargs=None if required else "?", help="pyhf JSON workspace"
    )
    parser.add_argument(
        "--patch",
        metavar="FILE[:NAME]",
        help="JSON patch (a signal) to apply to it, or one of a pyhf patch set by its name",
    )
    parser.add_argument("--measurement", help="name of the measurement; default: the first")


@contextmanager
def given_workspace(args: argparse.Namespace) -> Iterator[Given]:
    """Read what `add_workspace` asks for; errors in the block name the files."""
    import logging

    from zenith.errors import ZenithError
    from zenith.statistics.workspace_files import patch_parts, read_json_file, with_patch

    logging.getLogger("pyhf").setLevel(logging.ERROR)  # it tells of every schema that it reads
    spec, source, inputs = read_json_file(args.workspace), str(args.workspace), [args.workspace]
    if args.patch is not None:
        patch = patch_parts(args.patch)[0]
        check(args, {"--patch": [patch]})
        spec = with_patch(spec, args.patch)
        source += f" with {args.patch}"
        inputs.append(patch)
    try:
        yield Given(spec, inputs)
    except ZenithError as error:
        raise type(error)(f"{source}: {error}") from None


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
) -> "tuple[Workspace, NDArray[np.float64] | None, FittedSurface | None]":
    """The workspace with the surfaces of `--surface`, the noise of their terms, and the surfaces.

    The workspace as it is, and None twice, without any.
    """
    if args.surface is None:
        return workspace, None, None
    from zenith.artefacts.surface import read_surface
    from zenith.errors import InputError
    from zenith.statistics.fitted_surfaces import with_surface

    found = read_surface(args.surface)
    try:
        return *with_surface(workspace, found), found
    except InputError as error:
        raise InputError(f"{args.surface}: {error}") from None


def part(text: str) -> tuple[int, int]:
    """K and N of `K/N`. Raises InputError for something else."""
    from zenith.errors import InputError

    first, _, parts = text.partition("/")
    if not (first.isdigit() and parts.isdigit() and 1 <= int(first) <= int(parts)):
        raise InputError(f"--part {text}: not of the form 1/4")
    return int(first), int(parts)
