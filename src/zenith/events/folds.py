"""Which fold an event is in, and random numbers, from the event's identity.

Everything here is a function of (run, luminosityBlock, event) alone, so that the order of files,
the size of chunks and the number of jobs change nothing. The fold follows from a salt besides.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zenith.artefacts.taught import Taught
from zenith.config.learning import Folds
from zenith.errors import InputError

_GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)  # 2⁶⁴ over the golden ratio, odd


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): a bijection of 64 bits."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def hash_of(*numbers: ArrayLike) -> NDArray[np.uint64]:
    """A 64-bit hash of each row of whole numbers, for example (run, luminosityBlock, event).

    The numbers are broadcast against one another; the hash depends on their order.
    """
    result = np.zeros(np.broadcast_shapes(*(np.shape(n) for n in numbers)), np.uint64)
    for number in numbers:
        result = _mix(result + _GOLDEN_GAMMA + np.asarray(number).astype(np.uint64))
    return result


def uniform(hashes: NDArray[np.uint64]) -> NDArray[np.float64]:
    """The hashes as numbers in the open interval (0, 1): the middles of 2⁵² equal cells."""
    return ((hashes >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def event_hash(events: Any) -> NDArray[np.uint64]:
    """The hash of each event's run, luminosityBlock and event."""
    return hash_of(*(np.asarray(events[n]) for n in ("run", "luminosityBlock", "event")))


def folds_of(hashes: NDArray[np.uint64], folds: Folds) -> NDArray[np.intp]:
    """The fold of each event, (N,) from 0, by its `event_hash` and the salt.

    Observed and simulated events fall into folds by the same rule.
    """
    salted = hash_of(hashes, np.uint64(folds.salt))
    return (salted % np.uint64(folds.number)).astype(np.intp)


def taught(folds: Folds, fold: int, *started_from: Iterable[int]) -> Taught:
    """What is recorded of something that was learned for one fold.

    `started_from` are the `taught_by` of whatever it started from.
    """
    teachers = {*folds.others(fold), *(f for s in started_from for f in s)}
    return {
        "fold": fold,
        "folds": {"number": folds.number, "salt": folds.salt},
        "taught_by": sorted(teachers),
    }


def require_unseen(
    found: Mapping[str, Any], folds: Folds, fold: int, path: str | Path, step: str
) -> tuple[int, ...]:
    """The folds that taught what is to read a fold, as its file records them.

    Raises `InputError`, which names the file and the step to run again, where it is of other folds,
    of another fold, or was taught by the fold itself.
    """
    again = f"run `zenith {step} --fold {fold}` with this configuration"
    division = {"number": folds.number, "salt": folds.salt}
    if found.get("folds") != division:
        given = found.get("folds")
        of = "says nothing of folds" if given is None else f"is of {_text(given)}"
        raise InputError(f"{path}: {of}, the configuration has {_text(division)}: {again}")
    if found.get("fold") != fold:
        raise InputError(f"{path}: is of fold {found.get('fold')}, not {fold}: {again}")
    teachers = tuple(found.get("taught_by", ()))
    if fold in teachers:
        raise InputError(
            f"{path}: fold {fold} itself taught it, so that its events are not unseen: {again}"
        )
    return teachers


def _text(division: Mapping[str, Any]) -> str:
    return f"{division.get('number')} folds with the salt {division.get('salt')}"


def require_every_fold(hashes: NDArray[np.uint64], folds: Folds, what: str) -> None:
    """Raises `InputError` if a fold has none of the events: then one selection reads none of them.

    Of 5 folds and 100 events that is an accident in 10⁹; of few events, or of such that all have
    the same numbers, it is not.
    """
    counts = np.bincount(folds_of(hashes, folds), minlength=folds.number)
    if len(empty := np.flatnonzero(counts == 0)):
        raise InputError(
            f"{what}: fold{'s' * (len(empty) > 1)} {', '.join(map(str, empty))} of {folds.number} "
            f"{'have' if len(empty) > 1 else 'has'} none of its {len(hashes)} events: check run, "
            "luminosityBlock and event of its files, or write fewer folds (folds.number)"
        )
