"""Classes of unequal size, and events of negative weight: what the training makes of them."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from zenith.errors import InputError
from zenith.training.examples import Examples

Balance = Literal["none", "undersample", "oversample", "class_weights"]
NegativeWeights = Literal["keep", "absolute", "drop"]


def without_negative(events: Examples, rule: NegativeWeights) -> Examples:
    """What training sees of events of negative weight, which generators at NLO give.

    `keep` leaves them: on average the loss is right, but it has no lower bound where they prevail.
    `absolute` takes |w|: bounded, and exact where the share of negative weights does not depend on
    the features. `drop` leaves them out. Whatever the rule, AUC and figures use the true weights.
    """
    if rule == "absolute":
        return events._replace(weight=np.abs(events.weight))
    return events.take(events.weight >= 0.0) if rule == "drop" else events


def balanced(
    events: Examples, classes: Sequence[str], how: Balance, random: np.random.Generator
) -> Examples:
    """The events, with weights whose mean is 1.

    Sampling makes the number of events of all classes equal: `undersample` draws from each as many
    as the smallest has, `oversample` repeats those of smaller classes until they are as many as
    those of the largest. The two and `class_weights` then scale the weights of each class so that
    all classes have the same sum; `none` leaves their ratios as they are expected.

    Raises `InputError` for a class whose weights do not add up to more than 0.
    """
    indices = [np.flatnonzero(events.label == k) for k in range(len(classes))]
    _check(classes, [events.weight[chosen].sum() for chosen in indices])
    counts = [len(chosen) for chosen in indices]
    if how == "undersample":
        indices = [_draw(chosen, min(counts), random) for chosen in indices]
    elif how == "oversample":
        indices = [_draw(chosen, max(counts), random) for chosen in indices]
    taken = events.take(np.concatenate(indices))
    weight = taken.weight.copy()
    if how != "none":
        for k in range(len(classes)):
            weight[taken.label == k] /= weight[taken.label == k].sum()
    return taken._replace(weight=weight * (len(weight) / weight.sum()))


def class_factors(
    classes: Sequence[str],
    numbers: NDArray[np.int64],
    sums: NDArray[np.float64],
    how: Balance,
) -> NDArray[np.float64]:
    """What `balanced` multiplies the weights of each class by, (classes,), where it draws none.

    Of the numbers of events and the sums of their weights; raises as it does.
    """
    _check(classes, sums)
    if how == "none":
        return np.full(len(classes), numbers.sum() / sums.sum())
    return np.asarray(numbers.sum() / (len(classes) * sums))


def _check(classes: Sequence[str], sums: Sequence[float] | NDArray[np.float64]) -> None:
    for of_class, total in zip(classes, sums, strict=True):
        if not total > 0.0:
            raise InputError(
                f"the weights of class {of_class!r} add up to {total:g}: it cannot be learnt; "
                "choose another rule for negative_weights, or looser cuts"
            )


def _draw(indices: NDArray[np.intp], count: int, random: np.random.Generator) -> NDArray[np.intp]:
    """`count` of the indices: each equally often, up to one more for some, drawn at random."""
    repeats, rest = divmod(count, len(indices))
    return np.concatenate([np.tile(indices, repeats), random.choice(indices, rest, replace=False)])
