"""Train one network for one fold, on columns or training sets of the samples of its classes."""

import argparse

from zenith.cli import options

HELP = "columns, or training sets, to a trained network and its measures"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument("--name", required=True, help="name of the network in the configuration")
    options.add_fold(parser)
    options.add_events(parser)
    options.add_network_output(parser)


def run(args: argparse.Namespace) -> None:
    """Read the events, train on the other folds, judge on this one, write."""
    import time

    from zenith.cli.inputs import settings_of_network
    from zenith.cli.learning import events_by_fold, learn
    from zenith.config.dependencies import step_config
    from zenith.events.folds import taught

    start = time.perf_counter()
    analysis = options.analysis_of_files(args)
    mva = settings_of_network(analysis, args.name, args.config)
    folds, fold = analysis.folds, options.fold(args, analysis)
    events, _ = events_by_fold(args.name, mva, args.input, folds)
    learn(
        args.name,
        mva,
        events(fold),
        analysis.seed,
        args.output,
        about=taught(folds, fold),
        inputs=args.input,
        config=step_config(analysis, "mva", args.name),
        start=start,
        experiment=analysis.name,
        metadata={"samples": {of_class: list(names) for of_class, names in mva.classes.items()}},
    )
