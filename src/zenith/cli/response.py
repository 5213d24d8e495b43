"""Learn how the intensity of simulated events responds to nuisance parameters, for one fold."""

import argparse

from zenith.cli import options
from zenith.cli.files import Output

HELP = "columns to the responses to nuisance parameters"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    options.add_fold(parser)
    options.add_columns(parser)
    parser.add_argument(
        "--output", type=Output, required=True, metavar="FILE", help="responses to write"
    )


def run(args: argparse.Namespace) -> None:
    """Grow trees for each nuisance parameter, judge them on the validation fold, write."""
    import logging
    import time

    from zenith.cli.inputs import read_samples, settings_of_network
    from zenith.events.folds import taught
    from zenith.training.response import learn_all, together
    from zenith.training.score_files import Responses, save_responses

    analysis = options.analysis(args)
    summary = options.summary(args, analysis)
    folds, fold = analysis.folds, options.fold(args, analysis)
    mva = settings_of_network(analysis, summary.network, args.config)
    found = learn_all(analysis, read_samples(args.input), summary, mva, fold)
    scales = {}
    for name, one in found.items():
        seen = one.significance >= summary.responses.significance
        scales[name] = one.scale if seen else 0.0
        logging.info(
            "%-24s scale %7.3f, seen by %.1f σ%s",
            *(name, one.scale, one.significance, "" if seen else ": noise, left out"),
        )
    significances = {name: one.significance for name, one in found.items()}
    network = together(mva.features, found)
    about = {**taught(folds, fold), "cpu_seconds": time.process_time()}
    save_responses(args.output, Responses(network, scales, significances, about))
