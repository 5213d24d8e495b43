"""Whether scores are probabilities: the share of a class against its score."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zenith.config.networks.settings import Mva
from zenith.training.examples import Examples

Array = NDArray[np.float64]


class Reliability(NamedTuple):
    """Of each bin of a score that has events, (bins,) each."""

    score: Array  # mean score
    share: Array  # share of the class
    error: Array  # statistical error of share - score


def learnt_weight(mva: Mva, events: Examples) -> Array:
    """The weights, (N,), in which the score is a probability: with those ratios of the classes.

    Unless `balance` is `none`, every class is learnt with the same sum of weights.
    """
    if mva.balance == "none":
        return events.weight
    sums = np.bincount(events.label, events.weight, minlength=len(mva.classes))
    return np.asarray(events.weight / sums[events.label])


def expected_calibration_error(
    score: ArrayLike, is_class: ArrayLike, weight: ArrayLike, bins: int = 10
) -> float:
    """Mean distance of score and share, over equal bins of the score with their weights.

    Σ over bins of |Σ w (y - s)|, divided by Σ w, with y = 1 for events of the class, (N,): what
    arXiv:1706.04599 has for events of equal weight.
    """
    score, weight = np.asarray(score, float), np.asarray(weight, float)
    away = np.bincount(_bin(score, bins), weight * (np.asarray(is_class, float) - score), bins)
    return float(np.abs(away).sum() / weight.sum())


def calibration_errors(
    mva: Mva, events: Examples, scores: Mapping[str, ArrayLike]
) -> dict[str, float]:
    """The expected calibration error of the score of each class, (N,), in `learnt_weight`s."""
    classes, weight = tuple(mva.classes), learnt_weight(mva, events)
    return {
        c: expected_calibration_error(score, events.label == classes.index(c), weight)
        for c, score in scores.items()
    }


def _bin(score: Array, bins: int) -> NDArray[np.intp]:
    return np.clip((score * bins).astype(np.intp), 0, bins - 1)


def reliability(
    score: ArrayLike, is_class: ArrayLike, weight: ArrayLike, bins: int = 10
) -> Reliability:
    """Scores and shares in equal bins of the score from 0 to 1; events are (N,).

    A bin whose weights add up to nothing, or less, is left out. The variance is that of
    Σ w (y - s) / Σ w, with y = 1 for events of the class.
    """
    score, weight = np.asarray(score, float), np.asarray(weight, float)
    y = np.asarray(is_class, float)
    index = _bin(score, bins)

    def sums(values: Array) -> Array:
        return np.asarray(np.bincount(index, values, minlength=bins), float)

    total, variance = sums(weight), sums((weight * (y - score)) ** 2)
    some = total > 0.0
    mean, share = (sums(weight * values)[some] / total[some] for values in (score, y))
    return Reliability(mean, share, np.sqrt(variance[some]) / total[some])
