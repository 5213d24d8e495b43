"""What several steps read: the columns of all samples, and the networks of an analysis."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zenith.artefacts import Columns
    from zenith.config import Analysis
    from zenith.config.networks.settings import Mva
    from zenith.core.networks.network import Network
    from zenith.optimisation.selection import Physical
    from zenith.statistics.selections import Selections


def read_samples(paths: list[str], *, copies: bool = False) -> "dict[str, Columns]":
    """Columns files by the sample that each holds, with their copies if they are asked for."""
    from zenith.artefacts import read_columns
    from zenith.errors import InputError

    columns = {}
    for path in paths:
        found = read_columns(path, copies=copies)
        sample = str(found.attributes.get("sample", ""))
        if not sample:
            raise InputError(f"{path}: the file does not name its sample; run `zenith columns`")
        if sample in columns:
            raise InputError(f"{path}: the columns of sample {sample!r} are given twice")
        columns[sample] = found
    return columns


def read_events(
    analysis: "Analysis", paths: list[str], folder: str | None, folds: Sequence[int] | None = None
) -> "dict[str, Columns]":
    """The same with the logits of networks in use that read objects, of all folds or of some."""
    return with_logits(analysis, read_samples(paths), folder, folds)


def with_logits(
    analysis: "Analysis",
    columns: "Mapping[str, Columns]",
    folder: str | None,
    folds: Sequence[int] | None = None,
) -> "dict[str, Columns]":
    """Columns with the logits of networks in use that read objects, by `logit_columns`.

    Or with the embedding, of those whose head moves.

    `{folder}/{name}/fold_{fold}/logits.h5`. Raises InputError for logits of other events.
    """
    from dataclasses import replace

    from zenith.artefacts.logits import read_logits
    from zenith.core.networks.given import embedding_columns, logit_columns
    from zenith.errors import InputError

    found = dict(columns)
    for name, mva in analysis.networks_in_use.items():
        for fold in (folds or range(analysis.folds.number)) if mva.objects else ():
            path, _ = _logits_file(analysis, folder, name, fold)
            names = logit_columns(name, mva.softmax_classes, fold)
            logits = read_logits(path).samples
            for sample, own in found.items():
                given = logits.get(sample)
                if given is None or not given.is_of(own):
                    raise InputError(
                        f"{path}: has no logits of the events of sample {sample!r}; run `zenith "
                        f"logits --name {name} --fold {fold}` on the training sets of the skims "
                        "that the columns are made of"
                    )
                if mva.moves_head:
                    names = embedding_columns(name, len(given.values), fold)
                shapes = {
                    variation: values | dict(zip(names, given.shapes[variation], strict=True))
                    for variation, values in own.shapes.items()
                }
                values = own.values | dict(zip(names, given.values, strict=True))
                found[sample] = replace(own, values=values, shapes=shapes)
    return found


def logits_files(analysis: "Analysis", folder: str | None, fold: int) -> list[Path]:
    """Those of the networks in use that read objects, for a fold."""
    readers = [name for name, mva in analysis.networks_in_use.items() if mva.objects]
    return [_logits_file(analysis, folder, name, fold)[0] for name in readers]


def _logits_file(
    analysis: "Analysis", folder: str | None, name: str, fold: int
) -> tuple[Path, tuple[int, ...]]:
    """The file of the logits of a network, and the folds that taught it.

    Raises InputError as `read_networks`.
    """
    from zenith.artefacts.logits import read_logits
    from zenith.errors import InputError
    from zenith.events.folds import require_unseen
    from zenith.training.network_files import require_architecture, settings_of

    path = Path(_folder(folder, [name])) / name / f"fold_{fold}/logits.h5"
    header = read_logits(path, arrays=False).header
    settings = settings_of(path, header.get("network"))
    remedy = "run `zenith mva` and `zenith logits`"
    require_architecture(path, settings, analysis.mva[name], remedy)
    wanted = analysis.mva[name].given
    if (found := header.get("holds", "logits")) != wanted:
        raise InputError(
            f"{path}: holds the {found} of the network; by fine_tune the {wanted} is needed: run "
            f"`zenith logits --name {name} --fold {fold}` with this configuration"
        )
    step = f"mva --name {name}"
    return path, require_unseen(header.get("metadata", {}), analysis.folds, fold, path, step)


def read_networks(
    analysis: "Analysis",
    folder: str | None,
    fold: int,
    selection: str | None = None,
    only: Collection[str] | None = None,
    among: Sequence[int] | None = None,
) -> "tuple[dict[str, Network], set[int]]":
    """The networks that read a fold, by name, and the folds that taught them.

    They are those whose scores are in use, or the ones that `only` names.

    `{folder}/{name}/fold_{fold}/initial.safetensors`, but for those that the selection file (JSON)
    names, by their paths from its folder. In place of one that reads objects stand its logits, or
    its head where that moves; columns have them, or the embedding, by the networks of the folds
    `among` (`read_events`), by default of this one.
    Raises InputError for networks of other folds, and those that the fold itself taught.
    """
    from zenith.artefacts.selection import SELECTION
    from zenith.artefacts.tensors import read_tensors
    from zenith.core.networks.given import GivenLogits, on_embedding
    from zenith.events.folds import require_unseen
    from zenith.training.network_files import load_network

    wanted = analysis.networks_in_use if only is None else only
    if not wanted:
        return {}, set()
    moved = SELECTION.read(selection).get("networks", {}) if selection else {}
    paths = {name: Path(selection or "").parent / path for name, path in moved.items()}
    if not paths.keys() >= set(wanted):
        _folder(folder, wanted)
    networks: dict[str, Network] = {}
    teachers = set[int]()
    for name in wanted:
        mva = analysis.mva[name]
        if mva.objects:
            teachers |= {*_logits_file(analysis, folder, name, fold)[1]}
        if mva.objects and not mva.moves_head:
            networks[name] = GivenLogits.of(name, mva.softmax_classes, fold, among or [fold])
            continue
        trained = Path(folder or "") / name / f"fold_{fold}/initial.safetensors"
        path = paths.get(name, trained)
        networks[name] = load_network(path, analysis.climbed(name) if name in paths else mva)
        recorded = read_tensors(path).header.get("metadata", {})
        step = "optimise" if name in paths else f"mva --name {name}"
        teachers |= {*require_unseen(recorded, analysis.folds, fold, path, step)}
        if mva.moves_head:
            networks[name] = on_embedding(networks[name], name, fold, among or [fold])
    return networks, teachers


def with_trunks(
    analysis: "Analysis", folder: str | None, fold: int, moved: "Mapping[str, Network]"
) -> "dict[str, Network]":
    """Networks as a climb has moved them, those whose head moved with the rest of them."""
    from zenith.core.networks.given import with_trunk
    from zenith.training.network_files import load_network

    found = dict(moved)
    for name in moved.keys() & analysis.mva.keys():
        if (mva := analysis.mva[name]).moves_head:
            path = Path(_folder(folder, [name])) / name / f"fold_{fold}/initial.safetensors"
            found[name] = with_trunk(moved[name], load_network(path, mva))
    return found


def _folder(given: str | None, networks: Iterable[str]) -> str:
    from zenith.errors import InputError

    if given is None:
        raise InputError(
            f"the configuration has networks ({', '.join(networks)}): name their folder with "
            "--networks, results/{name}/mva"
        )
    return given


def read_networks_of_folds(
    analysis: "Analysis", folder: str | None, selections: Sequence[str] = ()
) -> "list[dict[str, Network]]":
    """The networks of each fold, as they were trained or as the selection of the fold has them."""
    from zenith.statistics.selections import selection_of_each_fold

    if not analysis.networks_in_use:
        return [{}] * analysis.folds.number
    files = selection_of_each_fold(analysis, selections)
    folds = range(analysis.folds.number)
    return [
        read_networks(analysis, folder, fold, path, among=folds)[0]
        for fold, (path, _) in enumerate(files)
    ]


def read_selected(
    analysis: "Analysis",
    columns: "Mapping[str, Columns]",
    folder: str | None,
    selections: Sequence[str] = (),
) -> "list[Physical]":
    """Thresholds, edges and networks of each fold: of selection files, or the initial ones."""
    from zenith.optimisation.categories import begun
    from zenith.statistics.selections import read_selections, selection_of_each_fold

    read_selections(analysis, selections)  # what does not fit the configuration is an error here
    files = selection_of_each_fold(analysis, selections)
    networks = read_networks_of_folds(analysis, folder, selections)
    return [
        begun(analysis, columns, own, fold, content)
        for fold, (own, (_, content)) in enumerate(zip(networks, files, strict=True))
    ]


def read_hard(
    analysis: "Analysis",
    columns: "Mapping[str, Columns]",
    folder: str | None,
    selections: Sequence[str] = (),
) -> "tuple[Selections, list[dict[str, Network]]]":
    """The same as histograms are filled with it, and the networks of each fold."""
    from dataclasses import replace

    import numpy as np

    from zenith.optimisation.selection import all_thresholds
    from zenith.statistics.selections import read_selections

    hard = read_selections(analysis, selections)
    if not analysis.parted:
        return hard, read_networks_of_folds(analysis, folder, selections)
    chosen = read_selected(analysis, columns, folder, selections)
    found = [all_thresholds(analysis, of_fold) for of_fold in chosen]
    thresholds = {name: np.array([t[name] for t in found]) for name in found[0]}
    return replace(hard, thresholds=thresholds), [of_fold["networks"] for of_fold in chosen]


def settings_of_network(analysis: "Analysis", name: str, source: str) -> "Mva":
    """The settings of a network, its classes without the samples that are not used."""
    from zenith.errors import ConfigError

    if name not in analysis.mva:
        known = ", ".join(analysis.mva) or "none"
        raise ConfigError(f"{source}: mva: no network {name!r}; there is {known}")
    mva = analysis.mva[name]
    if not analysis.of_samples:
        return mva
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
