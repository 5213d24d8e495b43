"""Which codec a file is of: the one table in which `zenith inspect` and `zenith diff` look."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from zenith.artefacts.arrays import ARRAYS
from zenith.artefacts.categories import CATEGORIES, SCANNED_CATEGORIES
from zenith.artefacts.codec import AnyCodec, Lines
from zenith.artefacts.columns import COLUMNS
from zenith.artefacts.comparison import COMPARISON
from zenith.artefacts.coverage import COVERAGE
from zenith.artefacts.cutflow import CUTFLOW, SKIM_CUTFLOW
from zenith.artefacts.efficient_score import EFFICIENT_SCORE
from zenith.artefacts.fakes import FAKES
from zenith.artefacts.fit import FIT
from zenith.artefacts.histograms import HISTOGRAMS
from zenith.artefacts.history import CLIMB_HISTORY
from zenith.artefacts.identity import without_tree
from zenith.artefacts.interval import INTERVAL
from zenith.artefacts.json_codec import JsonCodec
from zenith.artefacts.json_files import read_json
from zenith.artefacts.learned_response import LEARNED_RESPONSES
from zenith.artefacts.logits import LOGITS
from zenith.artefacts.metrics import METRICS
from zenith.artefacts.scored_events import SCORED_EVENTS
from zenith.artefacts.selection import CLIMB, SEARCH, SELECTION
from zenith.artefacts.summary import CATEGORY_SUMMARY, SUMMARY
from zenith.artefacts.surface import SURFACE
from zenith.artefacts.tensors import TENSORS
from zenith.artefacts.training_set import TRAINING_SET
from zenith.artefacts.trees import TREES
from zenith.artefacts.tuning import TUNED
from zenith.errors import InputError
from zenith.statistics.workspace_files import WORKSPACE
from zenith.tables import flat, pairs


def _flat(content: Mapping[str, Any]) -> Lines:
    yield pairs(dict(flat(content)))


OTHER_JSON = JsonCodec[dict[str, Any]](
    "JSON file", dict[str, Any], "the step that wrote it", lambda top: True, _flat
)
# Of a suffix, those that take any file stand last
CODECS: tuple[AnyCodec, ...] = (
    HISTOGRAMS,
    TREES,
    LOGITS,
    COLUMNS,
    SCORED_EVENTS,
    TRAINING_SET,
    CLIMB_HISTORY,
    SURFACE,
    ARRAYS,
    TENSORS,
    WORKSPACE,
    SUMMARY,
    CATEGORY_SUMMARY,
    FIT,
    INTERVAL,
    COVERAGE,
    SKIM_CUTFLOW,
    CUTFLOW,
    CLIMB,
    SEARCH,
    TUNED,
    EFFICIENT_SCORE,
    LEARNED_RESPONSES,
    FAKES,
    SELECTION,
    COMPARISON,
    METRICS,
    SCANNED_CATEGORIES,
    CATEGORIES,
    OTHER_JSON,
)
KINDS = "a ROOT file, HDF5 (.h5), a network (.safetensors), or JSON that a step wrote"


def codecs_of(path: str | Path) -> tuple[Path, list[AnyCodec]]:
    """The file that a path means, and its codecs: one, or that of each part of a ROOT file.

    Raises `InputError` that names the file if it is missing, cannot be read or is of no known kind.
    """
    path = Path(without_tree(str(path)))
    if not path.is_file():
        raise InputError(f"{path}: cannot be read (no such file)")
    if path.suffix not in {codec.suffix for codec in CODECS}:
        raise InputError(f"{path}: not a kind of file that can be inspected; give {KINDS}")
    top = _TOP.get(path.suffix, _unopened)(path)
    found = [codec for codec in CODECS if codec.suffix == path.suffix and codec.holds(top)]
    return path, found if path.suffix == ".root" else found[:1]


def _unopened(path: Path) -> Mapping[str, Any]:
    return {}


def _root(path: Path) -> Mapping[str, Any]:
    import uproot

    try:
        with uproot.open(path) as file:
            return dict(file.classnames(cycle=False))
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: cannot be read as a ROOT file ({error})") from None


def _hdf5(path: Path) -> Mapping[str, Any]:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return {**file.attrs, **dict.fromkeys(file)}
    except OSError as error:
        raise InputError(f"{path}: not an HDF5 file ({error})") from None


_TOP: dict[str, Callable[[Path], Mapping[str, Any]]] = {
    ".root": _root,
    ".h5": _hdf5,
    ".json": read_json,
}
