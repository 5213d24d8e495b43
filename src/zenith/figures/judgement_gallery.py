"""The figures of what a network is worth on unseen events, in the words of the analysis.

As `network_gallery`: each function yields (name, figure), one at a time.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts.metrics import Metrics
from zenith.config import Analysis
from zenith.config.networks.settings import Mva
from zenith.core.networks.network import Network
from zenith.figures import judgement as draw
from zenith.figures.naming import Figures, axis_of, banner
from zenith.figures.network_gallery import (
    Classes,
    areas,
    defined,
    edges_of,
    features,
    losses,
    objects,
    separation,
)
from zenith.figures.networks import Weighted
from zenith.statistics.naming import network_label, score_label
from zenith.training.evaluate import Evaluation
from zenith.training.examples import Examples
from zenith.training.importance import importances
from zenith.training.measures import Ranked, counting_significance, measures

SLICES = (0.0, 0.5, 0.8, 0.95, 1.0)  # of the events, from low to high scores


def everything(
    analysis: Analysis,
    name: str,
    mva: Mva,
    parts: Mapping[str, Examples],
    judged: Evaluation,
    network: Network,
    unseen: Examples,
    metrics: Sequence[Metrics],
    units: Mapping[str, str],
) -> Figures:
    """All figures of a network, or of those of all folds: then `network` is one of them.

    `units` are those of features, and of fields of objects by `collection.field`. `unseen` are
    events that the network has not seen; `parts`, `judged` and `metrics` are of all folds.
    """
    yield from losses(analysis, name, mva, metrics)
    yield from areas(analysis, name, mva, metrics)
    yield from separation(analysis, name, mva, parts, judged)
    yield from worth(analysis, name, mva, parts, judged)
    yield from importance(analysis, name, mva, network, unseen)
    yield from features(analysis, mva, parts["train"], network, units)
    yield from objects(analysis, mva, parts["train"], network, units)


def worth(
    analysis: Analysis,
    name: str,
    mva: Mva,
    parts: Mapping[str, Examples],
    judged: Evaluation,
) -> Figures:
    """`confusion`, `rejection`, `significance` and `slices_{observable}`.

    Of more than two classes with `_{class}` behind the name of what is of one score. Significance
    is of classes of signal, of training sets of the last one.
    """
    line, title = banner(analysis), network_label(analysis, name)
    classes, events = Classes(analysis, mva, parts), parts["test"]
    scores = judged.scores["test"]
    found = measures(name, mva, events, scores, analysis.seed)
    labels = [classes.label[c] for c in classes.names]
    table = [[found["confusion"][true][c] for c in classes.names] for true in classes.names]
    yield "confusion", draw.confusion(labels, table, title=title, banner=line)
    for of_class, score in scores.items():
        suffix = "" if len(scores) == 1 else f"_{of_class}"
        label = score_label(analysis, name if len(scores) == 1 else f"{name}:{of_class}")
        is_class = events.label == classes.names.index(of_class)
        ranked = Ranked.of(score)
        others = [
            draw.Rejected(
                classes.label[other],
                classes.colour[other],
                ranked.efficiency(events.weight * is_class),
                ranked.efficiency(events.weight * (events.label == classes.names.index(other))),
                points,
            )
            for other, points in found["background_efficiency"][of_class].items()
        ]
        own = classes.label[of_class]
        yield f"rejection{suffix}", draw.rejection(others, own=own, title=title, banner=line)
        if of_class in classes.signals:
            threshold, z = counting_significance(score, is_class, events.weight)
            yield (
                f"significance{suffix}",
                draw.significance(threshold, z, label=label, title=title, banner=line),
            )
        for observable, where in mva.read_beside.items():
            read = np.isin(events.label, [classes.names.index(c) for c in where]) & ~is_class
            if read.any():
                axis = axis_of(analysis, observable)
                values = defined(analysis, observable, events.observables[observable][read])
                yield (
                    f"slices_{observable}{suffix}",
                    draw.slices(
                        _slices(values, score[read], events.weight[read]),
                        edges_of(analysis, observable, values, bins=15),
                        label=axis["label"],
                        unit=axis["unit"],
                        title=f"{' + '.join(classes.label[c] for c in where if c != of_class)}, "
                        f"by their score for {own}",
                        dependence=found.get("distance_correlation", {}).get(observable),
                        banner=line,
                    ),
                )


def _slices(
    values: NDArray[np.float32], score: NDArray[np.float32], weight: NDArray[np.float64]
) -> dict[str, Weighted]:
    """The events in slices of the score that have fixed shares of |w|."""
    order = np.argsort(score, kind="stable")
    share = np.empty(len(score))
    share[order] = np.cumsum(np.abs(weight)[order]) / np.abs(weight).sum()
    found = {}
    for low, high in pairwise(SLICES):
        chosen = (share > low) & (share <= high)
        if weight[chosen & np.isfinite(values)].sum() > 0.0:
            name = f"{100 * low:.0f} to {100 * high:.0f} % of the events"
            found[name] = Weighted(values[chosen], weight[chosen])
    return found


def importance(
    analysis: Analysis, name: str, mva: Mva, network: Network, events: Examples
) -> Figures:
    """`importance` of the inputs to a network, on events that it has not seen."""

    def label(key: str) -> str:
        known = analysis.observables.get(key)
        return key.replace("_", " ").replace(".", ", ") if known is None else known.label

    found = importances(name, network, mva, events, analysis.seed)
    yield (
        "importance",
        draw.importance(
            {label(key): number for key, number in found.items()},
            title=network_label(analysis, name),
            banner=banner(analysis),
        ),
    )
