"""The toy with known densities (`zenith.simulation.summary_toy`) as an analysis."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from zenith.events.numbers import Numbers
from zenith.events.objects import Objects
from zenith.observable import exact_ratio, observable, shift

# The functions import the toy where they need it: JAX takes a second, and most steps only ask for
# what this module has.


@observable()
def mass(objects: Objects) -> Any:
    """The feature like a mass."""
    return objects.event.toy_mass


@observable()
def jet(objects: Objects) -> Any:
    """The feature like a jet."""
    return objects.event.toy_jet


@observable()
def pt_h(objects: Objects) -> Any:
    """The feature like the transverse momentum of a Higgs boson."""
    return objects.event.toy_pt_h


@observable()
def met(objects: Objects) -> Any:
    """The feature like missing momentum."""
    return objects.event.toy_met


@observable()
def accepted(objects: Objects) -> Any:
    """1 for an event that is accepted, else 0."""
    return objects.event.toy_accepted


@shift(t=0.0, j=0.0, s=0.0)
def shapes(events: Numbers, t: float, j: float, s: float) -> Mapping[str, Any]:
    """Events keep their Gaussian, which moves, and are accepted as the yield follows."""
    from zenith.simulation.summary_toy import EXPECTED, log_yields, moved
    from zenith.simulation.summary_toy_events import NAMES

    point = np.array([t, j, s, 0.0, 0.0, 0.0])
    process, gaussian = (events[f"toy_{n}"].astype(int) for n in ("process", "gaussian"))
    x = np.stack([events[f"toy_{name}"] for name in NAMES], axis=-1)
    there = moved(process, gaussian, x, point)
    ratio = (np.exp(np.asarray(log_yields(point))) / EXPECTED)[process]
    features = {f"toy_{name}": there[:, k] for k, name in enumerate(NAMES)}
    return {**features, "toy_accepted": events["toy_threshold"] < ratio}


@exact_ratio
def known_ratio(values: Mapping[str, Any], process: str, pulls: Mapping[str, float]) -> Any:
    """Of the known density and yield of the process."""
    from zenith.simulation.summary_toy import NUISANCES, log_ratio
    from zenith.simulation.summary_toy_events import NAMES

    x = np.stack([values[name] for name in NAMES], axis=-1)
    point = np.array([pulls.get(name, 0.0) for name in NUISANCES])
    return np.asarray(log_ratio(process, x, point))
