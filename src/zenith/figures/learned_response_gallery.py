"""The figures of responses that networks learn: from scores and events to named figures.

As `gallery`: each function yields (name, figure), one at a time.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from zenith.artefacts import Columns
from zenith.config import Analysis, exact_ratio_of
from zenith.core.response.closure import joined
from zenith.core.response.efficient_score import EfficientScore
from zenith.core.response.learned import LearnedResponse
from zenith.events.copies import points as points_of
from zenith.figures import learned_response as draw
from zenith.figures.naming import Figures, banner
from zenith.observable import ExactRatio
from zenith.statistics.naming import parameter_labels
from zenith.training.copied_events import Copied, copied_events
from zenith.training.response_metrics import exact_derivatives, score_closure
from zenith.training.scores import evaluated


def learned_responses(
    analysis: Analysis, scores: Sequence[EfficientScore], columns: Mapping[str, Columns]
) -> Figures:
    """`closure`, and where the module knows the ratios `learned_responses`; none of trees.

    `scores` are those of all folds, each of which is drawn of the events of its fold.
    """
    learned = scores[0].learned
    if learned is None:
        return
    assert analysis.summary is not None
    assert analysis.summary.learned_responses is not None
    held = analysis.summary.learned_responses.held_out
    events = copied_events(analysis, columns, analysis.mva[analysis.summary.network])
    names = parameter_labels(analysis, list(learned.parameters))
    closures = []
    for fold, score in enumerate(scores):
        unseen = {name: own.of([fold]).at(range(-held, 0)) for name, own in events.items()}
        closures.append(score_closure(score, unseen, analysis.summary.all_bins))
    points = [draw.labels(point, names) for point in points_of(analysis)[-held:]]
    label = analysis.summary.label
    yield "closure", draw.closure(label, points, joined(closures), banner=banner(analysis))
    exact = exact_ratio_of(analysis)
    if exact is not None:
        processes = [_process(analysis, scores, exact, *item) for item in events.items()]
        labels = [names[name] for name in learned.parameters]
        figure = draw.against_exact(labels, processes, banner=banner(analysis))
        yield "learned_responses", figure


def _process(
    analysis: Analysis,
    scores: Sequence[EfficientScore],
    exact: ExactRatio,
    name: str,
    events: Copied,
) -> draw.Process:
    """Its nominal events that pass the cuts, each with the network of its fold."""
    assert scores[0].learned is not None
    features, parameters = scores[0].learned.features, scores[0].learned.parameters
    passed = events.weight[0] != 0.0
    x, weight, fold = events.x[0][:, passed], events.weight[0][passed], events.fold[passed]
    true = exact_derivatives(exact, name, features, x, parameters)
    found = np.zeros((len(parameters), len(weight)))
    for number, score in enumerate(scores):
        assert score.learned is not None
        here = fold == number
        derivatives = evaluated(LearnedResponse.derivatives, score.learned, x[:, here])
        found[:, here] = derivatives[score.learned.processes.index(name)]
    process = analysis.processes[name]
    return draw.Process(process.label, process.colour, true, found, weight)
