"""Make the flat columns of one sample: observables, weights and hashes of its skimmed events."""

import argparse

from zenith.cli import options
from zenith.cli.files import Input, Output, check

HELP = "skims to flat columns of observables and weights"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument("--sample", required=True, help="name of the sample in the configuration")
    parser.add_argument(
        "--input",
        type=Input,
        required=True,
        nargs="+",
        metavar="SKIM",
        help="all skims of the sample",
    )
    parser.add_argument(
        "--output", type=Output, required=True, metavar="H5", help="columns file to write"
    )


def run(args: argparse.Namespace) -> None:
    """Read the skims and write the columns."""
    import logging

    from zenith import artefacts
    from zenith.events.columns import make_columns
    from zenith.events.datasets import at_luminosity_of_files

    analysis = options.analysis(args)
    sample = options.sample(args, analysis)
    era = analysis.samples[sample].era
    check(args, {"corrections": [c.file for c in analysis.eras[era].corrections.values()]})
    if not analysis.is_data(sample):
        analysis, notes = at_luminosity_of_files(analysis)
        for note in notes:
            logging.warning(note)
    columns = make_columns(args.input, analysis, sample)
    artefacts.write_columns(args.output, columns)
