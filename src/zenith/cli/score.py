"""Score the events of a training set: a copy of the file with the scores of a network."""

import argparse

from zenith.cli.files import Input, Output, check

HELP = "a training set with the scores of a network, which `zenith categorise` reads"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    parser.add_argument(
        "--network",
        required=True,
        metavar="DIR",
        help="folder of the trained network, or its file",
    )
    parser.add_argument(
        "--input", type=Input, required=True, metavar="H5", help="training set to score"
    )
    parser.add_argument(
        "--signal",
        nargs="+",
        metavar="CLASS",
        help="classes of the network that are signal to `zenith categorise` [the last one]",
    )
    parser.add_argument(
        "--output",
        type=Output,
        required=True,
        metavar="H5",
        help="copy to write: the same rows, with scores (N, classes), weight and label",
    )


def run(args: argparse.Namespace) -> None:
    """Read the network and the set, write the copy."""
    import logging
    from pathlib import Path

    from zenith.training.score_sets import score_set

    path = Path(args.network)
    file = path / "initial.safetensors" if path.is_dir() else path
    check(args, {"--network": [str(file)]})
    events = score_set(file, args.input, args.output, args.signal)
    logging.info("%s: %d events", args.output, events)
