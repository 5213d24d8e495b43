"""Draw the figures of one selection: control plots, fit regions, systematics, fit and cutflow."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zenith.cli import options
from zenith.cli.files import Folder, Input

HELP = "histograms and fit results to figures"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    options.add_summarised(parser)
    options.add_selections(parser, "selections of the histograms, if they moved bin edges")
    parser.add_argument(
        "--histograms", type=Input, metavar="ROOT", help="histograms of the fit: systematics/"
    )
    parser.add_argument("--plots", type=Input, metavar="ROOT", help="control histograms: regions/")
    parser.add_argument(
        "--cutflow", type=Input, metavar="JSON", help="cutflow of the regions: cutflow/"
    )
    parser.add_argument(
        "--fit", type=Input, metavar="JSON", help="fit results: fit/ and fit_regions/"
    )
    parser.add_argument(
        "--output",
        type=Folder,
        required=True,
        metavar="DIR",
        help="the figures go to DIR/{category}/{name}.png",
    )


def run(args: argparse.Namespace) -> None:
    """Draw what the given files hold; every category gets its folder, if only an empty one."""
    from zenith.artefacts.cutflow import CUTFLOW
    from zenith.artefacts.fit import FIT
    from zenith.artefacts.histograms import read_histograms
    from zenith.artefacts.writing import make_folder
    from zenith.figures import fit_gallery, gallery, style
    from zenith.figures.naming import Figures
    from zenith.statistics.nuisances import nuisances
    from zenith.statistics.selections import on_axes_of

    analysis = on_axes_of(options.analysis_of_files(args), args.selection)
    known = nuisances(analysis)
    collections: dict[str, tuple[str | None, Callable[[str], Any], Callable[..., Figures]]] = {
        "regions": (args.plots, read_histograms, gallery.control_plots),
        "systematics": (args.histograms, read_histograms, gallery.variations),
        "fit_regions": (args.fit, FIT.read, fit_gallery.fit_regions),
        "fit": (args.fit, FIT.read, fit_gallery.fit_results),
        "cutflow": (args.cutflow, CUTFLOW.read, gallery.cutflows),
    }
    for category, (path, read, draw) in collections.items():
        folder = make_folder(Path(args.output) / category)
        if path is None:
            continue
        for name, figure in draw(analysis, known, read(path)):
            style.save(figure, folder / name, analysis.plotting.formats)
