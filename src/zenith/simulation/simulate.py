"""The default events: a part of a sample, or of pseudo-data, to one NanoAOD file."""

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zenith.artefacts import golden
from zenith.config.detector_response import DetectorResponse
from zenith.config.simulation import ProcessCard, Simulated
from zenith.errors import InputError
from zenith.simulation.detector import reconstruct
from zenith.simulation.generator import Generator, unbiased
from zenith.simulation.nanoaod_writer import nanoaod
from zenith.simulation.truth import Truth, truth

BATCH = 2000  # events in memory at once
EVENTS_PER_PART = 10_000_000  # event numbers of a part start at its multiple of this
EVENTS_PER_SECTION = 1000
SIMULATION_RUN = 1

# Pseudo-data: every run has the luminosity sections 1 … 100, all of the same luminosity.
RUNS = range(300_001, 300_011)
SECTIONS = 100

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """A process in pseudo-data: its card, and its cross-section (k-factor included) in pb."""

    name: str
    card: ProcessCard
    cross_section: float


def certified_share(golden_json: str | None) -> float:
    """The share of the luminosity sections of pseudo-data that a golden JSON certifies.

    All of them without one. Raises `InputError` if it certifies none.
    """
    if golden_json is None:
        return 1.0
    runs = np.repeat(np.array(RUNS, np.uint32), SECTIONS)
    sections = np.tile(np.arange(1, SECTIONS + 1, dtype=np.uint32), len(RUNS))
    share = float(golden.certified(golden_json)(runs, sections).mean())
    if share == 0.0:
        raise InputError(
            f"{golden_json}: certifies no section of the runs {RUNS[0]} to {RUNS[-1]} of "
            "pseudo-data; set golden_json of their era to null, or to a file that has these runs"
        )
    return share


def _silent(done: int, total: int) -> None:
    """Report no progress."""


def simulate(
    card: ProcessCard,
    *,
    events: int,
    seed: int,
    part: int,
    output: str | Path,
    sample: str = "",
    progress: Callable[[int, int], None] = _silent,
) -> tuple[float, float]:
    """Simulate one part of a sample; return the generator's cross-section and its error in pb.

    The same card, seed, sample and part give the same arrays, whatever the other parts are.

    Parameters
    ----------
    events
        Number of events of this part.
    seed
        Of the whole analysis; those of the generator and the detector follow from it, the name
        of the sample and the part.
    output
        NanoAOD file. Its tree `Runs` has the sums of weights, and the leading-order cross-section
        (`genCrossSection`, in pb) of what the card's phase space and filter let through.
    progress
        Called with the number of events done, and of all.
    """
    generator_seed, rng = seeds(seed, sample, part)
    generator = Generator(card, generator_seed, whole_jets=card.detector.substructure is None)
    sums = np.zeros(3)
    shower = np.zeros(len(generator.shower_variations))
    with nanoaod(
        output, simulation=True, shower_weights=bool(len(shower)), detector=card.detector
    ) as file:
        for batch in _batches(generator, events):
            # The weights as the file has them, so that the sums are exactly those of its events.
            weight = batch.weight.astype(np.float32).astype(np.float64)
            number = part * EVENTS_PER_PART + int(sums[0]) + np.arange(1, len(weight) + 1)
            numbers = {
                "run": np.full(len(number), SIMULATION_RUN),
                "luminosityBlock": 1 + number // EVENTS_PER_SECTION,
                "event": number,
            }
            file.extend(reconstruct(batch, card.detector, rng) | numbers)
            sums += [np.sum(weight**power) for power in range(3)]
            shower += weight @ batch.shower_weights.astype(np.float32).astype(np.float64)
            progress(int(sums[0]), events)
        sigma, error = generator.cross_section()
        file.runs(
            {
                "run": [SIMULATION_RUN],
                "genEventCount": [sums[0]],
                "genEventSumw": [sums[1]],
                "genEventSumw2": [sums[2]],
                "PSSumw": [shower / sums[1]],
                "genCrossSection": [sigma],
                "genCrossSectionError": [error],
            }
        )
    log.info("%s part %d: %d events, σ = %.4g ± %.2g pb", sample, part, sums[0], sigma, error)
    return sigma, error


def simulate_pseudodata(
    sources: Sequence[Source],
    *,
    luminosity: float,
    certified: float = 1.0,
    detector: DetectorResponse,
    seed: int,
    part: int,
    parts: int,
    output: str | Path,
    sample: str = "",
    progress: Callable[[int, int], None] = _silent,
) -> None:
    """Simulate one part of pseudo-data that correspond to a luminosity in 1/fb.

    Of each source, a Poisson-distributed number of events with mean σ · L / (parts · certified) is
    generated without bias, so that each event counts once: nothing has to be thinned. `certified`
    is the share of the luminosity sections that are certified: these hold L, the others hold more,
    at the same rate.
    """
    inverse_pb = 1000.0 * luminosity / certified / parts
    streams = [seeds(seed, f"{sample}/{source.name}", part) for source in sources]
    counts = [
        int(rng.poisson(source.cross_section * inverse_pb))
        for source, (_, rng) in zip(sources, streams, strict=True)
    ]
    done = 0
    with nanoaod(output, simulation=False, detector=detector) as file:
        for source, (generator_seed, rng), count in zip(sources, streams, counts, strict=True):
            log.info("%s part %d: %d events of %s", sample, part, count, source.name)
            if count == 0:
                continue
            generator = Generator(
                unbiased(source.card), generator_seed, whole_jets=detector.substructure is None
            )
            for batch in _batches(generator, count):
                size = len(batch.weight)
                numbers = {
                    "run": rng.choice(RUNS, size),
                    "luminosityBlock": rng.integers(1, SECTIONS + 1, size),
                    "event": part * EVENTS_PER_PART + done + np.arange(1, size + 1),
                }
                file.extend(reconstruct(batch, detector, rng) | numbers)
                done += size
                progress(done, sum(counts))
        file.runs({"run": list(RUNS)})


def events_of_part(card: Simulated, part: int) -> int:
    """How many of the card's events a part has: they differ by one at most."""
    return (card.events + part) // card.parts


def seeds(seed: int, sample: str, part: int) -> tuple[int, np.random.Generator]:
    """A seed for Pythia, and a random generator for the detector, of one part of one sample."""
    digest = hashlib.sha256(f"{seed}/{sample}/{part}".encode()).digest()
    # Pythia takes seeds from 1 to 900,000,000.
    pythia = 1 + int.from_bytes(digest[:8]) % 900_000_000
    return pythia, np.random.default_rng(int.from_bytes(digest[8:]))


def _batches(generator: Generator, events: int) -> Iterator[Truth]:
    for first in range(0, events, BATCH):
        batch = generator.batch(min(BATCH, events - first))
        yield truth(batch, generator.shower_variations)
