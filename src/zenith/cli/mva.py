"""Train one network for one fold, on the columns of the samples of its classes."""

import argparse

from zenith.cli import options
from zenith.cli.files import Input

HELP = "columns to a trained network and its measures"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument("--name", required=True, help="name of the network in the configuration")
    options.add_fold(parser)
    parser.add_argument(
        "--input", type=Input, required=True, nargs="+", metavar="H5", help="columns of the samples"
    )
    options.add_network_output(parser)


def run(args: argparse.Namespace) -> None:
    """Read the columns, train on the other folds, judge on this one, write."""
    import time

    from zenith.cli.inputs import read_samples, settings_of_network
    from zenith.cli.learning import learn
    from zenith.config.dependencies import step_config
    from zenith.events.folds import taught
    from zenith.training.examples import examples

    start = time.perf_counter()
    analysis = options.analysis_of_files(args)
    mva = settings_of_network(analysis, args.name, args.config)
    columns = read_samples(args.input)
    folds, fold = analysis.folds, options.fold(args, analysis)
    parts = {
        part: examples(args.name, mva, columns, folds, chosen)
        for part, chosen in {
            "train": folds.learning(fold),
            "validate": [folds.validation(fold)],
            "test": [fold],
        }.items()
    }
    learn(
        args.name,
        mva,
        parts,
        analysis.seed,
        args.output,
        about=taught(folds, fold),
        inputs=args.input,
        config=step_config(analysis, "mva", args.name),
        start=start,
    )
