"""Whether scores are probabilities: the share of a class against its score."""

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


def reliability(
    score: ArrayLike, is_class: ArrayLike, weight: ArrayLike, bins: int = 10
) -> Reliability:
    """Scores and shares in equal bins of the score from 0 to 1; events are (N,).

    A bin whose weights add up to nothing, or less, is left out. The variance is that of
    Σ w (y - s) / Σ w, with y = 1 for events of the class.
    """
    score, weight = np.asarray(score, float), np.asarray(weight, float)
    y = np.asarray(is_class, float)
    index = np.clip((score * bins).astype(int), 0, bins - 1)

    def sums(values: Array) -> Array:
        return np.asarray(np.bincount(index, values, minlength=bins), float)

    total, variance = sums(weight), sums((weight * (y - score)) ** 2)
    some = total > 0.0
    mean, share = (sums(weight * values)[some] / total[some] for values in (score, y))
    return Reliability(mean, share, np.sqrt(variance[some]) / total[some])
