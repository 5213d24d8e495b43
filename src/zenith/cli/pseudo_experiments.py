"""Pseudo-experiments of a part of the truths that the configuration asks for."""

import argparse
from typing import TYPE_CHECKING

from zenith.cli import options
from zenith.cli.files import Input, Output
from zenith.cli.shifting import add_events
from zenith.cli.workspaces import add_surface

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zenith.artefacts.surface import FittedSurface
    from zenith.config import Analysis
    from zenith.core.likelihood.workspace import Workspace

HELP = "intervals of pseudo-experiments of truths, a part of the coverage"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument("workspace", type=Input, help="workspace of the fit")
    add_surface(parser)
    add_events(parser, required=False)
    parser.add_argument(
        "--part", default="1/1", metavar="K/N", help="every Nth truth from the Kth on [1/1]"
    )
    parser.add_argument("--output", type=Output, required=True, metavar="JSON", help="to write")


def run(args: argparse.Namespace) -> None:
    """Draw the truths, find what is expected there, and write the intervals of this part."""
    import logging

    import numpy as np

    from zenith.artefacts.coverage import COVERAGE
    from zenith.cli.workspaces import part, with_surface_of
    from zenith.config.dependencies import step_config
    from zenith.errors import InputError, ZenithError
    from zenith.inference.coverage import truths
    from zenith.inference.coverage_parts import at, beside, cover
    from zenith.inference.workspaces import LEVELS
    from zenith.statistics.significance import read
    from zenith.statistics.workspace_files import read_json_file

    logging.getLogger("pyhf").setLevel(logging.ERROR)
    analysis = options.analysis(args)
    asked = options.section(args, "coverage", analysis.coverage)
    first, parts = part(args.part)
    chosen = range(first - 1, asked.number, parts)
    if not chosen:
        raise InputError(f"--part {args.part}: there are only {asked.number} truths")
    try:
        plain = read(read_json_file(args.workspace))
        workspace, noise, surface = with_surface_of(args, plain)
        drawn = truths(*workspace[:2], asked.truths, analysis.seed, asked.interest)
        fixed = [at(workspace, values) for values in asked.fixed]
    except ZenithError as error:
        raise type(error)(f"{args.workspace}: {error}") from None
    theta = np.array([*drawn, *fixed])[chosen]
    numbers = [asked.experiments] * asked.truths + [asked.fixed_experiments] * len(fixed)
    expected = None
    if surface is not None:
        expected = [*_expected(args, analysis, workspace, surface, theta)]
    shared = (chosen, [numbers[k] for k in chosen], analysis.seed, LEVELS)
    content = cover(workspace, theta, *shared, expected=expected, noise=noise)
    if surface is not None and asked.variations:
        names, own = (each.structure.parameters.names for each in (plain, workspace))
        theta = theta[:, [own.index(name) for name in names]]
        beside(content, cover(plain, theta, *shared, expected=expected))
    COVERAGE.write(
        args.output,
        content,
        inputs=[args.workspace, *([args.surface] if args.surface else [])],
        config=step_config(analysis, "pseudo_experiments"),
    )


def _expected(
    args: argparse.Namespace,
    analysis: "Analysis",
    workspace: "Workspace",
    found: "FittedSurface",
    theta: "NDArray[np.float64]",
) -> "NDArray[np.float64]":
    """What the simulated events of these surfaces expect at truths, (T, B)."""
    from zenith.cli.shifting import shifted_yields, surfaces, weighted_counts
    from zenith.config import exact_ratio_of
    from zenith.inference.true_counts import expected, points
    from zenith.statistics.fitted_surfaces import in_workspace, log_ratios

    at = points(workspace, theta, found.surface.nuisances)
    of_shifts = surfaces(args, analysis).systematics is None  # alone, whose ratio may be known
    exact = exact_ratio_of(analysis) if of_shifts else None
    counts = (
        shifted_yields(args, analysis, at).counts
        if exact is None
        else weighted_counts(args, analysis, at, exact)
    )
    ratios = log_ratios(counts, found, workspace.structure)
    return expected(workspace, theta, in_workspace(found, workspace.structure), ratios)
