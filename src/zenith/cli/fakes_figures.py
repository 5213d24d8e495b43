"""Draw a fake factor and its closure."""

import argparse
from pathlib import Path

from zenith.cli import options
from zenith.cli.files import Folder, Input

HELP = "what is predicted of fakes to its figures"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument(
        "--about", type=Input, required=True, metavar="JSON", help="that `zenith fakes` wrote"
    )
    parser.add_argument(
        "--output", type=Folder, required=True, metavar="DIR", help="folder of the figures"
    )


def run(args: argparse.Namespace) -> None:
    """Read what is predicted, and draw."""
    from zenith.artefacts.fakes import FAKES
    from zenith.figures import style
    from zenith.figures.fakes_gallery import gallery

    analysis = options.analysis_of_files(args)
    for name, figure in gallery(analysis, FAKES.read(args.about)):
        style.save(figure, Path(args.output) / name, analysis.plotting.formats)
