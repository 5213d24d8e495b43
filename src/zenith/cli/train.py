"""Train one network on training sets, those of `zenith training_set` or from elsewhere."""

import argparse

from zenith.cli import options
from zenith.cli.files import Input

HELP = "training sets to a trained network and its measures"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument(
        "--name", help="name of the network in the configuration [the only one there is]"
    )
    options.add_fold(parser, required=False)
    parser.add_argument(
        "--input", type=Input, required=True, nargs="+", metavar="H5", help="training sets"
    )
    options.add_network_output(parser)


def run(args: argparse.Namespace) -> None:
    """Read the parts of the sets, train on one, judge on another, write."""
    import time

    from zenith.cli.inputs import settings_of_network
    from zenith.cli.learning import events_of_sets, learn
    from zenith.config.dependencies import step_config
    from zenith.config.inputs import TrainingSetFields
    from zenith.errors import ConfigError
    from zenith.events.folds import taught

    start = time.perf_counter()
    analysis = options.configuration(args)
    if args.name is None and len(analysis.mva) != 1:
        networks = ", ".join(analysis.mva) or "none"
        raise ConfigError(f"{args.config}: mva: say which network with --name; there is {networks}")
    name = args.name or next(iter(analysis.mva))
    mva = settings_of_network(analysis, name, args.config)
    fields = analysis.inputs.training_set or TrainingSetFields()
    fold = None if args.fold is None else options.fold(args, analysis)
    learn(
        name,
        mva,
        events_of_sets(name, mva, args.input, analysis, fold),
        analysis.seed,
        args.output,
        about={} if fold is None else taught(analysis.folds, fold),
        inputs=args.input,
        config=step_config(analysis, "mva", name),
        start=start,
        metadata={
            "training_set": fields.model_dump(),
            "samples": {of_class: list(names) for of_class, names in mva.classes.items()},
        },
    )
