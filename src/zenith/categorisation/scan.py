"""How many categories are enough: what every number reaches on unseen events, and the knee.

Z on unseen events is of hard categories, with an error from a bootstrap of the events. All numbers
see the same replicas, so that errors of differences are paired.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from zenith.artefacts.categories import CategoryScan, NumberRow, ReferencePoint
from zenith.categorisation.baselines import Reference
from zenith.categorisation.category_files import Found
from zenith.categorisation.scored import Scored, report
from zenith.core.categories.counting import SMALLEST
from zenith.core.categories.task import Aim
from zenith.core.categories.yields import Tally
from zenith.statistics.bootstrap import spread


class Knee(NamedTuple):
    """The number that is chosen, the one of the largest Z, and how far they are apart."""

    number: int
    best: int
    difference: float
    error: float  # of the difference, paired


def bootstrap(
    parted: Iterable[tuple[NDArray[np.integer], int]],
    scored: Scored,
    aim: Aim,
    replicas: int,
    seed: int,
) -> NDArray[np.float64]:
    """Z of several sets of categories on bootstraps of the events, (replicas, sets).

    A set is the category (N,) of each event and K. In a replica an event counts as often as a
    Poisson number of mean 1 says, the same for every set. NaN where a fit did not converge.
    """
    events = scored.tallied(aim)
    used, samples = events.used, events.tally.samples
    events = events.take(used)
    sets = [
        ((events.sample * number + category[used]).astype(np.int32), number)
        for category, number in parted
    ]
    random = np.random.default_rng(seed)
    sums: list[list[NDArray[np.float64]]] = [[] for _ in sets]
    for _ in range(replicas):
        columns = events.columns * random.poisson(1.0, len(events.sample))
        for found, (cell, number) in zip(sums, sets, strict=True):
            rows = [np.bincount(cell, column, samples * number) for column in columns]
            found.append(np.concatenate(rows).reshape(-1, number).astype(np.float64))
    return np.stack([significance(np.stack(found), events.tally, aim) for found in sums], axis=1)


def significance(sums: NDArray[np.float64], tally: Tally, aim: Aim) -> NDArray[np.float64]:
    """Z (replicas,) of sums (replicas, rows, K), as `report` has it."""
    z = _significances(aim, tally, sums)
    return np.where(np.isnan(z).any(axis=1), np.nan, np.asarray(aim.counting.combine(z)))


@partial(jax.jit, static_argnums=(0, 1))
def _significances(aim: Aim, tally: Tally, sums: NDArray[np.float64]) -> jax.Array:
    def of_one(rows: jax.Array) -> jax.Array:
        yields = tally.read(rows)
        known = yields.background > SMALLEST
        return aim.significances(jax.tree.map(lambda part: part * known, yields))

    return jax.vmap(of_one)(jnp.asarray(sums))


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
) -> CategoryScan:
    """What learned categories, by the number asked for, and references reach.

    Returns `numbers`, in ascending order, with Z on `train` and `unseen` events, errors and the
    difference to the best; `references` by name; and the `knee`, the number that is chosen.
    """
    first = next(iter(learned.values()))
    numbers = sorted(learned)
    parts = {
        number: {"train": learned[number].report(train), "unseen": learned[number].report(unseen)}
        for number in numbers
    }
    z = np.array([parts[number]["unseen"]["z"] for number in numbers])
    found = bootstrap(
        [(learned[n].category(unseen), learned[n].number) for n in numbers],
        unseen,
        first.task(unseen).aim,
        replicas,
        seed,
    )
    chosen = knee(z, found, tolerance)
    rows: list[NumberRow] = [
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
    others: dict[str, list[ReferencePoint]] = {}
    for reference in references:
        seen, new = (
            report(
                reference.category(part),
                reference.number,
                part,
                first.task(part),
            )
            for part in (train, unseen)
        )
        others.setdefault(reference.name, []).append(
            {
                "categories": reference.number,
                "train": seen["z"],
                "unseen": new["z"],
                "meets_requirements": all(seen["meets_requirements"]),
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
