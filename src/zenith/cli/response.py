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
    parser.add_argument(
        "--about",
        type=Output,
        metavar="JSON",
        help="what responses that networks learn are worth, if any [not written]",
    )


def run(args: argparse.Namespace) -> None:
    """Learn the response to each nuisance parameter, judge it on the validation fold, write."""
    import logging
    import time

    from zenith.artefacts.learned_response import LEARNED_RESPONSES
    from zenith.cli.inputs import read_samples, settings_of_network
    from zenith.config.dependencies import step_config
    from zenith.events.folds import taught
    from zenith.training.response import learn_all, parameters_of_networks, together
    from zenith.training.response_metrics import learn_from_copies
    from zenith.training.score_files import Responses, save_responses

    analysis = options.analysis(args)
    summary = options.summary(args, analysis)
    folds, fold = analysis.folds, options.fold(args, analysis)
    mva = settings_of_network(analysis, summary.network, args.config)
    by_networks = parameters_of_networks(analysis)
    columns = read_samples(args.input, copies=bool(by_networks))
    found = learn_all(analysis, columns, summary, mva, fold)
    judged = {name: (one.scale, one.significance) for name, one in found.items()}
    made = learn_from_copies(analysis, columns, mva, fold) if by_networks else None
    judged |= made.judged if made else {}
    scales = {}
    for name, (scale, significance) in judged.items():
        seen = significance >= summary.responses.significance
        scales[name] = scale if seen else 0.0
        logging.info(
            "%-24s scale %7.3f, seen by %.1f σ%s",
            *(name, scale, significance, "" if seen else ": noise, left out"),
        )
    significances = {name: significance for name, (_, significance) in judged.items()}
    network = together(mva.features, found)
    about = {**taught(folds, fold), "cpu_seconds": time.process_time()}
    learned = made.response if made else None
    save_responses(args.output, Responses(network, scales, significances, about, learned))
    if made and args.about:
        LEARNED_RESPONSES.write(
            args.about,
            {**taught(folds, fold), **made.worth, "cpu_seconds": time.process_time()},
            inputs=args.input,
            config=step_config(analysis, "response"),
        )
