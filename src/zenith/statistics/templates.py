"""The templates of one region as arrays, and what is done to them before a model is built."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.config import Analysis
from zenith.errors import InputError
from zenith.statistics.histograms import SHIFT, SUMS
from zenith.statistics.nuisances import Nuisance, filled_samples, nuisances, simulated_processes

Matrix = NDArray[np.float64]
AGAIN = "run `zenith histogram` with this configuration"


@dataclass(frozen=True)
class RegionTemplates:
    """One region: P simulated processes in stack order, B bins.

    Attributes
    ----------
    edges
        Bin edges in the observable's unit, (B + 1,).
    background
        Which processes are background, (P,); the others are signal.
    nominal, variance
        Expected yield and its variance (the sum of squared weights), (P, B).
    variations
        Nuisance → (up, down), each (P, B): the nominal where a process does not vary.
    acts
        Nuisance → the processes that vary.
    sums
        Σw and Σw² of everything that was simulated of each process, (2, P).
    data
        Observed events, (B,), or None: there is none, or the region is blind.
    noise
        Nuisance → the simulation's variance of the shift of each bin, (P, B), see
        `statistics/responses.py`; None if the histograms do not have it.
    """

    region: str
    observable: str
    edges: tuple[float, ...]
    processes: tuple[str, ...]
    background: tuple[bool, ...]
    nominal: Matrix
    variance: Matrix
    variations: dict[str, tuple[Matrix, Matrix]]
    acts: dict[str, tuple[str, ...]]
    sums: Matrix
    data: Matrix | None
    noise: dict[str, Matrix] | None = None


def mirrored(nominal: Any, varied: Any) -> Any:
    """The other side of a one-sided variation: 2·nominal - varied, in every bin."""
    return 2.0 * nominal - varied


def collect(
    analysis: Analysis, histograms: Mapping[str, Any], source: str = "histograms"
) -> list[RegionTemplates]:
    """The templates of the regions that are fitted, from histograms by `{region}/{process}/…`.

    Raises InputError, which names `source`, for a histogram that is missing, has other bins than
    the configuration says, holds a number that is not finite, or for negative data.
    """
    processes = tuple(simulated_processes(analysis))
    roles = [analysis.processes[p].role for p in processes]
    if "background" not in roles:
        raise InputError(f"{source}: no sample of a background process is in use")
    varied = [n for n in nuisances(analysis) if n.kind == "templates"]
    reader = _Reader(histograms, source)
    sums = reader.sums(processes)
    found = []
    for region, settings in analysis.regions.items():
        if not settings.in_fit:
            continue
        edges = settings.fit.edges.edges
        nominal = np.array([reader.read(region, p, "nominal", edges) for p in processes])
        here = [n for n in varied if region in n.regions]
        found.append(
            RegionTemplates(
                region,
                settings.fit.observable,
                edges,
                processes,
                tuple(role == "background" for role in roles),
                nominal[..., 0],
                nominal[..., 1],
                {n.name: _pair(reader, n, region, processes, nominal[..., 0], edges) for n in here},
                {n.name: n.processes for n in here},
                sums,
                _data(analysis, reader, region, edges),
                _noise(reader, here, region, processes, edges),
            )
        )
    if not found:
        raise InputError(f"{source}: no region is fitted; set in_fit for one at least")
    return found


@dataclass(frozen=True)
class _Reader:
    histograms: Mapping[str, Any]
    source: str

    def sums(self, processes: Sequence[str]) -> Matrix:
        """Of all weights and of their squares, (2, P)."""
        for process in processes:
            if f"{SUMS}/{process}" not in self.histograms:
                raise InputError(f"{self.source}: '{SUMS}/{process}' is missing; {AGAIN}")
        found = [self.histograms[f"{SUMS}/{process}"] for process in processes]
        return np.array([[h.values()[0] for h in found], [h.variances()[0] for h in found]])

    def read(self, region: str, process: str, variation: str, edges: Sequence[float]) -> Matrix:
        """Yields and variances, (B, 2)."""
        name = f"{region}/{process}/{variation}"
        if name not in self.histograms:
            regions = dict.fromkeys(n.split("/")[0] for n in self.histograms if n.count("/") > 1)
            inside = dict.fromkeys(
                n.split("/")[1] for n in self.histograms if n.startswith(f"{region}/")
            )
            if region not in regions:
                problem = f"region {region!r} is missing (it has {', '.join(regions) or 'none'})"
            elif process not in inside:
                problem = f"process {process!r} of region {region!r} is missing"
            else:
                problem = f"{name!r} is missing"
            raise InputError(f"{self.source}: {problem}; {AGAIN}")
        histogram = self.histograms[name]
        if not np.array_equal(histogram.axes[0].edges, np.asarray(edges)):
            raise InputError(
                f"{self.source}: {name} has other bins than regions.{region}.fit.edges; {AGAIN}"
            )
        content = np.stack([histogram.values(), histogram.variances()], axis=-1)
        for index in np.flatnonzero(~np.isfinite(content).all(axis=1)):
            raise InputError(f"{self.source}: bin {index} of {name} is not a finite number")
        return content


def _pair(
    reader: _Reader,
    nuisance: Nuisance,
    region: str,
    processes: Sequence[str],
    nominal: Matrix,
    edges: Sequence[float],
) -> tuple[Matrix, Matrix]:
    sides = {}
    for side in nuisance.sides:
        sides[side] = nominal.copy()
        for row, process in enumerate(processes):
            if process in nuisance.processes:
                name = f"{nuisance.name}_{side}"
                sides[side][row] = reader.read(region, process, name, edges)[:, 0]
    up = sides["up"] if "up" in sides else mirrored(nominal, sides["down"])
    down = sides["down"] if "down" in sides else mirrored(nominal, sides["up"])
    return up, down


def _noise(
    reader: _Reader,
    varied: Sequence[Nuisance],
    region: str,
    processes: Sequence[str],
    edges: Sequence[float],
) -> dict[str, Matrix] | None:
    if not any(name.endswith(f"_{SHIFT}") for name in reader.histograms):
        return None
    noise = {}
    for nuisance in varied:
        noise[nuisance.name] = np.zeros((len(processes), len(edges) - 1))
        for row, process in enumerate(processes):
            variation = f"{nuisance.name}_{SHIFT}"
            if f"{region}/{process}/{variation}" in reader.histograms:
                noise[nuisance.name][row] = reader.read(region, process, variation, edges)[:, 1]
    return noise


def _data(
    analysis: Analysis, reader: _Reader, region: str, edges: Sequence[float]
) -> Matrix | None:
    if analysis.is_blind(region):
        return None
    filled = {analysis.samples[s].process for s in filled_samples(analysis)}
    observed = [p for p in analysis.processes if p in filled and _is_data(analysis, p)]
    if not observed:
        return None
    total = sum(reader.read(region, p, "nominal", edges)[:, 0] for p in observed)
    assert isinstance(total, np.ndarray)
    for index in np.flatnonzero(total < 0.0):
        raise InputError(f"{reader.source}: bin {index} of the data in {region} is negative")
    return total


def _is_data(analysis: Analysis, process: str) -> bool:
    return analysis.processes[process].role == "data"
