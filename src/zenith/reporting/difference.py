"""What differs between two files of histograms, or between two workspaces."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith import artefacts
from zenith.errors import InputError
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


def read(path: str | Path) -> dict[str, NDArray[Any]]:
    """The numbers of a histogram file (.root) or of a workspace (.json), as named arrays."""
    path = Path(path)
    if path.suffix == ".root":
        content: dict[str, NDArray[Any]] = {}
        for name, histogram in artefacts.read_histograms(path).items():
            content[f"{name} yields"] = histogram.values()
            variances = histogram.variances()
            if variances is not None:
                content[f"{name} variances"] = variances
            content[f"{name} edges"] = histogram.axes[0].edges
        if not content:
            raise InputError(f"{path}: holds no histogram; diff compares histograms or workspaces")
        return content
    if path.suffix == ".json":
        workspace = artefacts.read_json(path)
        if "channels" in workspace:
            return _arrays(path, workspace)
    raise InputError(f"{path}: neither histograms (.root) nor a workspace (.json)")


def _arrays(path: Path, workspace: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = {}
    try:
        for name, array in _workspace(workspace):
            if name in found:
                raise InputError(f"{path}: '{name}' is there twice: rename or remove one")
            found[name] = array
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        from zenith.statistics.schema import unreadable

        raise unreadable(path, workspace, error) from None
    return found


def _workspace(content: Mapping[str, Any]) -> Iterator[tuple[str, NDArray[Any]]]:
    for channel in content["channels"]:
        for sample in channel["samples"]:
            where = f"{channel['name']}/{sample['name']}"
            yield f"{where} yields", np.asarray(sample["data"], float)
            for modifier in sample["modifiers"]:
                name = f"{where}/{modifier['name']} ({modifier['type']})"
                yield name, np.fromiter(_numbers(modifier["data"]), float)
    for observation in content.get("observations", []):
        yield f"{observation['name']} observed", np.asarray(observation["data"], float)
    for measurement in content.get("measurements", []):
        for parameter in measurement["config"]["parameters"]:
            name = f"{measurement['name']}/{parameter['name']} (parameter)"
            yield name, np.fromiter(_numbers(parameter), float)


def _numbers(value: Any) -> Iterator[float]:
    """All numbers of nested lists and mappings, mappings in the order of their keys."""
    if isinstance(value, Mapping):
        for key in sorted(value):
            yield from _numbers(value[key])
    elif isinstance(value, list):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, int | float):
        yield float(value)


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
