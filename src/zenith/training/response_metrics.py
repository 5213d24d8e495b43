"""Responses that networks learn from copies for one fold, and what they are worth there."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import Columns
from zenith.artefacts.efficient_score import ClosureOfScore
from zenith.artefacts.learned_response import Agreement, OfProcess, Worth
from zenith.config import Analysis, exact_ratio_of
from zenith.config.networks.settings import Mva
from zenith.core.likelihood.quadratics import monomials, names
from zenith.core.response.closure import Closure, agreement, compare, quantile_bins
from zenith.core.response.efficient_score import EfficientScore
from zenith.core.response.learned import LearnedResponse
from zenith.events.copies import points as points_of
from zenith.events.copies import shifting
from zenith.observable import ExactRatio
from zenith.training.copied_events import Copied, copied_events
from zenith.training.learned_response import learn
from zenith.training.response import Events, judged, shape_parameters, simulated_events
from zenith.training.scores import evaluated

Array = NDArray[np.float64]
STEP = 1e-3  # of a pull, for derivatives of exact ratios
BINS = 20  # of each feature, with equal nominal events


class Made(NamedTuple):
    """The responses of a fold."""

    response: LearnedResponse
    judged: dict[str, tuple[float, float]]  # parameter → slope and significance, as of `seen`
    worth: Worth


def learn_from_copies(
    analysis: Analysis, columns: Mapping[str, Columns], mva: Mva, fold: int
) -> Made:
    """Learn from the copies of the other folds at the points that are not held out.

    They are chosen on the validation fold, and judged on the fold itself at the points that are.
    Raises as `copied_events`, `learn` and `simulated_events` do.
    """
    assert analysis.summary is not None
    settings, folds = analysis.summary.learned_responses, analysis.folds
    assert settings is not None
    events, parameters = copied_events(analysis, columns, mva), shifting(analysis)
    held = range(-settings.held_out, 0)  # random ones, which are the last
    taught = {
        part: {
            name: own.of(of).at(range(len(own.points) - settings.held_out))
            for name, own in events.items()
        }
        for part, of in (
            ("learning", folds.learning(fold)), ("validation", [folds.validation(fold)]),
        )
    }  # fmt: skip
    learned = learn(mva.features, parameters, **taught, settings=settings, seed=analysis.seed)
    unseen = {name: own.of([fold]).at(held) for name, own in events.items()}
    processes = {
        name: of_process(learned.response, name, own, learned.losses[name])
        for name, own in unseen.items()
    }
    if (exact := exact_ratio_of(analysis)) is not None:
        for name, own in unseen.items():
            processes[name]["exact"] = against_exact(exact, learned.response, name, own)
    judged = seen(analysis, columns, mva, learned.response, fold)
    points = points_of(analysis)
    return Made(
        learned.response,
        judged,
        {
            "parameters": parameters,
            "held_out": [dict(point) for point in points[-settings.held_out :]],
            "points": len(points) - settings.held_out,
            "processes": processes,
            "slopes": {name: slope for name, (slope, _) in judged.items()},
            "chi2": sum(sum(of["chi2"].values()) for of in processes.values()),
            "number": sum(sum(of["number"].values()) for of in processes.values()),
        },
    )


def ratios(response: LearnedResponse, process: str, events: Copied) -> Array:
    """λ(x | ν) / λ(x | 0) of nominal events of a process, at the points of their copies, (K, N)."""
    terms = evaluated(LearnedResponse.terms, response, events.x[0])
    own = terms[response.processes.index(process)].astype(float)
    return np.asarray(np.exp(monomials(events.points) @ own))


def of_process(
    response: LearnedResponse, process: str, events: Copied, losses: Sequence[float]
) -> OfProcess:
    """The closure of every feature of a process, at the points that `events` have."""
    ratio = ratios(response, process, events)
    found: dict[str, tuple[float, int]] = {}
    for k, feature in enumerate(response.features):
        values = events.x[:, k].astype(float)
        edges = quantile_bins(values[0], events.weight[0], BINS)
        place = np.searchsorted(edges, values, side="right")
        closure = compare(place, events.weight, ratio, len(edges) + 1)
        found[feature] = closure.chi2, closure.number
    rates = np.asarray(response.rates)[response.processes.index(process)].tolist()
    return {
        "chi2": {feature: chi2 for feature, (chi2, _) in found.items()},
        "number": {feature: number for feature, (_, number) in found.items()},
        "rates": dict(zip(names(response.parameters), rates, strict=True)),
        "losses": list(losses),
    }


def exact_derivatives(
    exact: ExactRatio,
    process: str,
    features: Sequence[str],
    x: NDArray[np.float32],
    parameters: Sequence[str],
) -> Array:
    """∂ ln λ / ∂ν of a process, (A, N), of features (features, N)."""
    values = dict(zip(features, x.astype(float), strict=True))
    up, down = (
        np.array([exact(values, process, {name: step}) for name in parameters])
        for step in (STEP, -STEP)
    )
    return np.asarray((up - down) / (2 * STEP))


def against_exact(
    exact: ExactRatio, response: LearnedResponse, process: str, events: Copied
) -> dict[str, Agreement]:
    """How learned derivatives of nominal events agree with exact ones, by parameter."""
    passed = events.weight[0] != 0.0
    x, weight = events.x[0][:, passed], events.weight[0][passed]
    true = exact_derivatives(exact, process, response.features, x, response.parameters)
    own = response.processes.index(process)
    found = evaluated(LearnedResponse.derivatives, response, x)[own].astype(float)
    each = [agreement(*rows, weight) for rows in zip(true, found, strict=True)]
    return {
        name: {"correlation": correlation, "slope": slope}
        for name, (correlation, slope) in zip(response.parameters, each, strict=True)
    }


def seen(
    analysis: Analysis,
    columns: Mapping[str, Columns],
    mva: Mva,
    response: LearnedResponse,
    fold: int,
) -> dict[str, tuple[float, float]]:
    """Of each parameter the slope of the true score on the learned one, and its significance.

    Both on the validation fold, at one standard deviation, as those of trees
    (`zenith.training.response.judged`).
    """
    nominal, found = simulated_events(analysis, columns, mva), {}
    known = {name: k for k, name in enumerate(analysis.processes)}
    order = np.full(len(known), -1)
    for p, process in enumerate(response.processes):
        order[known[process]] = p
    for nuisance in shape_parameters(analysis):
        if nuisance.name not in response.parameters:
            continue
        a = response.parameters.index(nuisance.name)

        def score(events: Events, a: int = a) -> Array:
            derivatives = evaluated(LearnedResponse.derivatives, response, events.x)[:, a]
            own = order[events.process]
            each = np.take_along_axis(derivatives, np.maximum(own, 0)[None], axis=0)[0]
            return np.where(own >= 0, each, 0.0).astype(float)

        (first, varied), *others = (
            (side, simulated_events(analysis, columns, mva, nuisance, side))
            for side in nuisance.sides
        )
        base = others[0][1] if others else nominal
        unit = (1.0 if others else 2.0) * (1.0 if first == "up" else -1.0)
        validation = analysis.folds.validation(fold)
        found[nuisance.name] = judged(score, nominal, varied, base, unit, validation, paired=True)
    return found


def described(closure: Closure) -> ClosureOfScore:
    """As a file has it."""
    return {"chi2": closure.chi2, "number": closure.number}


def score_closure(score: EfficientScore, events: Mapping[str, Copied], bins: int) -> Closure:
    """The closure of the efficient score, of the processes that have learned responses together."""
    assert score.learned is not None
    places, weights, found = [], [], []
    for process, own in events.items():
        rows = [
            np.floor(bins * evaluated(EfficientScore.scores, score, x)[0]).astype(int)
            for x in own.x
        ]
        places.append(np.clip(np.array(rows), 0, bins - 1))
        weights.append(own.weight)
        found.append(ratios(score.learned, process, own))
    place, weight, ratio = (np.concatenate(arrays, axis=1) for arrays in (places, weights, found))
    return compare(place, weight, ratio, bins)
