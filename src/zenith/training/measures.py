"""What scores are worth on unseen events, with bootstrap errors, and which events score highest."""

import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zenith.artefacts.metrics import Dependence, HighEvent, Measured, Measures
from zenith.config.networks.settings import Mva
from zenith.training.dependence import EVENTS, distance_correlation_squared
from zenith.training.examples import Examples
from zenith.training.reliability import learnt_weight

Array = NDArray[np.float64]

WORKING_POINTS = (0.3, 0.5, 0.7, 0.9)  # efficiencies for a class
REPLICAS = 100  # of the events, at most, with weights times Poisson numbers of mean 1
NUMBERS = 10_000_000  # of weights in all replicas of many events
FEWEST = 10  # replicas
BLOCK = 2**22  # numbers in memory at once
POINTS = 10_000  # scores that replicas tell apart, for errors that are not known to 1 % anyway
SMALLEST = 1e-12  # probability, of which the logarithm is taken
LISTED = 10  # events of the highest scores


class Ranked(NamedTuple):
    """Events in the order of their scores, the highest first; weights are (…, N)."""

    point: NDArray[np.intp]  # the number of the score of each event, from 0, (N,)
    points: int

    @classmethod
    def of(cls, score: ArrayLike) -> "Ranked":
        """Of scores (N,)."""
        score = np.asarray(score)
        order = np.argsort(-score, kind="stable")
        ranked = score[order]
        number = np.append(0, np.cumsum(ranked[1:] != ranked[:-1]))[: len(score)]
        point = np.empty(len(score), np.intp)
        point[order] = number
        return cls(point, int(number[-1]) + 1 if len(score) else 0)

    def at_most(self, points: int) -> "Ranked":
        """With neighbours not told apart where there are more scores than `points`."""
        if self.points <= points:
            return self
        return Ranked(self.point * points // self.points, points)

    def passed(self, weight: Array) -> Array:
        """Σ w of the events above each score, (…, 1 + points), from none to all."""
        rows = weight.reshape(-1, weight.shape[-1])
        sums = [np.bincount(self.point, row, self.points).cumsum() for row in rows]
        above = np.asarray(sums).reshape(*weight.shape[:-1], self.points)
        return np.concatenate([np.zeros((*above.shape[:-1], 1)), above], axis=-1)

    def efficiency(self, weight: Array) -> Array:
        """The same as a share of all."""
        passed = self.passed(weight)
        return np.asarray(passed / passed[..., -1:])


def auc(ranked: Ranked, is_class: NDArray[np.bool_], weight: Array) -> Array:
    """Area under the ROC curve, (…,): equal scores count half."""
    own, other = (ranked.efficiency(weight * chosen) for chosen in (is_class, ~is_class))
    return np.asarray(np.trapezoid(own, other, axis=-1))


def average_precision(ranked: Ranked, is_class: NDArray[np.bool_], weight: Array) -> Array:
    """Σ (R_n - R_{n-1}) P_n over scores, of recall R and precision P of the events above, (…,)."""
    own, everything = ranked.passed(weight * is_class), ranked.passed(weight)
    some = everything[..., 1:] > 0.0
    precision = np.where(some, own[..., 1:] / np.where(some, everything[..., 1:], 1.0), 0.0)
    return np.asarray((np.diff(own, axis=-1) * precision).sum(axis=-1) / own[..., -1])


def background_efficiencies(
    ranked: Ranked,
    is_class: NDArray[np.bool_],
    weight: Array,
    points: ArrayLike = WORKING_POINTS,
) -> Array:
    """The share of other events above the score with each efficiency for the class, (…, points)."""
    own, other = (ranked.efficiency(weight * chosen) for chosen in (is_class, ~is_class))
    own = np.maximum.accumulate(own, axis=-1)  # negative weights make it fall
    shape = (*own.shape[:-1], np.size(points))
    rows = zip(own.reshape(-1, own.shape[-1]), other.reshape(-1, own.shape[-1]), strict=True)
    at = np.asarray(points, float)
    return np.array([np.interp(at, a, b) for a, b in rows]).reshape(shape)


def probabilities(scores: Mapping[str, ArrayLike], classes: tuple[str, ...]) -> Array:
    """Of all classes, (classes, N): of two, only the last is scored."""
    rows = [np.asarray(score, float) for score in scores.values()]
    return np.array(rows if len(rows) == len(classes) else [1.0 - rows[0], rows[0]])


def confusion(probability: Array, label: NDArray[np.integer], weight: Array) -> Array:
    """Shares of each true class whose highest score is that of each class, (…, true, assigned)."""
    classes, highest = len(probability), probability.argmax(axis=0)
    table = np.stack(
        [
            (weight * ((label == true) & (highest == assigned))).sum(axis=-1)
            for true in range(classes)
            for assigned in range(classes)
        ],
        axis=-1,
    ).reshape(*weight.shape[:-1], classes, classes)
    return np.asarray(table / table.sum(axis=-1, keepdims=True))


def measures(
    name: str, mva: Mva, events: Examples, scores: Mapping[str, ArrayLike], seed: int
) -> Measures:
    """All of them, of unseen events and their scores (N,) by class, with bootstrap errors.

    The area under the curve and shares at working points have the true weights; precision,
    accuracy and log-loss those in which the score is a probability (`learnt_weight`).
    """
    classes, label = tuple(mva.classes), events.label
    probability = probabilities(scores, classes)
    truth = np.clip(probability[label, np.arange(len(label))], SMALLEST, None)
    right = probability.argmax(axis=0) == label
    learnt = learnt_weight(mva, events)

    random = np.random.default_rng([seed, zlib.crc32(f"bootstrap of {name}".encode())])
    number = min(REPLICAS, max(FEWEST, NUMBERS // max(len(label), 1)))
    replicas = random.poisson(1.0, (number, len(label))).astype(np.uint8)

    def bootstrapped(
        measure: Callable[[Array], Array],
        weight: Array,
        chosen: NDArray[np.bool_] | slice = slice(None),
        of_replicas: Callable[[Array], Array] | None = None,
    ) -> Iterator[Measured]:
        """Value and error of each number of a measure of weights (…, N), or of the chosen."""
        rows = max(1, BLOCK // len(weight))
        starts = range(0, number, rows)
        repeat = of_replicas or measure
        with np.errstate(invalid="ignore", divide="ignore"):  # a replica may lack a class
            found = [repeat(weight * replicas[start : start + rows, chosen]) for start in starts]
            errors = np.nan_to_num(np.nanstd(np.concatenate(found), axis=0, ddof=1))
        for value, error in zip(np.ravel(measure(weight)), np.ravel(errors), strict=True):
            yield {"value": float(value), "error": float(error)}

    def mean(values: Array, chosen: NDArray[np.bool_] | slice = slice(None)) -> Measured:
        own = values[chosen]
        weight = learnt[chosen]
        return next(bootstrapped(lambda w: (w * own).sum(-1) / w.sum(-1), weight, chosen))

    found: Measures = {
        "auc": {},
        "average_precision": {},
        "accuracy": {"all": mean(right.astype(float))},
        "log_loss": {"all": mean(-np.log(truth))},
        "background_efficiency": {},
        "confusion": {
            true: dict(zip(classes, map(float, row), strict=True))
            for true, row in zip(classes, confusion(probability, label, learnt), strict=True)
        },
    }
    for k, of_class in enumerate(classes):
        own = label == k
        found["accuracy"][of_class] = mean(right.astype(float), own)
        found["log_loss"][of_class] = mean(-np.log(truth), own)
    for of_class, score in scores.items():
        own, ranked = label == classes.index(of_class), Ranked.of(score)
        fewer = ranked.at_most(POINTS)

        def above(
            measure: Callable[[Ranked, NDArray[np.bool_], Array], Array],
            weight: Array,
            ranked: tuple[Ranked, Ranked] = (ranked, fewer),
            own: NDArray[np.bool_] = own,
        ) -> Iterator[Measured]:
            one, of_replicas = (partial(measure, of_scores, own) for of_scores in ranked)
            return bootstrapped(one, weight, of_replicas=of_replicas)

        found["auc"][of_class] = next(above(auc, events.weight))
        found["average_precision"][of_class] = next(above(average_precision, learnt))
        found["background_efficiency"][of_class] = {}
        for k, other in enumerate(classes):
            if other != of_class:
                pair = np.where(own | (label == k), events.weight, 0.0)
                shares = above(background_efficiencies, pair)
                found["background_efficiency"][of_class][other] = dict(
                    zip(map(str, WORKING_POINTS), shares, strict=True)
                )
    if dependences := dependence(name, mva, events, scores, seed):
        found["distance_correlation"] = dependences
    return found


def dependence(
    name: str, mva: Mva, events: Examples, scores: Mapping[str, ArrayLike], seed: int
) -> dict[str, Dependence]:
    """R² of scores and each observable that is read beside features, in the classes that matter.

    Those are the ones of the loss, else all but the last. Of many events a sample is taken.
    """
    found: dict[str, Dependence] = {}
    random = np.random.default_rng([seed, zlib.crc32(f"dependence of {name}".encode())])
    for observable, where in mva.read_beside.items():
        of = [k for k, c in enumerate(mva.classes) if c in where and c in mva.decorrelated]
        here = np.flatnonzero(np.isin(events.label, of) & (events.weight != 0.0))
        if len(here) > EVENTS:
            here = np.sort(random.choice(here, EVENTS, replace=False))
        if len(here) < 2:
            continue
        score = np.array([np.asarray(row, float)[here] for row in scores.values()])
        weight = events.weight[here] * np.concatenate(
            [np.ones((1, len(here))), random.poisson(1.0, (REPLICAS, len(here)))]
        )
        squared, chance = distance_correlation_squared(
            score, events.observables[observable][here], weight
        )
        found[observable] = {
            "value": float(squared[0]),
            "error": float(squared[1:].std(ddof=1)),
            "by_chance": float(chance[0]),
        }
    return found


def counting_significance(
    score: ArrayLike, is_signal: NDArray[np.bool_], weight: Array, bins: int = 100
) -> tuple[Array, Array]:
    """Thresholds of a score, and √(2 (s + b) ln(1 + s / b) - 2 s) of the events above each.

    arXiv:1007.1727. Thresholds are equidistant from 0 to 1; those above which the background has
    less than ten effective events, or s or b is not positive, are left out.
    """
    index = np.clip((np.asarray(score, float) * bins).astype(np.intp), 0, bins - 1)

    def above(values: Array) -> Array:
        return np.asarray(np.bincount(index, values, bins)[::-1].cumsum()[::-1], float)

    s, b = above(weight * is_signal), above(weight * ~is_signal)
    squares = above(weight**2 * ~is_signal)
    some = (s > 0.0) & (b > 0.0) & (b**2 >= 10.0 * squares)
    s, b = s[some], b[some]
    z = np.sqrt(np.maximum(2.0 * ((s + b) * np.log1p(s / b) - s), 0.0))
    return np.arange(bins)[some] / bins, z


def highest_events(
    mva: Mva, events: Examples, scores: Mapping[str, ArrayLike], number: int = LISTED
) -> dict[str, list[HighEvent]]:
    """The events with the highest score for each class: what they are and what is in them.

    Of a collection the fields of the objects that are there, the leading one first.
    """
    classes, found = tuple(mva.classes), {}
    for of_class, score in scores.items():
        chosen = np.argsort(-np.asarray(score), kind="stable")[:number]
        found[of_class] = [_event(mva, classes, events, float(np.asarray(score)[i]), i)
                           for i in chosen]  # fmt: skip
    return found


def _event(mva: Mva, classes: tuple[str, ...], events: Examples, score: float, i: int) -> HighEvent:
    objects = {}
    for name, read in mva.objects.items():
        values, valid = (np.asarray(array)[..., i] for array in events.objects[name])
        rows = zip(read.fields, values[:, valid], strict=True)
        objects[name] = {field: [_known(value) for value in row] for field, row in rows}
    return {
        "score": score,
        "class": classes[events.label[i]],
        "weight": float(events.weight[i]),
        "features": {
            name: _known(value) for name, value in zip(mva.features, events.x[:, i], strict=True)
        },
        "objects": objects,
    }


def _known(value: np.floating) -> float | None:
    return None if np.isnan(value) else float(value)
