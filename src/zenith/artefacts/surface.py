"""Response surfaces of the regions of a fit: surface.h5."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts.arrays import read_arrays, write_arrays
from zenith.artefacts.codec import Codec, Lines
from zenith.core.likelihood.quadratics import number
from zenith.core.response.surface import Surface
from zenith.errors import InputError
from zenith.tables import pairs, table

Array = NDArray[np.float64]
ARRAYS = ("coefficients", "covariance", "noise", "points", "used", "pulls", "merged")
NAMES = ("nuisances", "processes", "channels")


class FittedSurface(NamedTuple):
    """Response surfaces, and what they were fitted to and judged by.

    S processes, B bins of all channels one after the other, K points, T of them unseen.
    """

    surface: Surface
    channels: tuple[tuple[str, int], ...]
    """Names and numbers of bins."""
    points: Array
    """(K, A), in standard deviations."""
    used: NDArray[np.bool_]
    """(K,), which of them the polynomials were fitted to."""
    pulls: Array
    """(T, S, B), at the others: simulation less polynomial over its error."""
    merged: NDArray[np.bool_]
    """(S, B), where a bin with few events has the response of its channel, or none."""
    chi2: float
    """Sum of the squares of the pulls."""
    number: int
    """Of pulls in bins with events."""
    events: dict[str, int]
    """Simulated events that were shifted, by sample."""

    @property
    def bins(self) -> int:
        """B."""
        return sum(size for _, size in self.channels)


def write_surface(path: str | Path, found: FittedSurface) -> None:
    """Write HDF5: the arrays of `ARRAYS` and attributes."""
    surface = found.surface
    arrays = {
        "coefficients": surface.coefficients,
        "covariance": surface.covariance,
        "noise": surface.noise,
        "points": found.points,
        "used": found.used,
        "pulls": found.pulls,
        "merged": found.merged,
    }
    attributes = {
        "nuisances": list(surface.nuisances),
        "processes": list(surface.processes),
        "channels": [name for name, _ in found.channels],
        "bins": [size for _, size in found.channels],
        "chi2": found.chi2,
        "number": found.number,
        "samples": list(found.events),
        "events": list(found.events.values()),
    }
    write_arrays(path, arrays, attributes)


def read_surface(path: str | Path) -> FittedSurface:
    """Read it; `InputError` that names the file, what is wrong with it and the step to run again.

    A file that is broken, or of other shapes than it says, is never taken for one without surfaces.
    """
    arrays, attributes = read_arrays(path)
    again = "run `zenith surface` again"
    for name, there in [
        *((name, arrays) for name in ARRAYS),
        *((name, attributes) for name in (*NAMES, "bins", "chi2", "number", "samples", "events")),
    ]:
        if name not in there:
            raise InputError(
                f"{path}: not what `zenith surface` writes ({name} is missing); {again}"
            )
    nuisances, processes, channels, samples = (
        tuple(map(str, attributes[name])) for name in (*NAMES, "samples")
    )
    bins = tuple(map(int, attributes["bins"]))
    points = arrays["points"]
    terms, place = number(len(nuisances)), (len(processes), sum(bins))
    unseen = int((~arrays["used"].astype(bool)).sum())
    shapes = {
        "coefficients": (terms, *place),
        "covariance": (terms, terms, *place),
        "noise": (len(arrays["noise"]), terms, *place),
        "points": (len(points), len(nuisances)),
        "used": (len(points),),
        "pulls": (unseen, *place),
        "merged": place,
    }
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise InputError(
                f"{path}: {name} has the shape {arrays[name].shape}, not {shape}; {again}"
            )
        if not np.isfinite(arrays[name]).all():
            raise InputError(f"{path}: {name} is not finite; {again}")
    return FittedSurface(
        Surface(
            nuisances, processes, *(arrays[n] for n in ("coefficients", "covariance", "noise"))
        ),
        tuple(zip(channels, bins, strict=True)),
        points,
        arrays["used"].astype(bool),
        arrays["pulls"],
        arrays["merged"].astype(bool),
        float(attributes["chi2"]),
        int(attributes["number"]),
        dict(zip(samples, map(int, attributes["events"]), strict=True)),
    )


def _describe(found: FittedSurface) -> Lines:
    yield pairs(
        {
            "nuisance parameters": ", ".join(found.surface.nuisances),
            "points": len(found.points),
            "of them unseen": int((~found.used).sum()),
            "χ²/n of the unseen": found.chi2 / max(found.number, 1),
            "bins with the response of their channel": int(found.merged.sum()),
        }
    )
    yield table(["channel", "bins"], [[name, size] for name, size in found.channels])
    yield table(["sample", "events"], [[name, size] for name, size in found.events.items()])
    linear = found.surface.coefficients[: len(found.surface.nuisances)]
    rows = [
        [process, name, float(np.abs(linear[a, s]).max())]
        for s, process in enumerate(found.surface.processes)
        for a, name in enumerate(found.surface.nuisances)
    ]
    yield table(["process", "nuisance parameter", "largest linear term"], rows, left=2)


SURFACE = Codec(
    "response surface",
    ".h5",
    lambda top: {"nuisances", "coefficients", "pulls"} <= top.keys(),
    read_surface,
    _describe,
)
