"""What differs between two files of histograms, or between two workspaces."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.errors import InputError
from zenith.reporting.codecs import codecs_of
from zenith.tables import table

Content = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Deviation:
    """One array that differs, in the bin (or other element) where it differs most.

    `relative` is |b - a| over the larger of |a| and |b|: between 0 and 2.
    """

    name: str
    index: int
    before: float
    after: float
    relative: float


@dataclass(frozen=True)
class Difference:
    """All differences; names in the order of the files, changes from the largest down."""

    removed: list[str]
    added: list[str]
    reshaped: list[str]
    changed: list[Deviation]

    def __bool__(self) -> bool:
        return bool(self.removed or self.added or self.reshaped or self.changed)


def compare(before: Content, after: Content, tolerance: float = 0.0) -> Difference:
    """Compare named arrays; relative differences up to `tolerance` are none."""
    common = [name for name in before if name in after]
    changes = [_change(n, before[n], after[n]) for n in common if before[n].shape == after[n].shape]
    return Difference(
        removed=[name for name in before if name not in after],
        added=[name for name in after if name not in before],
        reshaped=[n for n in common if before[n].shape != after[n].shape],
        changed=sorted(
            (change for change in changes if change.relative > tolerance),
            key=lambda change: -change.relative,
        ),
    )


def _change(name: str, before: NDArray[Any], after: NDArray[Any]) -> Deviation:
    if not before.size:
        return Deviation(name, 0, 0.0, 0.0, 0.0)
    scale = np.maximum(np.abs(before), np.abs(after))
    relative = np.divide(np.abs(after - before), scale, out=np.zeros(scale.shape), where=scale > 0)
    relative[np.isnan(before) != np.isnan(after)] = 2.0  # NaN is equal to NaN alone
    worst = int(np.argmax(relative))
    return Deviation(name, worst, float(before[worst]), float(after[worst]), float(relative[worst]))


def read(path: str | Path) -> Content:
    """The numbers of a file as named arrays, (bins,) each, if `zenith diff` compares such files.

    Raises `InputError` that names the file if it cannot be read or compared.
    """
    path, codecs = codecs_of(path)
    found: dict[str, NDArray[Any]] = {}
    for codec in codecs:
        content = codec.read(path)
        try:
            found |= codec.numbers(content)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
    if not found:
        raise InputError(f"{path}: neither histograms (.root) nor a workspace (.json)")
    return found


def report(difference: Difference, most: int = 30) -> str:
    """The differences as text."""
    parts = []
    for title, names in (
        ("removed", difference.removed),
        ("added", difference.added),
        ("another number of bins", difference.reshaped),
    ):
        if names:
            parts.append("\n".join([f"{title}: {len(names)}", *(f"  {name}" for name in names)]))
    if difference.changed:
        rows = [
            [c.name, c.index, f"{c.before:.8g}", f"{c.after:.8g}", f"{c.relative:.3g}"]
            for c in difference.changed[:most]
        ]
        title = f"changed: {len(difference.changed)}, each in the bin that differs most"
        parts.append(f"{title}\n\n{table(['name', 'bin', 'first', 'second', 'relative'], rows)}")
        if len(difference.changed) > most:
            parts.append(f"and {len(difference.changed) - most} more that differ less")
    return "\n\n".join(parts) or "no difference"
