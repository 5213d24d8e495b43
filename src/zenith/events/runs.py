"""The tree Runs: how many events there were, and their weights, before any was taken away."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.errors import InputError
from zenith.events.formats.protocol import WEIGHT, Tree

SUMS = ("genEventCount", "genEventSumw", "genEventSumw2")


class RunSums:
    """Sums over all events of a file, by run; filled chunk by chunk.

    `weight` is what the file calls the weight, for messages.
    """

    def __init__(self, path: str, *, data: bool, weight: str = f"branch {WEIGHT}") -> None:
        self.data = data
        self.events = 0
        self._path = path
        self._read = 0
        self._weight = weight
        self._kind = np.dtype(np.uint32)
        self._sums: dict[int, NDArray[np.float64]] = {}

    def add(
        self, run: NDArray[Any], weights: NDArray[Any] | None, own: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Count the events of a chunk that are its sample's own.

        Returns the weights of all in double precision: 1 for data, 0 for those of other samples.
        Raises `InputError` if a weight is NaN or infinite.
        """
        weights = np.ones(len(run)) if weights is None else weights.astype(np.float64)
        if bad := int(np.count_nonzero(~np.isfinite(weights))):
            first = self._read + int(np.flatnonzero(~np.isfinite(weights))[0])
            raise InputError(
                f"{self._path}: {self._weight}: {bad} weights are NaN or infinite, the first in "
                f"entry {first}; leave this file out or produce it again"
            )
        self._kind = run.dtype
        self._read += len(run)
        of_own, run = weights[own], run[own]
        runs, position = np.unique(run, return_inverse=True)
        powers = [np.bincount(position, of_own**power, len(runs)) for power in range(3)]
        for number, sums in zip(runs.tolist(), np.stack(powers, axis=-1), strict=True):
            self._sums[number] = self._sums.get(number, 0.0) + sums
        self.events += len(run)
        return np.where(own, weights, 0.0)

    @property
    def sum_weights(self) -> float:
        """The sum of weights of all events so far."""
        return float(sum(sums[1] for sums in self._sums.values()))

    def tree(self, runs: Callable[[], Tree | None], *, by_file: bool) -> dict[str, NDArray[Any]]:
        """The branches of the output's tree Runs.

        For simulation the input's own sums, `runs`, go before those over its events: the input may
        have been skimmed before. `by_file` allows the latter where the input has none.

        Raises
        ------
        InputError
            There are no sums and `by_file` is false, or the sum of weights is zero or not finite.
        """
        found = None if self.data else _of_input(runs())
        if found is None:
            if not (self.data or by_file):
                raise InputError(
                    f"{self._path}: no genEventSumw in a tree Runs, nor format.sum_of_weights; set "
                    "normalise_by_file: true of the sample if the file holds all events that were "
                    "generated"
                )
            found = self._of_events()
        for name in SUMS:
            if np.isnan(found[name]).any():  # not known
                found[name] = self._of_events()[name].sum(keepdims=True)
        found["genEventCount"] = found["genEventCount"].astype(np.int64)
        if self.data:
            return {name: found[name] for name in ("run", "genEventCount")}
        total = found["genEventSumw"].sum()
        if not np.isfinite(total) or total == 0.0:
            raise InputError(
                f"{self._path}: the sum of {WEIGHT} is {total:g}: the sample cannot be normalised; "
                "leave this file out or produce it again"
            )
        return found

    def _of_events(self) -> dict[str, NDArray[Any]]:
        sums = np.array(list(self._sums.values())).reshape(-1, 3)
        runs = {"run": np.array(list(self._sums), dtype=self._kind)}
        return runs | dict(zip(SUMS, sums.T, strict=True))


def _of_input(runs: Tree | None) -> dict[str, NDArray[Any]] | None:
    if runs is None:
        return None
    known = runs.branches
    # Some campaigns write genEventSumw_ and so on.
    names = {name: next((n for n in (name, f"{name}_") if n in known), None) for name in SUMS}
    columns = {"run": "run"} | {name: n for name, n in names.items() if n is not None}
    if None in names.values() or "run" not in known:
        return None
    read = runs.numbers(columns.values())
    return {name: read[branch] for name, branch in columns.items()}
