"""Make the flat columns of one sample: observables, weights and hashes of its skimmed events."""

import argparse

from zenith.cli import options
from zenith.cli.files import Output

HELP = "skims, or tables, to flat columns of observables and weights"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    options.add_skims(parser)
    parser.add_argument(
        "--output", type=Output, required=True, metavar="H5", help="columns file to write"
    )


def run(args: argparse.Namespace) -> None:
    """Read the skims and write the columns."""
    from zenith import artefacts
    from zenith.events.columns import make_columns
    from zenith.events.skimmed import skimmed

    analysis, sample = options.of_skims(args)
    with skimmed(args.input, analysis, sample) as skims:
        columns = make_columns(skims, analysis, sample)
    artefacts.write_columns(args.output, columns)
