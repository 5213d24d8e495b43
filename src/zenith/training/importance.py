"""What a network loses where an input says nothing: permutation importance."""

import zlib
from collections.abc import Iterator

import numpy as np

from zenith.artefacts.metrics import Measured
from zenith.config.networks.settings import Mva
from zenith.core.networks.network import Network, Objects
from zenith.training.examples import Examples
from zenith.training.measures import Ranked, auc
from zenith.training.scores import scores_of

EVENTS = 10_000  # at most
REPEATS = 3


def importances(
    name: str, network: Network, mva: Mva, events: Examples, seed: int
) -> dict[str, Measured]:
    """How much the area under the curve falls where one input is shuffled among the events.

    Breiman, Machine Learning 45 (2001) 5; the mean over the classes that are scored, and over
    `REPEATS` orders, of which the error is the standard error. Inputs are features, and fields of
    objects, `collection.field`, whose values are shuffled among the objects that there are.
    """
    random = np.random.default_rng([seed, zlib.crc32(f"importance in {name}".encode())])
    some = random.permutation(len(events.label))[:EVENTS]
    events = events.take(np.sort(some))
    classes = tuple(mva.classes)
    scored = network.classes or classes[-1:]

    def area(shuffled: Examples) -> float:
        rows = zip(scored, scores_of(network, shuffled.x, shuffled.objects), strict=True)
        return float(np.mean([
            auc(Ranked.of(score), events.label == classes.index(c), events.weight)
            for c, score in rows
        ]))  # fmt: skip

    best, found = area(events), dict[str, Measured]()
    for key, shuffled in _shuffled(mva, events, random):
        losses = [best - area(one) for one in shuffled]
        error = np.std(losses, ddof=1) / np.sqrt(REPEATS)
        found[key] = {"value": float(np.mean(losses)), "error": float(error)}
    return found


def _shuffled(
    mva: Mva, events: Examples, random: np.random.Generator
) -> Iterator[tuple[str, Iterator[Examples]]]:
    def of_feature(k: int) -> Iterator[Examples]:
        for _ in range(REPEATS):
            x = events.x.copy()
            x[k] = random.permutation(x[k])
            yield events._replace(x=x)

    def of_field(name: str, k: int) -> Iterator[Examples]:
        values, valid = (np.asarray(array) for array in events.objects[name])
        for _ in range(REPEATS):
            moved = values.copy()
            moved[k][valid] = random.permutation(values[k][valid])
            changed = {name: Objects(moved, valid)}  # type: ignore[arg-type]  # of numpy
            yield events._replace(objects={**events.objects, **changed})

    for k, feature in enumerate(mva.features):
        yield feature, of_feature(k)
    for name, read in mva.objects.items():
        for k, field in enumerate(read.fields):
            yield f"{name}.{field}", of_field(name, k)
