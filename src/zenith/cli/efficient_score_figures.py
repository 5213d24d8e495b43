"""Draw the efficient score: what was projected away, and where it puts events."""

import argparse
from pathlib import Path

from zenith.cli import options
from zenith.cli.files import Folder, Input

HELP = "efficient scores of all folds to their figures"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)
    options.add_columns(parser)
    parser.add_argument(
        "--scores",
        type=Input,
        required=True,
        nargs="+",
        metavar="FILE",
        help="efficient scores of all folds",
    )
    parser.add_argument(
        "--about",
        type=Input,
        required=True,
        nargs="+",
        metavar="JSON",
        help="what was written beside them",
    )
    parser.add_argument(
        "--output", type=Folder, required=True, metavar="DIR", help="folder of the figures"
    )


def run(args: argparse.Namespace) -> None:
    """Read the scores of all folds and the events, and draw."""
    from itertools import chain

    import numpy as np

    from zenith.artefacts.efficient_score import EFFICIENT_SCORE
    from zenith.artefacts.writing import make_folder
    from zenith.cli.efficient_scores import read_scores
    from zenith.cli.inputs import read_samples
    from zenith.figures import efficient_score_gallery as draw
    from zenith.figures import style
    from zenith.figures.learned_response_gallery import learned_responses
    from zenith.statistics.model import fitted_regions
    from zenith.training.response import simulated_events
    from zenith.training.scores import scores_of

    analysis = options.analysis_of_files(args)
    summary = options.summary(args, analysis)
    scores = read_scores(analysis, args.scores)
    region = summary.rival.region or fitted_regions(analysis)[0]
    observable = analysis.regions[region].fit.observable
    mva = analysis.mva[summary.network]
    columns = read_samples(args.input, copies=scores[0].learned is not None)
    events = simulated_events(analysis, columns, mva, more=[observable])
    *features, values = events.x
    place = np.empty_like(values)
    for fold, score in enumerate(scores):
        inside = events.fold == fold
        place[inside] = scores_of(score, np.stack(features)[:, inside])[0]
    is_signal = np.isin(list(analysis.processes), analysis.signals_of_interest)[events.process]
    figures = chain(
        draw.projection(analysis, [EFFICIENT_SCORE.read(path) for path in args.about]),
        draw.against(analysis, observable, values, place, events.weight, is_signal),
        learned_responses(analysis, scores, columns),
    )
    folder = make_folder(Path(args.output))
    for name, figure in figures:
        style.save(figure, folder / name, analysis.plotting.formats)
