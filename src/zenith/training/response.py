"""How the intensity of all simulated events responds to nuisance parameters, learned by trees.

A classifier of events at +1 against events at -1 standard deviation, or against the nominal where
there is no other side, tends to λ_up / (λ_up + λ_down); `zenith.core.response.efficient_score` says
what follows. Where a variation is another weight of the same events, each is one example of the
probability w_up / (w_up + w_down), which has no noise of events that differ.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import Columns
from zenith.comparison import parse
from zenith.config import Analysis
from zenith.config.efficient_score import EfficientScoreSettings, Responses
from zenith.config.networks.settings import Mva
from zenith.config.systematics import Side
from zenith.core.networks.boosted_trees import BoostedTrees
from zenith.events.copies import shifting
from zenith.events.folds import folds_of
from zenith.statistics.nuisances import Nuisance, nominal_samples, nuisances
from zenith.statistics.varied_events import events_of, features_and_weights
from zenith.training.boosted_trees import dumped, grow, taken_over
from zenith.training.scores import evaluated

Array = NDArray[np.float64]


class Events(NamedTuple):
    """The simulated events of all samples, one sample after the other."""

    x: NDArray[np.float32]  # (features, N)
    weight: Array  # (N,) expected events; 0 where an event does not pass the cuts
    label: NDArray[np.int32]  # (N,) class of the network; -1 where the sample is of none
    process: NDArray[np.int32]  # (N,) position among the processes
    fold: NDArray[np.intp]  # (N,)

    def take(self, chosen: NDArray[np.bool_]) -> "Events":
        """The events of a mask."""
        return Events(
            self.x[:, chosen],
            self.weight[chosen],
            self.label[chosen],
            self.process[chosen],
            self.fold[chosen],
        )

    def of(self, folds: Sequence[int]) -> "Events":
        """The events of some folds, those that pass the cuts."""
        return self.take(np.isin(self.fold, folds) & (self.weight != 0.0))


def simulated_events(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    mva: Mva,
    nuisance: Nuisance | None = None,
    side: Side = "up",
    *,
    more: Sequence[str] = (),
) -> Events:
    """The events of all simulated samples that pass the cuts of a network, as a nuisance has them.

    Their features are those of the network, and then `more`.

    Raises InputError for a column that is missing or not finite.
    """
    cuts, features = [parse(text) for text in mva.cuts], (*mva.features, *more)
    class_of = {sample: k for k, group in enumerate(mva.classes.values()) for sample in group}
    processes = list(analysis.processes)
    found = []
    for sample in nominal_samples(analysis):
        if analysis.is_data(sample):
            continue
        own = events_of(analysis, columns, sample, nuisance, side)
        x, weight = features_and_weights(own, features, cuts, f"the columns of sample {sample!r}")
        size = len(weight)
        found.append(
            Events(
                x,
                weight,
                np.full(size, class_of.get(sample, -1), np.int32),
                np.full(size, processes.index(analysis.samples[sample].process), np.int32),
                folds_of(own.hash, analysis.folds),
            )
        )
    return Events(*(np.concatenate(arrays, axis=-1) for arrays in zip(*found, strict=True)))


def shape_parameters(analysis: Analysis) -> list[Nuisance]:
    """The nuisance parameters that are pairs of templates, whose responses are learned.

    First those of boosted trees, then those that networks learn from copies.
    """
    found = [nuisance for nuisance in nuisances(analysis) if nuisance.kind == "templates"]
    by_networks = parameters_of_networks(analysis)
    return sorted(found, key=lambda nuisance: nuisance.name in by_networks)


def parameters_of_networks(analysis: Analysis) -> list[str]:
    """The nuisance parameters whose responses networks learn from copies; none unless asked for."""
    asked = analysis.summary is not None and analysis.summary.learned_responses is not None
    return shifting(analysis) if asked else []


class Response(NamedTuple):
    """What was learned of one nuisance parameter."""

    network: BoostedTrees  # of one logit z
    scale: float  # ∂ ln λ / ∂ν is scale · tanh(z / 2)
    significance: float  # standard deviations by which it is seen on the validation fold


def learn_all(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    settings: EfficientScoreSettings,
    mva: Mva,
    fold: int,
) -> dict[str, Response]:
    """Learn the responses to all nuisance parameters that vary shapes, for one fold.

    Raises InputError as `simulated_events` does, ConfigError and FitError as `learn`.
    """
    nominal, found = simulated_events(analysis, columns, mva), dict[str, Response]()
    others = parameters_of_networks(analysis)
    for nuisance in shape_parameters(analysis):
        if nuisance.name in others:
            continue
        other = nuisance.source in ("shape", "sample")  # not only other weights
        sides = {
            side: simulated_events(analysis, columns, mva, nuisance, side)
            if other
            else _reweighted(analysis, columns, nominal, nuisance, side)
            for side in nuisance.sides
        }
        found[nuisance.name] = learn(
            mva.features,
            nominal,
            sides,
            paired=nuisance.source != "sample",
            learning=analysis.folds.learning(fold),
            validation=analysis.folds.validation(fold),
            settings=settings.responses,
            seed=zlib.crc32(f"{analysis.seed} {nuisance.name}".encode()) >> 1,
        )
    return found


def _reweighted(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    nominal: Events,
    nuisance: Nuisance,
    side: Side,
) -> Events:
    """The same events, the same features even, with the weights of one side."""
    weights = [
        events_of(analysis, columns, sample, nuisance, side).weight
        for sample in nominal_samples(analysis)
        if not analysis.is_data(sample)
    ]
    weight = np.where(nominal.weight != 0.0, np.concatenate(weights), 0.0)
    return nominal._replace(weight=weight)


def learn(
    features: Sequence[str],
    nominal: Events,
    sides: Mapping[Side, Events],
    *,
    paired: bool,
    learning: Sequence[int],
    validation: int,
    settings: Responses,
    seed: int,
) -> Response:
    """Learn the response to one nuisance parameter.

    Parameters
    ----------
    nominal, sides
        All events, nominal and at one side or both.
    paired
        Whether a side has the same events as the nominal, in the same order.
    learning, validation
        The folds that trees are grown on, and the one that asks for a slope of the response.

    Raises ConfigError if LightGBM is not installed, and FitError if it fails.
    """
    (first, varied), *others = sides.items()
    base = others[0][1] if others else nominal
    # in units of ∂ ln λ / ∂ν: one side alone is half of the distance between two
    unit = (1.0 if others else 2.0) * (1.0 if first == "up" else -1.0)
    x, target, weight = _examples(varied, base, learning, paired)
    parameters = {
        "objective": "cross_entropy",
        "num_leaves": settings.leaves,
        "learning_rate": settings.learning_rate,
        "min_data_in_leaf": settings.leaf_events,
        "lambda_l2": 5.0,
        "seed": seed,
        "num_threads": 1,
    }
    booster = grow(x, target, weight / weight.mean(), parameters, settings.trees)
    shell = BoostedTrees.create(features, (), settings.trees, settings.leaves)
    network = taken_over(shell, dumped(booster))

    def score(events: Events) -> Array:
        logits = evaluated(BoostedTrees.logits, network, events.x).astype(float)
        return np.asarray(unit * np.tanh(logits[0] / 2))

    slope, significance = judged(score, nominal, varied, base, unit, validation, paired=paired)
    return Response(network, unit * max(slope, 0.0), significance)


def judged(
    score: Callable[[Events], Array],
    nominal: Events,
    varied: Events,
    base: Events,
    unit: float,
    validation: int,
    *,
    paired: bool,
) -> tuple[float, float]:
    """The slope of the true score on a learned one, and the deviations by which it is seen.

    Where s is ∂ ln λ / ∂ν, half of Σ w s at +1 less that at -1 is Σ w s² of the nominal; `unit` is
    as in `learn`.
    """
    half = unit / 2
    if paired:
        inside = nominal.fold == validation
        up, down, middle = (events.take(inside) for events in (varied, base, nominal))
        each = half * (up.weight * score(up) - down.weight * score(down))
    else:
        up, down, middle = (events.of([validation]) for events in (varied, base, nominal))
        each = half * np.concatenate([up.weight * score(up), -down.weight * score(down)])
    expected = float(np.sum(middle.weight * score(middle) ** 2))
    spread = float(np.sqrt(np.sum(each**2)))
    slope = float(each.sum()) / expected if expected > 0.0 else 0.0
    significance = float(each.sum()) / spread if spread > 0.0 else 0.0
    return slope, significance


def _examples(
    varied: Events, base: Events, learning: Sequence[int], paired: bool
) -> tuple[NDArray[np.float32], Array, Array]:
    """Features (features, N), probabilities of the varied side and weights (N,), none below 0."""
    if paired and varied.x is base.x:
        total = varied.weight + base.weight
        inside = np.isin(base.fold, learning) & (total > 0.0)
        probability = np.clip(varied.weight[inside] / total[inside], 0.0, 1.0)
        return varied.x[:, inside], probability, total[inside]
    above, below = varied.of(learning), base.of(learning)
    return (
        np.concatenate([above.x, below.x], axis=1),
        np.repeat([1.0, 0.0], [len(above.weight), len(below.weight)]),
        np.abs(np.concatenate([above.weight, below.weight])),
    )


def together(features: Sequence[str], responses: Mapping[str, Response]) -> BoostedTrees | None:
    """The trees of all nuisance parameters as one network with a logit for each; none of none."""
    if not responses:
        return None
    networks = [response.network for response in responses.values()]
    arrays = [network.to_arrays() for network in networks]
    joined = {
        name: np.concatenate([one[name] for one in arrays])
        for name in ("leaf", "feature", "threshold", "value")
    }
    joined["used"] = np.max([one["used"] for one in arrays])
    outputs, trees, leaves = joined["value"].shape
    names = tuple(responses) if outputs > 1 else ()
    return BoostedTrees.create(features, names, trees, leaves).with_arrays(joined)
