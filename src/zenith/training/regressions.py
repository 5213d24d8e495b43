"""The targets of regressions: their scales, and how well they are predicted."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts.metrics import Residuals
from zenith.config.networks.settings import Mva
from zenith.core.networks.network import Network
from zenith.errors import InputError
from zenith.training.examples import Examples
from zenith.training.scores import regressions_of


class _Target(NamedTuple):
    name: str
    chosen: NDArray[np.bool_]  # (N,), the events that have it
    values: NDArray[np.float64]  # of these
    weight: NDArray[np.float64]  # of these, none below 0


def _targets(mva: Mva, events: Examples) -> Iterator[_Target]:
    classes = tuple(mva.classes)
    for name, settings in mva.regressions.items():
        labels = [classes.index(of_class) for of_class in settings.classes or classes]
        chosen = np.isin(events.label, labels)
        values = events.observables[settings.target][chosen].astype(float)
        yield _Target(name, chosen, values, np.abs(events.weight[chosen]))


def target_scales(mva: Mva, events: Examples) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of every target, (regressions,) each, over absolute weights.

    Raises `InputError` for a target that never varies.
    """
    means, deviations = [], []
    for name, _, values, weight in _targets(mva, events):
        mean = np.average(values, weights=weight)
        deviation = np.sqrt(np.average((values - mean) ** 2, weights=weight))
        if not deviation > 0.0:
            raise InputError(
                f"regressions.{name}: the target {mva.regressions[name].target!r} is {mean:g} in "
                "all training events: nothing can be learnt of it; remove it"
            )
        means.append(mean)
        deviations.append(deviation)
    return np.array(means), np.array(deviations)


def residuals(network: Network, mva: Mva, events: Examples) -> dict[str, Residuals]:
    """Mean and standard deviation of prediction minus target for every regression, over |w|."""
    if not mva.regressions:
        return {}
    predicted = regressions_of(network, events.x, events.objects)
    found: dict[str, Residuals] = {}
    for name, chosen, values, weight in _targets(mva, events):
        difference = predicted[name][0, chosen] - values
        mean = np.average(difference, weights=weight)
        variance = np.average((difference - mean) ** 2, weights=weight)
        found[name] = {"mean": float(mean), "deviation": float(np.sqrt(variance))}
    return found
