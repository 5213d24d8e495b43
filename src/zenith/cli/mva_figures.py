"""Draw what a network has learnt: losses, ROC curves, scores and features."""

import argparse
from pathlib import Path

from zenith.cli import options
from zenith.cli.files import Folder, Input

HELP = "the trained networks of all folds to their figures"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    parser.add_argument("--name", required=True, help="name of the network in the configuration")
    options.add_events(parser)
    parser.add_argument(
        "--network",
        type=Input,
        required=True,
        nargs="+",
        metavar="FILE",
        help="initial.safetensors of every fold",
    )
    parser.add_argument(
        "--metrics",
        type=Input,
        required=True,
        nargs="+",
        metavar="JSON",
        help="metrics.json of every fold",
    )
    parser.add_argument(
        "--output", type=Folder, required=True, metavar="DIR", help="folder of the figures"
    )


def run(args: argparse.Namespace) -> None:
    """Read the networks of all folds and their events, and draw."""
    from zenith.artefacts.metrics import METRICS
    from zenith.cli.inputs import settings_of_network
    from zenith.cli.learning import events_by_fold
    from zenith.errors import InputError
    from zenith.events.folds import require_unseen
    from zenith.figures import style
    from zenith.figures.judgement_gallery import everything
    from zenith.training.evaluate import evaluate, together
    from zenith.training.network_files import load_network

    analysis = options.analysis_of_files(args)
    mva = settings_of_network(analysis, args.name, args.config)
    folds = analysis.folds
    for option in ("network", "metrics"):
        if (given := len(getattr(args, option))) != folds.number:
            raise InputError(
                f"--{option}: {given} files for {folds.number} folds: give one of each, in order"
            )
    metrics = [METRICS.read(path) for path in args.metrics]
    events_of, units = events_by_fold(args.name, mva, args.input, folds)
    judged, parts = [], []
    for fold, path in enumerate(args.network):
        require_unseen(metrics[fold], folds, fold, args.metrics[fold], f"mva --name {args.name}")
        found = events_of(fold)
        parts.append({part: found[part] for part in ("train", "test")})
        network = load_network(path, mva)
        judged.append(evaluate(network, mva, parts[-1]))
    union, events = together(judged, mva, parts)
    unseen = parts[-1]["test"]  # by the network, as all folds scale alike and read much the same
    for name, figure in everything(
        analysis, args.name, mva, events, union, network, unseen, metrics, units
    ):
        style.save(figure, Path(args.output) / name, analysis.plotting.formats)
