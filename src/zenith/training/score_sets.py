"""Training sets with the scores of a network: what `zenith categorise` reads."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts.tensors import read_tensors
from zenith.artefacts.training_set import SCORES, SHAPES, with_scores
from zenith.config.inputs import TrainingSetFields
from zenith.core.networks.network import Network
from zenith.errors import InputError
from zenith.training.network_files import load_network, settings_of
from zenith.training.scores import regressions_of, scores_of
from zenith.training.sets import Source, opened

ROWS = 65_536  # events that are scored at once
PREDICTED = ("value", "log_variance")  # the columns of a regression


def score_set(
    network: str | Path, path: str, output: str | Path, signal: Sequence[str] | None = None
) -> int:
    """Write a copy of a training set with the scores of a network; return the number of events.

    The dataset `scores` (N, classes), of two classes (N, 1), has the names of its columns as the
    attribute `names`; each regression is a dataset of its name, (N, 1 or 2), with the prediction
    and the logarithm of its variance. `shapes/VARIATION/` has those under a shape variation.
    `weight` and `label` (N,), the class, are what `zenith categorise` reads beside, where the file
    has them, and the attributes `label_names` and `signal_labels`: the classes `signal`, by default
    the last.

    Raises `InputError` for a network that cannot be read, a class that it has not, and as `Source`.
    """
    header, _ = read_tensors(network)
    mva = settings_of(network, header.get("network"))
    found = load_network(network)
    recorded = header.get("metadata", {})
    if samples := recorded.get("samples"):
        mva = mva.model_copy(update={"classes": {c: tuple(names) for c, names in samples.items()}})
    fields = TrainingSetFields.model_validate(recorded.get("training_set", {}))
    classes = tuple(mva.classes)
    signal = classes[-1:] if signal is None else signal
    for of_class in signal:
        if of_class not in classes:
            raise InputError(
                f"{network}: --signal {of_class}: the network has no such class; it has "
                f"{', '.join(classes)}"
            )
    attributes = {
        "label_names": list(classes),
        "signal_labels": [classes.index(of_class) for of_class in signal],
    }
    with opened([path], mva, fields) as (source,):
        beside = _beside(source)
        names = found.classes or classes[-1:]
        with with_scores(output, source.file, beside, **attributes) as add:
            for place in places(source):
                outputs = evaluated_set(source, partial(_outputs, found), place)
                add(f"{place}{SCORES}", outputs[: len(names)].T, names)
                start = len(names)
                for name, size in found.regressions.items():
                    add(f"{place}{name}", outputs[start : start + size].T, PREDICTED[:size])
                    start += size
        return source.file.size


def _beside(source: Source) -> dict[str, NDArray[Any]]:
    """Weight, label and number of each event, where the file has them."""
    found: dict[str, list[NDArray[Any]]] = {}
    own = source.file.layouts[source.fields.events].dtype.names or ()
    for rows in source.file.blocks((source.fields.events,), ROWS):
        events = rows[source.fields.events]
        if source.fields.label in own:
            found.setdefault("label", []).append(source.labels(events))
            if source.fields.weight is None or source.fields.weight in own:
                found.setdefault("weight", []).append(source.weights(events))
        if "event" in own:
            found.setdefault("event", []).append(events["event"])
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _outputs(network: Network, *inputs: Any) -> NDArray[np.float32]:
    """The scores, and the rows of each regression, (outputs, N)."""
    return np.concatenate([scores_of(network, *inputs), *regressions_of(network, *inputs).values()])


def places(source: Source) -> dict[str, str]:
    """Where the events of a set are, nominal and under each shape variation, with its name."""
    varied = {f"{SHAPES}/{name}/": name for name in source.file.variations}
    return {"": "", **varied}


def evaluated_set(
    source: Source, function: Callable[..., NDArray[np.float32]], place: str = ""
) -> NDArray[np.float32]:
    """What a function makes of features and objects, (outputs, N), nominal or of a `place`."""
    names = {name: f"{place}{name}" for name in source.names}
    nominal = {name for name, path in names.items() if not source.file.has(path)}
    read = tuple(name if name in nominal else path for name, path in names.items())
    found = []
    for rows in source.file.blocks(read, ROWS):
        x, objects = source.inputs(dict(zip(names, rows.values(), strict=True)))
        found.append(function(x, objects))
    if not found:
        empty = {name: source.file.read((name,), 0, 0)[name] for name in source.names}
        found.append(function(*source.inputs(empty)))
    return np.concatenate(found, axis=1)
