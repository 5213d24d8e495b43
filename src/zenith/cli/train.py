"""Train one network on training sets, those of `zenith training_set` or from elsewhere."""

import argparse
from pathlib import Path

from zenith.cli import options

HELP = "training sets to a trained network, its measures and figures"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument(
        "--name", help="name of the network in the configuration [the only one there is]"
    )
    options.add_fold(parser, required=False)
    options.add_inputs(parser, "training sets")
    options.add_network_output(parser)
    parser.add_argument(
        "--no-figures",
        dest="figures",
        action="store_false",
        help="leave out the folder `figures` below that of --output",
    )


def run(args: argparse.Namespace) -> None:
    """Read the parts of the sets, train on one, judge on another, write."""
    import time

    from zenith.cli.inputs import settings_of_network
    from zenith.cli.learning import events_of_sets, learn
    from zenith.config.dependencies import step_config
    from zenith.config.inputs import TrainingSetFields
    from zenith.errors import ConfigError
    from zenith.events.folds import taught
    from zenith.training.sets import opened

    start = time.perf_counter()
    analysis = options.configuration(args)
    if args.name is None and len(analysis.mva) != 1:
        networks = ", ".join(analysis.mva) or "none"
        raise ConfigError(f"{args.config}: mva: say which network with --name; there is {networks}")
    name = args.name or next(iter(analysis.mva))
    mva = settings_of_network(analysis, name, args.config)
    fields = analysis.inputs.training_set or TrainingSetFields()
    fold = None if args.fold is None else options.fold(args, analysis)
    parts = events_of_sets(name, mva, args.input, analysis, fold)
    network, judged, metrics = learn(
        name,
        mva,
        parts,
        analysis.seed,
        args.output,
        about={} if fold is None else taught(analysis.folds, fold),
        inputs=args.input,
        config=step_config(analysis, "mva", name),
        start=start,
        experiment=analysis.name,
        metadata={
            "training_set": fields.model_dump(),
            "samples": {of_class: list(names) for of_class, names in mva.classes.items()},
        },
    )
    if not args.figures:
        return
    from zenith.figures import style
    from zenith.figures.judgement_gallery import everything

    with opened(args.input[:1], mva, fields) as (first,):
        units = first.units
    drawn = everything(analysis, name, mva, parts, judged, network, parts["test"], [metrics], units)
    for figure_name, figure in drawn:
        path = Path(args.output) / "figures" / figure_name
        style.save(figure, path, analysis.plotting.formats)
