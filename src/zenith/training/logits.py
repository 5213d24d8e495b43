"""What a network of objects makes of training sets: its logits, which columns then have.

Or its embedding, where a climb is to move its head.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from zenith.artefacts.logits import Logits, SampleLogits
from zenith.artefacts.tensors import read_tensors
from zenith.config.inputs import TrainingSetFields
from zenith.config.networks.settings import Mva
from zenith.core.networks.network import Network
from zenith.errors import InputError
from zenith.events.folds import event_hash
from zenith.training.network_files import load_network
from zenith.training.score_sets import ROWS, evaluated_set, places
from zenith.training.scores import embedding_of, logits_of
from zenith.training.sets import Source, opened


def logits_of_sets(network: str | Path, mva: Mva, paths: Sequence[str]) -> Logits:
    """The logits of a network of all events of training sets, by sample, with its header.

    Where a climb moves its head it is the embedding that the head reads, and the header says so.

    Raises `InputError` for a network that is not as `mva` configures it, a set that does not name
    its sample, one whose sample another has, and as `Source`.
    """
    found, samples = load_network(network, mva), dict[str, SampleLogits]()
    with opened(paths, mva, TrainingSetFields()) as sources:
        for source in sources:
            sample = str(source.file.attributes.get("sample", ""))
            if not sample or sample in samples:
                what = f"is of sample {sample!r} again" if sample else "does not name its sample"
                raise InputError(
                    f"{source.file.path}: {what}; give the file of each sample once, as `zenith "
                    "training_set` writes it"
                )
            samples[sample] = _of(source, found)
    header = {**read_tensors(network).header, "holds": mva.given}
    return Logits(header, samples)


def _of(source: Source, network: Network) -> SampleLogits:
    name = source.fields.events
    hashes = [event_hash(rows[name]) for rows in source.file.blocks((name,), ROWS)]
    function = partial(embedding_of if source.mva.moves_head else logits_of, network)
    logits = {v: evaluated_set(source, function, place) for place, v in places(source).items()}
    return SampleLogits(
        np.concatenate([np.zeros(0, np.uint64), *hashes]), logits.pop(""), shapes=logits
    )
