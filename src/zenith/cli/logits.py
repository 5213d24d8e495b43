"""Evaluate a network that reads objects on all samples, for the steps that read columns."""

import argparse

from zenith.cli import options
from zenith.cli.files import Input, Output

HELP = "training sets and a network that reads objects to its logits, which columns lack"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument("--name", required=True, help="name of the network in the configuration")
    options.add_inputs(parser, "training sets of all samples")
    parser.add_argument(
        "--network", type=Input, required=True, metavar="FILE", help="initial.safetensors of a fold"
    )
    parser.add_argument(
        "--output",
        type=Output,
        required=True,
        metavar="H5",
        help="logits to write; steps look for logits.h5 beside the network",
    )


def run(args: argparse.Namespace) -> None:
    """Read the network and the sets, write the logits of all events."""
    import logging

    from zenith.artefacts.logits import write_logits
    from zenith.cli.inputs import settings_of_network
    from zenith.errors import ConfigError
    from zenith.training.logits import logits_of_sets

    mva = settings_of_network(options.analysis(args), args.name, args.config)
    if not mva.objects:
        raise ConfigError(
            f"{args.config}: mva.{args.name}.objects: is empty: steps that read columns evaluate a "
            "network of features themselves"
        )
    logits = logits_of_sets(args.network, mva, args.input)
    write_logits(args.output, logits)
    logging.info("%s: %d events", args.output, sum(len(s.hash) for s in logits.samples.values()))
