"""Learn how the intensity of simulated events responds to nuisance parameters, for one fold."""

import argparse

from zenith.cli import options
from zenith.cli.files import Input, Output

HELP = "columns to the responses to nuisance parameters"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    options.add_fold(parser)
    parser.add_argument(
        "--input", type=Input, required=True, nargs="+", metavar="H5", help="columns of all samples"
    )
    parser.add_argument(
        "--output", type=Output, required=True, metavar="FILE", help="responses to write"
    )


def run(args: argparse.Namespace) -> None:
    """Grow trees for each nuisance parameter, judge them on the validation fold, write."""
    import logging
    import zlib

    from zenith.cli.inputs import read_samples, settings_of_network
    from zenith.events.folds import taught
    from zenith.training import response
    from zenith.training.efficient_score import shape_parameters
    from zenith.training.score_files import Responses, save_responses

    analysis = options.analysis(args)
    summary = options.summary(args, analysis)
    folds, fold = analysis.folds, options.fold(args, analysis)
    mva = settings_of_network(analysis, summary.network, args.config)
    columns = read_samples(args.input)
    nominal = response.simulated_events(analysis, columns, mva)
    found: dict[str, response.Response] = {}
    for nuisance in shape_parameters(analysis):
        sides = {
            side: response.simulated_events(analysis, columns, mva, nuisance, side)
            for side in nuisance.sides
        }
        found[nuisance.name] = response.learn(
            mva.features,
            nominal,
            sides,
            paired=nuisance.source != "sample",
            learning=folds.learning(fold),
            validation=folds.validation(fold),
            settings=summary.responses,
            seed=zlib.crc32(f"{analysis.seed} {nuisance.name}".encode()) >> 1,
        )
    scales = {}
    for name, one in found.items():
        seen = one.significance >= summary.responses.significance
        scales[name] = one.scale if seen else 0.0
        logging.info(
            "%-24s scale %7.3f, seen by %.1f σ%s",
            *(name, one.scale, one.significance, "" if seen else ": noise, left out"),
        )
    significances = {name: one.significance for name, one in found.items()}
    network = response.together(mva.features, found)
    of_fold = dict(taught(folds, fold))
    save_responses(args.output, Responses(network, scales, significances, of_fold))
