"""Where a training by gradient descent is after an epoch, on disk, so that it can go on from there.

A checkpoint is of one training, with one configuration, seed and set of events; of another one it
is not used.
"""

import hashlib
import logging
import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zenith import __version__
from zenith.artefacts.tensors import read_tensors, write_tensors
from zenith.config.networks.settings import Mva
from zenith.core.networks.network import Network
from zenith.errors import InputError
from zenith.training.examples import Examples
from zenith.training.objective import Learner

PAUSE = 2.0  # seconds between the end of an epoch that is written and the next
WHAT, REMEDY = "checkpoint", "remove it, and the training begins again"
log = logging.getLogger(__name__)


class Reached(NamedTuple):
    """A training after an epoch."""

    learner: Learner
    optimiser: Any  # its state
    best: Network
    epoch: int  # counted from 1; 0: nothing is trained
    best_epoch: int
    losses: dict[str, list[float]]
    noted: dict[str, list[float]]
    rooms: dict[str, int]  # of each collection, objects that a batch has place for
    random: dict[str, Any]  # the state of the generator


class Checkpoint:
    """The file of a training; `identity` says which one it is."""

    def __init__(self, path: str | Path, identity: str) -> None:
        self.path, self._identity, self._written = Path(path), identity, time.monotonic()

    def read(self, start: Reached) -> Reached:
        """What the file has, in the shapes of `start`; that if there is none of this training.

        Raises `InputError` for a file that is damaged or something else.
        """
        if not self.path.exists():
            return start
        header, arrays = read_tensors(self.path, WHAT, REMEDY)
        try:
            if WHAT not in header:
                raise ValueError("it is something else")
            found = header[WHAT]
            if found["identity"] != self._identity:
                log.info("%s: is of another training, which is not continued", self.path)
                return start
            trees = _trees(start)
            leaves = [arrays[f"{k:05d}"] for k in range(len(jax.tree.leaves(trees)))]
            for mine, leaf in zip(jax.tree.leaves(trees), leaves, strict=True):
                if (np.shape(mine), np.asarray(mine).dtype) != (leaf.shape, leaf.dtype):
                    raise ValueError("an array has another shape or type")
            trained = jax.tree.unflatten(
                jax.tree.structure(trees), [jnp.asarray(leaf) for leaf in leaves]
            )
            reached = Reached(*trained, **found["reached"])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{self.path}: not a {WHAT} ({error}); {REMEDY}") from None
        log.info("%s: goes on after epoch %d", self.path, reached.epoch)
        return reached

    def write(self, reached: Reached) -> None:
        """Replace the file at once, but not within `PAUSE` of the last time."""
        if time.monotonic() - self._written < PAUSE:
            return
        leaves = jax.tree.leaves(_trees(reached))
        about = {name: getattr(reached, name) for name in Reached._fields[3:]}
        write_tensors(
            self.path,
            {WHAT: {"identity": self._identity, "reached": about}},
            {f"{k:05d}": np.asarray(leaf) for k, leaf in enumerate(leaves)},
        )
        self._written = time.monotonic()


def identity(name: str, mva: Mva, seed: int, *parts: Examples, read: str = "") -> str:
    """What says which training it is: all that it depends on.

    `read` is the digest of events that are not among the parts, but read in each epoch.
    """
    about = f"{__version__} {name} {seed} {mva.model_dump_json()} {read}"
    digest = hashlib.blake2b(about.encode())
    for part in parts:
        for array in part.arrays():
            digest.update(f"{array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _trees(reached: Reached) -> tuple[Learner, Any, Network]:
    return reached.learner, reached.optimiser, reached.best
