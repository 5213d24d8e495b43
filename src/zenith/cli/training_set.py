"""Make the training set of one sample: features, weights and leading objects of its events."""

import argparse

from zenith.cli import options
from zenith.cli.files import Output

HELP = (
    "skims, or tables, to a training set: events and their objects, for networks here and elsewhere"
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    options.add_skims(parser)
    parser.add_argument(
        "--output", type=Output, required=True, metavar="H5", help="training set to write"
    )


def run(args: argparse.Namespace) -> None:
    """Read the skims and write the training set."""
    import logging

    from zenith.config.dependencies import step_config
    from zenith.events.skimmed import skimmed
    from zenith.events.training_sets import make_training_set

    analysis, sample = options.of_skims(args)
    configuration = step_config(analysis, "training_set", sample)
    with skimmed(args.input, analysis, sample) as skims:
        events = make_training_set(args.output, skims, analysis, sample, configuration)
    logging.info("%s: %d events", args.output, events)
