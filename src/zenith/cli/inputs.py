"""What several steps read: the columns of all samples, and the networks of an analysis."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zenith.artefacts import Columns
    from zenith.config import Analysis
    from zenith.config.networks.settings import Mva
    from zenith.core.networks.network import Network
    from zenith.optimisation.selection import Physical


def read_samples(paths: list[str]) -> "dict[str, Columns]":
    """Columns files by the sample that each holds."""
    from zenith.artefacts import read_columns
    from zenith.errors import InputError

    columns = {}
    for path in paths:
        found = read_columns(path)
        sample = str(found.attributes.get("sample", ""))
        if not sample:
            raise InputError(f"{path}: the file does not name its sample; run `zenith columns`")
        if sample in columns:
            raise InputError(f"{path}: the columns of sample {sample!r} are given twice")
        columns[sample] = found
    return columns


def read_networks(
    analysis: "Analysis", folder: str | None, selection: str | None = None
) -> "dict[str, Network]":
    """The networks of the configuration, by name, as they were trained or as a selection has them.

    `{folder}/{name}/initial.safetensors`, but for those that the selection file (JSON) names, by
    their paths from its folder.
    """
    from zenith.artefacts.selection import SELECTION
    from zenith.errors import InputError
    from zenith.training.network_files import load_network

    if not analysis.mva:
        return {}
    moved = SELECTION.read(selection).get("networks", {}) if selection else {}
    paths = {name: Path(selection or "").parent / path for name, path in moved.items()}
    if folder is None and not analysis.mva.keys() <= paths.keys():
        raise InputError(
            f"the configuration has networks ({', '.join(analysis.mva)}): name their folder with "
            "--networks, results/{name}/mva"
        )
    return {
        name: load_network(paths.get(name, Path(folder or "") / name / "initial.safetensors"), mva)
        for name, mva in analysis.mva.items()
    }


def read_selection(
    analysis: "Analysis", path: str | None, networks: "dict[str, Network]"
) -> "Physical":
    """The thresholds and bin edges of a selection file, or the initial ones, with networks."""
    from zenith.artefacts.selection import SELECTION, Selection
    from zenith.optimisation.selection import physical
    from zenith.statistics.thresholds import complete_thresholds, with_selection

    found: Selection = SELECTION.read(path) if path else {}
    with_selection(analysis, path)
    thresholds = complete_thresholds(analysis, found.get("thresholds"), path or "thresholds")
    return physical(analysis, thresholds, networks, found.get("edges"))


def settings_of_network(analysis: "Analysis", name: str, source: str) -> "Mva":
    """The settings of a network, its classes without the samples that are not used."""
    from zenith.errors import ConfigError

    if name not in analysis.mva:
        known = ", ".join(analysis.mva) or "none"
        raise ConfigError(f"{source}: mva: no network {name!r}; there is {known}")
    mva = analysis.mva[name]
    classes = {
        of_class: tuple(sample for sample in samples if sample in analysis.used_samples)
        for of_class, samples in mva.classes.items()
    }
    for of_class, samples in classes.items():
        if not samples:
            raise ConfigError(
                f"{source}: mva.{name}.classes.{of_class}: only_samples leaves none of its samples "
                f"({', '.join(mva.classes[of_class])}); let one through, or set mva.{name}=null"
            )
    return mva.model_copy(update={"classes": classes})
