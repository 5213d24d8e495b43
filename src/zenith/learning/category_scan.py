"""How many categories are enough: what every number reaches on unseen events, and the knee.

Z on unseen events is of hard categories, with an error from a bootstrap of the events. All numbers
see the same replicas, so that errors of differences are paired.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zenith.core.counting import SMALLEST, Counting, combined
from zenith.learning.category_files import Found
from zenith.learning.references import Reference
from zenith.learning.scored import Scored, report
from zenith.learning.spread import spread


class Knee(NamedTuple):
    """The number that is chosen, the one of the largest Z, and how far they are apart."""

    number: int
    best: int
    difference: float
    error: float  # of the difference, paired


def bootstrap(
    parted: Iterable[tuple[NDArray[np.integer], int]],
    scored: Scored,
    counting: Counting,
    replicas: int,
    seed: int,
) -> NDArray[np.float64]:
    """Z of several sets of categories on bootstraps of the events, (replicas, sets).

    A set is the category (N,) of each event and K. In a replica an event counts as often as a
    Poisson number of mean 1 says, the same for every set.
    """
    signals = len(scored.signal_labels)
    cells = [
        (((scored.signal + 1) * number + category).astype(np.int32), number)
        for category, number in parted
    ]
    random = np.random.default_rng(seed)
    sums: list[list[NDArray[np.float64]]] = [[] for _ in cells]
    for _ in range(replicas):
        weight = scored.weight * random.poisson(1.0, len(scored.weight))
        for found, (cell, number) in zip(sums, cells, strict=True):
            total = np.bincount(cell, weight, (signals + 1) * number).astype(np.float64)
            found.append(total.reshape(signals + 1, number))
    z = [_significance(np.stack(found), counting) for found in sums]
    return np.stack(z, axis=1)


def _significance(yields: NDArray[np.float64], counting: Counting) -> NDArray[np.float64]:
    """Z (replicas,) of yields (replicas, background and signals, K), as `report` has it."""
    background = yields[:, 0]
    q0 = np.asarray(counting.discovery(yields[:, 1:], background))
    q0 = q0 * (background > SMALLEST)[:, None]
    return np.asarray(counting.combine(combined(q0)))


def knee(z: NDArray[np.float64], replicas: NDArray[np.float64], tolerance: float) -> Knee:
    """The first of several sets whose Z is as good as the best: sets in ascending number.

    As good is within `tolerance`, relative, or within the error of the difference; `z` is (sets,),
    `replicas` (replicas, sets).
    """
    best = int(np.argmax(z))
    for k in range(best + 1):
        error = spread(replicas[:, best] - replicas[:, k])
        if z[best] - z[k] <= max(tolerance * z[best], error):
            return Knee(k, best, float(z[best] - z[k]), error)
    raise AssertionError("the best is as good as itself")


def scan(
    learned: Mapping[int, Found],
    references: Iterable[Reference],
    train: Scored,
    unseen: Scored,
    *,
    tolerance: float,
    replicas: int,
    seed: int,
) -> dict[str, Any]:
    """What learned categories, by the number asked for, and references reach.

    Returns `numbers`, in ascending order, with Z on `train` and `unseen` events, errors and the
    difference to the best; `references` by name; and the `knee`, the number that is chosen.
    """
    first = next(iter(learned.values()))
    counting, need = first.counting, first.requirements
    numbers = sorted(learned)
    category = {number: learned[number].category(unseen) for number in numbers}
    parts = {
        number: {
            "train": learned[number].report(train),
            "unseen": report(category[number], learned[number].number, unseen, counting, need),
        }
        for number in numbers
    }
    z = np.array([parts[number]["unseen"]["z"] for number in numbers])
    found = bootstrap(
        [(category[n], learned[n].number) for n in numbers], unseen, counting, replicas, seed
    )
    chosen = knee(z, found, tolerance)
    rows = [
        {
            "asked": number,
            "categories": learned[number].number,
            "train": parts[number]["train"]["z"],
            "unseen": parts[number]["unseen"]["z"],
            "unseen_error": spread(found[:, k]),
            "below_best": float(z[chosen.best] - z[k]),
            "below_best_error": spread(found[:, chosen.best] - found[:, k]),
            "unseen_of_signal": parts[number]["unseen"]["z_of_signal"],
        }
        for k, number in enumerate(numbers)
    ]
    others: dict[str, list[dict[str, Any]]] = {}
    for reference in references:
        seen, new = (
            report(reference.category(part), reference.number, part, counting, need)
            for part in (train, unseen)
        )
        others.setdefault(reference.name, []).append(
            {
                "categories": reference.number,
                "train": seen["z"],
                "unseen": new["z"],
                "meets_requirements": bool(seen["meets_requirements"].all()),
            }
        )
    return {
        "numbers": rows,
        "references": others,
        "knee": {
            "asked": numbers[chosen.number],
            "best": numbers[chosen.best],
            "below_best": chosen.difference,
            "below_best_error": chosen.error,
            "tolerance": tolerance,
        },
        "unseen": parts[numbers[chosen.number]]["unseen"],
    }
