"""Fit how yields respond to all nuisance parameters together: the response surfaces of a fit."""

import argparse

from zenith.cli import options
from zenith.cli.files import Output
from zenith.cli.shifting import add_events

HELP = "shifted events to the response surfaces of all regions"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    add_events(parser)
    parser.add_argument("--output", type=Output, required=True, metavar="H5", help="file to write")


def run(args: argparse.Namespace) -> None:
    """Shift the events to points, fit the polynomials, judge them at the others, and write."""
    import logging

    from zenith.artefacts.surface import write_surface
    from zenith.cli.shifting import shifted_yields, surfaces
    from zenith.statistics.fitted_surfaces import fitted, points

    analysis = options.analysis(args)
    at, used = points(analysis, surfaces(args, analysis))
    found = fitted(analysis, shifted_yields(args, analysis, at), used)
    write_surface(args.output, found)
    logging.info(
        "%d points for %s; at %d others χ²/n is %.2f",
        *(used.sum(), ", ".join(found.surface.nuisances), (~used).sum()),
        found.chi2 / max(found.number, 1),
    )
