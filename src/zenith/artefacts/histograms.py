"""Histograms by name, in ROOT files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zenith.artefacts.codec import Codec, Lines, Numbers
from zenith.artefacts.writing import atomic
from zenith.errors import InputError
from zenith.tables import measured, table

Histograms = Mapping[str, Any]
"""Name → `hist.Hist`, which takes a second to import."""


def write_histograms(path: str | Path, histograms: Histograms) -> None:
    """Write `hist.Hist` objects (weighted storage) to a ROOT file under names like `a/b/c`."""
    import uproot

    with atomic(path) as temporary, uproot.recreate(temporary) as file:
        for name, histogram in histograms.items():
            file[name] = histogram


def read_histograms(path: str | Path) -> dict[str, Any]:
    """The histograms of a ROOT file as `hist.Hist`, by their full names without the cycle."""
    import uproot

    try:
        with uproot.open(path) as file:
            names = file.keys(filter_classname="TH1*", cycle=False)
            return {name: file[name].to_hist() for name in names}
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a ROOT file ({error})") from None


def describe(histograms: Histograms) -> Lines:
    """Yields of fit histograms, by region; of control histograms, by region and observable."""
    groups: dict[str, list[list[str]]] = {}
    bins: dict[str, int] = {}
    for name, histogram in histograms.items():
        group, process, variation = name.rsplit("/", 2) if name.count("/") > 1 else ("", name, "")
        variances = histogram.variances()
        error = 0.0 if variances is None else float(np.sqrt(variances.sum()))
        total = measured(float(histogram.values().sum()), error)
        groups.setdefault(group, []).append([process, variation, total])
        bins[group] = histogram.axes[0].size
    for group, rows in groups.items():
        heading = f"{group or 'histograms'}: {bins[group]} bins"
        yield f"{heading}\n\n{table(['process', 'variation', 'yield'], rows, left=2)}"


def numbers(histograms: Histograms) -> Numbers:
    """Yields, variances and edges of every histogram, each (bins,) or (bins + 1,)."""
    content: Numbers = {}
    for name, histogram in histograms.items():
        content[f"{name} yields"] = histogram.values()
        variances = histogram.variances()
        if variances is not None:
            content[f"{name} variances"] = variances
        content[f"{name} edges"] = histogram.axes[0].edges
    return content


HISTOGRAMS = Codec(
    "histograms",
    ".root",
    lambda top: any(str(kind).startswith("TH1") for kind in top.values()),
    read_histograms,
    describe,
    numbers,
)
