"""Simulated events of the HiggsML challenge: a table with its columns and weights."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from zenith.artefacts.writing import atomic
from zenith.config.simulation import LeptonTauCard
from zenith.errors import ZenithError
from zenith.simulation.generator import Generator
from zenith.simulation.particles import NO_PARTICLES, Array
from zenith.simulation.simulate import events_of_part, seeds
from zenith.simulation.tau_events import Selected, reconstruct
from zenith.simulation.tau_truth import tau_truth
from zenith.simulation.underlying_event import underlying_events

BATCH = 500  # events in memory at once, each several times
PATIENCE = 400  # batches of which none has an event that is selected

log = logging.getLogger(__name__)


class Sample(NamedTuple):
    """Selected events, and their leading-order cross-section and its error in pb.

    A weight is how many events one stands for.
    """

    features: dict[str, Array]
    weight: Array
    cross_section: float
    error: float


def selected_events(
    card: LeptonTauCard,
    events: int,
    seed: int,
    random: np.random.Generator,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Sample:
    """So many events with a lepton and a τ; `seed` is that of Pythia.

    Raises ZenithError if none is found, as with an efficiency of zero.
    """
    generator = Generator(card, seed)
    underlying = NO_PARTICLES if card.multiparton_interactions else underlying_events(seed)
    decays = generator.tau_decays
    assert decays is not None
    found: list[Selected] = []
    done = batches = 0
    generated = 0.0
    while done < events:
        truth = tau_truth(generator.batch(BATCH), card, decays)
        found.append(reconstruct(truth, underlying, card.towers, random))
        done += len(found[-1].weight)
        batches += 1
        generated += truth.weight.sum()
        if batches == PATIENCE and done == 0:
            raise ZenithError(
                f"simulate: none of {batches * BATCH} events of the card {card.process} is "
                "selected; correct the numbers of its towers"
            )
        progress(min(done, events), events)
    sigma, error = generator.cross_section()
    weight = np.concatenate([batch.weight for batch in found])
    share = weight.sum() / generated
    relative = np.sqrt((1 - share) * (weight**2).sum()) / weight.sum()
    error = share * float(np.hypot(error, sigma * relative))
    features = {
        name: np.concatenate([batch.features[name] for batch in found])[:events]
        for name in found[0].features
    }
    return Sample(features, weight[:events], float(sigma * share), error)


def cross_section(card: LeptonTauCard, *, events: int = 500, seed: int = 1) -> tuple[float, float]:
    """Leading-order cross-section of what is selected and its error in pb, by so many events."""
    found = selected_events(card, events, seed, np.random.default_rng(seed))
    return found.cross_section, found.error


def simulate_challenge(
    card: LeptonTauCard,
    *,
    seed: int,
    part: int,
    output: str | Path,
    sample: str = "",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[float, float]:
    """Write one part of a sample; return the cross-section of its events and its error in pb.

    The same card, seed, sample and part give the same table: the columns of the challenge's files,
    a text `detailed_labels`, and `weights` that add up to the card's `expected` with all parts.
    """
    pythia_seed, random = seeds(seed, sample, part)
    events = events_of_part(card, part)
    made = selected_events(card, events, pythia_seed, random, progress)
    columns: dict[str, pa.Array] = {
        name: pa.array(values.astype(np.float32)) for name, values in made.features.items()
    }
    expected = card.expected * events / card.events
    columns["weights"] = pa.array(made.weight * (expected / made.weight.sum()))
    columns["detailed_labels"] = pa.array([card.process] * events)
    with atomic(output) as temporary:
        pq.write_table(pa.table(columns), str(temporary))
    log.info(
        "%s part %d: %d events, σ = %.4g ± %.2g pb at leading order, before its weights of %g "
        "expected events",
        sample, part, events, made.cross_section, made.error, card.expected,
    )  # fmt: skip
    return made.cross_section, made.error
