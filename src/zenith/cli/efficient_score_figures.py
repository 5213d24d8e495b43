"""Draw the efficient score: what was projected away, and where it puts events."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from zenith.cli import options
from zenith.cli.files import Folder, Input
from zenith.config import Analysis

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
    import logging
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
    mva, fitted = analysis.mva[summary.network], fitted_regions(analysis)
    regions = [summary.rival.region, *fitted] if summary.rival.region else fitted
    observable = _observable(analysis, regions)
    own = [name for name, of in analysis.scores.items() if of == summary.network]
    row = own.index(observable) if observable in own else None
    more = [observable] if observable and row is None else []
    columns = read_samples(args.input, copies=scores[0].learned is not None)
    events = simulated_events(analysis, columns, mva, more=more)
    features = events.x[: len(mva.features)]
    values = events.x[-1].copy()
    place = np.empty_like(values)
    for fold, score in enumerate(scores):
        inside = events.fold == fold
        place[inside] = scores_of(score, features[:, inside])[0]
        if row is not None:
            values[inside] = scores_of(score.ratios, features[:, inside])[row]
    is_signal = np.isin(list(analysis.processes), analysis.signals_of_interest)[events.process]
    about = [EFFICIENT_SCORE.read(path) for path in args.about]
    divided = sorted({one["cells"]["nuisance"] for one in about if one["cells"]})
    if len(divided) > 1:
        logging.warning(
            "the cells of the folds are divided by different scores, of %s: write which one as "
            "summary.cells.nuisance",
            " and ".join(divided),
        )
    of_events = (values, place, events.weight, is_signal)
    figures = chain(
        draw.projection(analysis, about),
        draw.against(analysis, observable, *of_events) if observable else (),
        learned_responses(analysis, scores, columns),
    )
    folder = make_folder(Path(args.output))
    for name, figure in figures:
        style.save(figure, folder / name, analysis.plotting.formats)


def _observable(analysis: Analysis, regions: Sequence[str]) -> str | None:
    """The first that regions are fitted in and that is no score of a network beside the summary's.

    None where there is none: the summary's network is part of the efficient score, others are not.
    """
    assert analysis.summary is not None
    names = (analysis.regions[region].fit.observable for region in regions)
    network = analysis.summary.network
    return next((n for n in names if analysis.scores.get(n, network) == network), None)
