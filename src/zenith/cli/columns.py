"""Make the flat columns of one sample: observables, weights and splits of its skimmed events."""

import argparse

from zenith.cli import options

HELP = "skims to flat columns of observables and weights"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument("--sample", required=True, help="name of the sample in the configuration")
    parser.add_argument(
        "--input", required=True, nargs="+", metavar="SKIM", help="all skims of the sample"
    )
    parser.add_argument("--output", required=True, metavar="H5", help="columns file to write")


def run(args: argparse.Namespace) -> None:
    """Read the skims and write the columns."""
    from zenith import artefacts
    from zenith.errors import ConfigError
    from zenith.events.columns import make_columns
    from zenith.events.datasets import luminosity_fraction

    analysis = options.analysis(args)
    if args.sample not in analysis.samples:
        known = ", ".join(analysis.samples)
        raise ConfigError(f"{args.config}: samples: no sample {args.sample!r}; there is {known}")
    fraction = luminosity_fraction(analysis, analysis.samples[args.sample].era)
    columns = make_columns(args.input, analysis, args.sample, fraction)
    artefacts.write_columns(args.output, columns)
