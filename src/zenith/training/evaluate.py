"""How well a network separates its classes, on weighted events."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import kstwo

from zenith.config.networks.settings import Mva
from zenith.core.networks.network import Network
from zenith.errors import InputError
from zenith.training.examples import Examples
from zenith.training.measures import Ranked
from zenith.training.scores import scores_of

Array = NDArray[np.float64]


class Roc(NamedTuple):
    """Efficiencies of cuts `score > t`, from none to all events."""

    other: Array  # (points,) share of the weight of the other classes that passes
    efficiency: Array  # (points,) share of the weight of the class that passes

    @property
    def auc(self) -> float:
        """Probability that an event of the class has the higher score; equal scores count half."""
        return float(np.trapezoid(self.efficiency, self.other))


def roc(score: ArrayLike, is_class: ArrayLike, weight: ArrayLike) -> Roc:
    """The ROC curve of a score, (N,), for the events in the class against all others."""
    ranked, is_class = Ranked.of(score), np.asarray(is_class, bool)
    weight = np.asarray(weight, float)
    return Roc(
        *(ranked.efficiency(np.where(which, weight, 0.0)) for which in (~is_class, is_class))
    )


def areas(network: Network, mva: Mva, events: Examples) -> dict[str, float]:
    """The area under the ROC curve of each class that is scored, against all others."""
    classes = tuple(mva.classes)
    scores = scores_of(network, events.x, events.objects)
    return {
        name: roc(score, events.label == classes.index(name), events.weight).auc
        for name, score in zip(network.classes or classes[-1:], scores, strict=True)
    }


class KolmogorovSmirnov(NamedTuple):
    """Largest distance of two cumulative distributions, and how probable one as large is."""

    distance: float
    p_value: float


def kolmogorov_smirnov(
    a: ArrayLike, weight_a: ArrayLike, b: ArrayLike, weight_b: ArrayLike
) -> KolmogorovSmirnov:
    """Two-sample test of weighted values.

    The p-value is that of n·m / (n + m) events, rounded, with the effective numbers n and m,
    (Σw)² / Σw²: exact in the limit for equal weights, an approximation for others.
    """
    samples = [(np.asarray(x), np.asarray(w, float)) for x, w in ((a, weight_a), (b, weight_b))]
    points = np.sort(np.concatenate([x for x, _ in samples]))
    cumulative, numbers = [], []
    for x, weight in samples:
        order = np.argsort(x, kind="stable")
        sums = np.append(0.0, np.cumsum(weight[order]))
        cumulative.append(sums[np.searchsorted(x[order], points, side="right")] / sums[-1])
        numbers.append(weight.sum() ** 2 / (weight**2).sum())
    distance = float(np.abs(cumulative[0] - cumulative[1]).max())
    n, m = numbers
    return KolmogorovSmirnov(distance, float(kstwo.sf(distance, max(1, np.round(n * m / (n + m))))))


class Evaluation(NamedTuple):
    """Scores and what they are worth."""

    scores: dict[str, dict[str, NDArray[np.float32]]]  # part → class that is scored → (N,)
    curves: dict[str, Roc]  # class that is scored → ROC on unseen events
    overtraining: dict[str, KolmogorovSmirnov]  # class → its score in training against unseen
    uncalibrated: dict[str, NDArray[np.float32]]  # unseen scores before a calibration, if any


def evaluate(network: Network, mva: Mva, parts: Mapping[str, Examples]) -> Evaluation:
    """Judge a network on the parts `train` and `test` of the events, with their true weights.

    Of two classes only the last is scored; of more, each is, against all others.

    Raises `InputError` for a class whose weights in `test` do not add up to more than 0.
    """
    classes = tuple(mva.classes)
    for k, name in enumerate(classes):
        total = parts["test"].weight[parts["test"].label == k].sum()
        if not total > 0.0:
            raise InputError(
                f"the weights of class {name!r} add up to {total:g} in the unseen events: nothing "
                "can be judged; add events of it, or correct the weights"
            )
    scored = network.classes or classes[-1:]
    values = {
        part: dict(zip(scored, scores_of(network, events.x, events.objects), strict=True))
        for part, events in parts.items()
    }
    test = parts["test"]
    curves = {
        name: roc(values["test"][name], test.label == classes.index(name), test.weight)
        for name in scored
    }
    overtraining = {}
    for k, name in enumerate(classes):
        own = name if name in scored else scored[-1]
        pairs: list[Any] = []
        for part in ("train", "test"):
            chosen = parts[part].label == k
            pairs += [values[part][own][chosen], parts[part].weight[chosen]]
        overtraining[name] = kolmogorov_smirnov(*pairs)
    raw: dict[str, NDArray[np.float32]] = {}
    if (before := network.uncalibrated) is not network:
        raw = dict(zip(scored, scores_of(before, test.x, test.objects), strict=True))
    return Evaluation(values, curves, overtraining, raw)


def together(
    judged: Sequence[Evaluation], mva: Mva, parts: Sequence[Mapping[str, Examples]]
) -> tuple[Evaluation, dict[str, Examples]]:
    """The evaluations of all folds as one, with the events: `test` is then the union of the folds.

    Each event of it is scored by the network that reads its fold. Of `train` each event counts with
    the mean of the networks that it taught. A p-value is the smallest of the folds times their
    number (Bonferroni), at most 1: the folds have events in common, each for itself has none.
    """
    classes = tuple(mva.classes)
    examples = {
        part: Examples.joined([of_fold[part] for of_fold in parts]) for part in ("train", "test")
    }
    train, copies = examples["train"], max(len(judged) - 2, 1)
    examples["train"] = train._replace(weight=train.weight / copies)
    values = {
        part: {
            name: np.concatenate([fold.scores[part][name] for fold in judged])
            for name in judged[0].scores[part]
        }
        for part in examples
    }
    test = examples["test"]
    curves = {
        name: roc(values["test"][name], test.label == classes.index(name), test.weight)
        for name in judged[0].curves
    }
    tests = {
        name: KolmogorovSmirnov(
            max(fold.overtraining[name].distance for fold in judged),
            min(1.0, len(judged) * min(fold.overtraining[name].p_value for fold in judged)),
        )
        for name in classes
    }
    before = {
        name: np.concatenate([fold.uncalibrated[name] for fold in judged])
        for name in judged[0].uncalibrated
    }
    return Evaluation(values, curves, tests, before), examples
