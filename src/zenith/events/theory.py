"""Means of theory weights (scales, PDFs, parton shower) over all events that were generated.

In each event a branch such as LHEScaleWeight holds weights w_i relative to genWeight. Divided by

    m_i = Σ genWeight · w_i / Σ genWeight    over all generated events, skimmed or not,

a variation has the cross-section of the nominal sample: what is left of it is the change of shapes
and acceptance. NanoAOD has m_i in its tree Runs, as LHEScaleSumw for LHEScaleWeight.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from zenith.config.systematics import WeightBranch
from zenith.errors import InputError
from zenith.events.branches import missing
from zenith.events.formats.nanoaod import NanoAODFormat
from zenith.events.formats.protocol import WEIGHT, EventFile, Tree

Means = dict[str, NDArray[np.float64]]  # branch → mean of each of its entries


def require(wanted: Mapping[str, WeightBranch], available: Collection[str], path: str) -> None:
    """Raise `InputError` for a branch of weights that a file lacks."""
    for variation, branch in wanted.items():
        if branch.name not in available:
            key = f"systematics.{variation.rpartition('_')[0]}.branches"
            raise missing(path, branch.name, key, available)


def sum_name(branch: str) -> str:
    """The branch of Runs with the mean of a branch of weights: PSSumw of PSWeight."""
    return branch.removesuffix("Weight") + "Sumw"


class WeightMeans:
    """The means of some branches of weights over all events behind a file.

    Those that its tree Runs has are taken from there. The others, `summed`, are of the events of
    the file: they must be all that were generated, and are added chunk by chunk.
    """

    def __init__(self, path: str, file: EventFile, wanted: Mapping[str, WeightBranch]) -> None:
        branches = sorted({branch.name for branch in wanted.values()})
        self._path = path
        # What Runs tells: events, NaN where it does not know them, and Σ genWeight.
        self._generated: tuple[float, float] | None = None
        self._found: Means = {}
        runs = file.runs() if branches else None
        if runs is not None:
            self._read(runs, branches)
        self.summed = tuple(name for name in branches if name not in self._found)
        self._sums: Means = {}
        self._events = 0
        self._sum_weights = 0.0

    def add(self, weights: NDArray[np.float64], branches: Mapping[str, Any]) -> None:
        """Add the events of a chunk: their genWeight, (N,), and the `summed` branches."""
        self._events += len(weights)
        self._sum_weights += float(weights.sum())
        for name in self.summed if len(weights) else ():
            values = ak.Array(branches[name])
            if values.ndim == 1:
                values = values[:, np.newaxis]
            entries = int(ak.min(ak.num(values)))
            sums = weights @ ak.to_numpy(values[:, :entries]).astype(np.float64)
            known = self._sums.get(name, np.zeros(entries))
            shortest = min(len(known), entries)
            self._sums[name] = known[:shortest] + sums[:shortest]

    def means(self) -> Means:
        """The mean of every entry of each branch.

        Raises `InputError` where events that were skimmed away are missing in a sum.
        """
        if self.summed and (partly := self._partly()):
            raise InputError(
                f"{self._path}: holds {partly}, "
                f"and its tree Runs has no {sum_name(self.summed[0])} to normalise "
                f"{self.summed[0]} with; take the file before it was skimmed, or set normalise: "
                "false of the systematic that names this branch"
            )
        return self._found | {name: sums / self._sum_weights for name, sums in self._sums.items()}

    def _partly(self) -> str:
        """What of the generated events the file holds, if not all of them."""
        if self._generated is None:
            return ""
        events, weights = self._generated
        if not np.isnan(events):
            same = events == self._events
            return "" if same else f"{self._events} of {events:.0f} generated events"
        if np.isclose(weights, self._sum_weights, rtol=1e-4):
            return ""
        return f"{self._sum_weights:g} of {weights:g}, Σ of the weights of all generated events"

    def runs(self, rows: int) -> dict[str, ak.Array]:
        """The means as branches of a tree Runs, the same for each of its rows."""
        return {
            sum_name(name): ak.from_regular(ak.Array(np.tile(mean, (rows, 1))))
            for name, mean in self.means().items()
        }

    def _read(self, runs: Tree, branches: Sequence[str]) -> None:
        # Some campaigns write genEventSumw_ and so on.
        def find(name: str) -> str | None:
            return next((n for n in (name, f"{name}_") if n in runs.branches), None)

        count, sumw = find("genEventCount"), find("genEventSumw")
        if count is None or sumw is None:
            return
        sums = {name: found for name in branches if (found := find(sum_name(name)))}
        arrays = runs.read([count, sumw, *sums.values()])
        weights = ak.to_numpy(arrays[sumw]).astype(np.float64)
        self._generated = float(ak.sum(arrays[count])), float(weights.sum())
        for name, branch in sums.items():
            values = arrays[branch][weights != 0.0]
            if len(values) and (row_means := _rows(values)).size:
                self._found[name] = _mean(row_means, weights[weights != 0.0])


def _rows(values: ak.Array) -> NDArray[np.float64]:
    """The entries that all runs have, (runs, entries)."""
    if values.ndim == 1:
        values = values[:, np.newaxis]
    return np.asarray(ak.to_numpy(values[:, : ak.min(ak.num(values))]), np.float64)


def _mean(rows: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """From the entries of the runs, which NanoAOD divides by genEventSumw of the run.

    Other makers of skims write Σ genWeight · w itself. Theory weights are of order one: what is
    nowhere near it, but is when divided, is such a sum.
    """
    means: NDArray[np.float64] = weights @ rows / weights.sum()
    plain: NDArray[np.float64] = rows.sum(axis=0) / weights.sum()
    near = [bool(0.1 < abs(np.median(m)) < 10.0) for m in (means, plain)]
    return plain if near == [False, True] else means


def factors(
    paths: Sequence[str],
    sum_weights: Sequence[float],
    wanted: Mapping[str, WeightBranch],
    chunk: int,
) -> dict[str, float]:
    """The mean of each variation over the files of a sample, with Σ genWeight of each file.

    Raises `InputError` as `WeightMeans.means` does, for an entry that a file does not have, and for
    a mean that is 0 or not finite.
    """
    found = {}
    files = [_means(path, wanted, chunk) for path in paths] if wanted else []
    for variation, (name, entry) in wanted.items():
        entries = min(len(of_file[name]) for of_file in files)
        if (entry or 0) >= entries:
            raise InputError(
                f"systematic {variation}: {name}[{entry}]: the sum over all events has only "
                f"{entries} entries; name another, or set normalise: false"
            )
        means = np.array([of_file[name][entry or 0] for of_file in files])
        found[variation] = float(means @ np.array(sum_weights) / np.sum(sum_weights))
        if not np.isfinite(found[variation]) or found[variation] == 0.0:
            raise InputError(
                f"systematic {variation}: the mean of {name} over all events is "
                f"{found[variation]:g}: it cannot be normalised; set normalise: false, or "
                "leave the systematic out"
            )
    return found


def _means(path: str, wanted: Mapping[str, WeightBranch], chunk: int) -> Means:
    with NanoAODFormat().open(path) as file:
        found = WeightMeans(path, file, wanted)
        if found.summed:
            tree = file.events
            require(wanted, tree.branches, path)
            for start in range(0, tree.entries, chunk):
                stop = min(start + chunk, tree.entries)
                arrays = tree.read([WEIGHT, *found.summed], start, stop)
                found.add(ak.to_numpy(arrays[WEIGHT]).astype(np.float64), arrays)
    return found.means()
