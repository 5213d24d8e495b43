"""Write one of the two toys for categories: the score of a classifier, or three classes."""

import argparse

from zenith.cli.files import Output

HELP = "events with scores, made by numpy, to try `categorise` on"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    parser.add_argument("name", choices=("one_score", "three_classes"))
    parser.add_argument("--output", type=Output, required=True, metavar="H5", help="file to write")
    parser.add_argument("--seed", type=int, default=0, help="seed of the events [0]")
    parser.add_argument(
        "--fraction", type=float, default=1.0, help="of the number of events; same luminosity [1]"
    )


def run(args: argparse.Namespace) -> None:
    """Write `scores`, `weight`, `label` and the attribute `signal_labels`."""
    from zenith import artefacts
    from zenith.errors import InputError
    from zenith.simulation.toys import toy

    if not 0 < args.fraction <= 1:
        raise InputError(f"--fraction {args.fraction:g}: it must be above 0 and at most 1")
    made = toy(args.name, args.seed, args.fraction)
    artefacts.write_arrays(
        args.output,
        {"scores": made.scores, "weight": made.weight, "label": made.label},
        {"signal_labels": made.signal_labels},
    )
