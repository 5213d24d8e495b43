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
from zenith.simulation.simulate import BATCH, events_of_part, seeds
from zenith.simulation.tau_events import reconstruct
from zenith.simulation.tau_truth import tau_truth
from zenith.simulation.underlying_event import underlying_events

PATIENCE = 100  # batches of which none has an event that is selected

log = logging.getLogger(__name__)


class Selected(NamedTuple):
    """Events that are selected, and their leading-order cross-section and its error in pb."""

    features: dict[str, Array]
    cross_section: float
    error: float


def selected_events(
    card: LeptonTauCard,
    events: int,
    seed: int,
    random: np.random.Generator,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Selected:
    """So many events with a lepton and a τ; `seed` is that of Pythia.

    Raises ZenithError if none is found, as with an efficiency of zero.
    """
    generator = Generator(card, seed)
    underlying = NO_PARTICLES if card.multiparton_interactions else underlying_events(seed)
    found: list[dict[str, Array]] = []
    done = batches = 0
    while done < events:
        batch = reconstruct(tau_truth(generator.batch(BATCH)), underlying, card.towers, random)
        found.append(batch)
        done += len(batch["PRI_lep_pt"])
        batches += 1
        if batches == PATIENCE and done == 0:
            raise ZenithError(
                f"simulate: none of {batches * BATCH} events of the card {card.process} is "
                "selected; correct the numbers of its towers"
            )
        progress(min(done, events), events)
    sigma, error = generator.cross_section()
    share = done / (batches * BATCH)
    error = share * float(np.hypot(error, sigma * np.sqrt((1 - share) / done)))
    features = {name: np.concatenate([b[name] for b in found])[:events] for name in found[0]}
    return Selected(features, sigma * share, error)


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
    columns["weights"] = pa.array(np.full(events, card.expected / card.events))
    columns["detailed_labels"] = pa.array([card.process] * events)
    with atomic(output) as temporary:
        pq.write_table(pa.table(columns), str(temporary))
    log.info(
        "%s part %d: %d events, σ = %.4g ± %.2g pb at leading order, before its weights of %g "
        "expected events",
        sample, part, events, made.cross_section, made.error, card.expected,
    )  # fmt: skip
    return made.cross_section, made.error
