"""Events of the toy with known densities as a NanoAOD-like file, which shifts can move.

An event has its features, the process and the Gaussian that it comes from, and a `threshold`: it is
accepted where the yield ratio of its process is above, so that a yield changes by events that come
and go, as it does with acceptances.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts.writing import atomic
from zenith.config.simulation import SummaryToyCard
from zenith.events.formats.arrays import Events, Table
from zenith.events.formats.writer import Writer
from zenith.simulation.simulate import EVENTS_PER_PART, EVENTS_PER_SECTION, seeds
from zenith.simulation.summary_toy import FEATURES, PROCESSES, drawn, place

NAMES = ("mass", "jet", "pt_h", "met")
EXCESS = 1.25  # generated events over those that are accepted at the nominal point


def simulate_summary_toy(
    card: SummaryToyCard,
    *,
    events: int,
    seed: int,
    part: int,
    output: str | Path,
    sample: str = "",
) -> None:
    """Write one part of a sample; the same seed, sample and part give the same events."""
    _, random = seeds(seed, sample, part)
    number = list(PROCESSES).index(card.component)
    gaussian, pulls = drawn(card.component, events, random)
    x = place(np.full(events, number), gaussian, pulls, np.zeros(6))
    threshold = EXCESS * random.random(events)
    identity = part * EVENTS_PER_PART + np.arange(1, events + 1)
    numbers: dict[str, NDArray[np.generic]] = {
        "run": np.ones(events, np.uint32),
        "luminosityBlock": (1 + identity // EVENTS_PER_SECTION).astype(np.uint32),
        "event": identity.astype(np.uint64),
        "genWeight": np.ones(events, np.float32),
        **{f"toy_{NAMES[k]}": x[:, k] for k in range(FEATURES)},
        "toy_process": np.full(events, number, np.int32),
        "toy_gaussian": gaussian.astype(np.int32),
        "toy_threshold": threshold,
        "toy_accepted": (threshold < 1.0).astype(np.float64),
    }
    made = Events(events, Table.of(numbers), {})
    with atomic(output) as temporary, Writer(temporary, made) as file:
        file.add(made)
        sums = ("genEventCount", "genEventSumw", "genEventSumw2")
        file.finish({"run": np.array([1]), **{name: np.array([float(events)]) for name in sums}})
