"""Draw intervals, their coverage, response surfaces and what summaries cost."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from zenith.cli import options
from zenith.cli.files import Folder, Input
from zenith.cli.workspaces import add_surface

if TYPE_CHECKING:
    from zenith.artefacts.fit import Fit
    from zenith.config import Analysis
    from zenith.core.likelihood.workspace import Workspace
    from zenith.figures.naming import Figures

HELP = "intervals, coverage and surfaces to their figures"
POINTS = 25  # of a plane, each way


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument("workspace", type=Input, help="workspace of the fit that is quoted")
    add_surface(parser)
    parser.add_argument(
        "--fits", type=Input, required=True, nargs="+", metavar="JSON",
        help="results of the fits of all selections, in SELECTION/fit.json, the quoted one last",
    )  # fmt: skip
    parser.add_argument("--coverage", type=Input, metavar="JSON", help="coverage, if it is known")
    parser.add_argument(
        "--output", type=Folder, required=True, metavar="DIR", help="folder of the figures"
    )


def run(args: argparse.Namespace) -> None:
    """Read what there is, and draw it."""
    import logging
    from itertools import chain

    from zenith.artefacts.coverage import COVERAGE
    from zenith.artefacts.fit import FIT
    from zenith.artefacts.writing import make_folder
    from zenith.cli.workspaces import with_surface_of
    from zenith.figures import inference_gallery as draw
    from zenith.figures import style
    from zenith.inference.merged_bins import errors
    from zenith.reporting.precisions import width_ratios
    from zenith.statistics.significance import read
    from zenith.statistics.workspace_files import read_json_file

    logging.getLogger("pyhf").setLevel(logging.ERROR)
    analysis = options.analysis_of_files(args)
    fits = {Path(path).parent.name: FIT.read(path) for path in args.fits}
    workspace, _, surface = with_surface_of(args, read(read_json_file(args.workspace)))
    parts: list[Figures] = [draw.numbers(analysis, errors(workspace))]
    if (least := analysis.statistics.least_error) is not None:
        parts.append(draw.widths(analysis, width_ratios(fits, least)))
    if args.coverage:
        parts.append(draw.coverage(analysis, COVERAGE.read(args.coverage)))
    if surface is not None:
        parts.append(draw.closure(analysis, surface))
    parts.append(_plane(analysis, workspace, [*fits.values()][-1]))
    folder = make_folder(Path(args.output))
    for name, figure in chain(*parts):
        style.save(figure, folder / name, analysis.plotting.formats)


def _plane(analysis: "Analysis", workspace: "Workspace", fit: "Fit") -> "Figures":
    """The signal strength with the constrained parameter whose impact is largest, if there is."""
    import numpy as np

    from zenith.figures import inference_gallery as draw
    from zenith.inference.planes import plane

    by_name = {one["name"]: one for one in fit["parameters"]}
    of_interest = by_name.get(analysis.statistics.signal_strength)
    constrained = (one["name"] for one in fit["ranking"])
    worst = next((n for n in constrained if by_name[n]["kind"] == "constrained"), None)
    if worst is None or of_interest is None or not of_interest["error"]:
        return
    axes = []
    for one in (of_interest, by_name[worst]):
        reach = 3.0 * (one["error"] or one["prefit_error"] or 1.0)
        axes.append(one["value"] + np.linspace(-reach, reach, POINTS))
    names = (of_interest["name"], worst)
    found = plane(workspace, names, *axes, expected=analysis.blind)
    yield from draw.plane(analysis, found, names)
