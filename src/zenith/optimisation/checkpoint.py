"""Checkpoints: where a climb is and what it has been through, in one HDF5 file."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from zenith import artefacts

log = logging.getLogger(__name__)


class Checkpoint(NamedTuple):
    """What is saved: a pytree of arrays, the history by name (steps,), and numbers by name."""

    tree: Any
    history: Mapping[str, NDArray[np.float64]]
    numbers: Mapping[str, float]


def save(path: Path, fingerprint: str, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; the fingerprint says which configuration and events it is of."""
    arrays = {f"leaf/{k}": np.asarray(a) for k, a in enumerate(jax.tree.leaves(checkpoint.tree))}
    arrays |= {f"row/{key}": values for key, values in checkpoint.history.items()}
    artefacts.write_arrays(path, arrays, {"fingerprint": fingerprint, **checkpoint.numbers})


def load(path: Path, fingerprint: str, tree: Any) -> Checkpoint | None:
    """What was saved, in the structure of `tree`; None if there is none with this fingerprint."""
    if not path.exists():
        return None
    arrays, numbers = artefacts.read_arrays(path)
    if numbers.pop("fingerprint", None) != fingerprint:
        log.info("%s is of another configuration or of other events: starting afresh", path)
        return None
    leaves, structure = jax.tree.flatten(tree)
    saved = [
        jnp.asarray(arrays[f"leaf/{k}"], jnp.asarray(leaf).dtype) for k, leaf in enumerate(leaves)
    ]
    history = {k.removeprefix("row/"): v for k, v in arrays.items() if k.startswith("row/")}
    log.info("resuming %s after %d steps", path, len(next(iter(history.values()))))
    return Checkpoint(jax.tree.unflatten(structure, saved), history, numbers)
