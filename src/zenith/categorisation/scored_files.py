"""Files of scored events: what `zenith categorise` reads."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import read_arrays
from zenith.artefacts.numbers import numbers, whole_numbers
from zenith.categorisation.scored import Scored
from zenith.core.categories.sideband import Sideband
from zenith.errors import InputError

GROUP, SIDES = "weight_variations/", ("up", "down")


def read(path: str | Path, sideband: Sideband | None = None) -> Scored:
    """Read HDF5: `scores` (N, D), `weight`, `label` (N,) and the attribute `signal_labels`.

    Optional: `mass` (N,); `weight_variations/NAME_up` and `…_down` (N,); the attributes
    `label_names` (a list, by number) and `normalisation_uncertainties` (JSON). Raises `InputError`.
    """
    arrays, attributes = read_arrays(path)
    for name in ("scores", "weight", "label"):
        if name not in arrays:
            raise InputError(
                f"{path}: there is no dataset {name!r}, only {', '.join(arrays) or 'none'}; the "
                "file must hold scores (N, D), weight (N,) and label (N,)"
            )
    if "signal_labels" not in attributes:
        raise InputError(
            f"{path}: the file has no attribute signal_labels: give it the list of the labels "
            "that are signal"
        )
    source = str(path)
    scores = numbers(arrays["scores"], source, "scores")
    if scores.ndim == 1:
        scores = scores[:, None]
    if scores.ndim != 2 or not scores.size:
        raise InputError(f"{path}: scores must have shape (N, D), they have {scores.shape}")
    return Scored(
        scores,
        numbers(arrays["weight"], source, "weight"),
        arrays["label"],
        signal_labels(attributes["signal_labels"], source),
        source,
        # masses matter, and must be sound, only where there is a window
        numbers(arrays["mass"], source, "mass") if sideband and "mass" in arrays else None,
        sideband,
        _variations(arrays, source),
        tuple(_text(name) for name in np.atleast_1d(attributes.get("label_names", ()))),
        _normalisation(attributes.get("normalisation_uncertainties", "{}"), source),
    )


def signal_labels(value: Any, source: str) -> tuple[int, ...]:
    """The attribute `signal_labels`; `InputError` if it is no list of whole numbers."""
    if np.asarray(value).dtype.kind == "b":  # a mask of the labels, or the label 1?
        raise InputError(f"{source}: signal_labels must be numbers of labels, not true or false")
    found = whole_numbers(value, source, "signal_labels")
    if found.ndim > 1:
        raise InputError(f"{source}: signal_labels must be one list, it has shape {found.shape}")
    return tuple(np.atleast_1d(found).tolist())


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _variations(arrays: Mapping[str, NDArray[Any]], source: str) -> dict[str, NDArray[np.float64]]:
    given = {
        name.removeprefix(GROUP): numbers(array, source, name)
        for name, array in arrays.items()
        if name.startswith(GROUP)
    }
    found = {}
    sided = {name for name in given if name.endswith(("_up", "_down"))}
    for name in sorted({name.rpartition("_")[0] for name in sided}):
        pair = [given.pop(f"{name}_{side}", None) for side in SIDES]
        if pair[0] is None or pair[1] is None or pair[0].shape != pair[1].shape:
            raise InputError(
                f"{source}: {GROUP}{name}_up and {GROUP}{name}_down must both be there, one weight "
                "for each event"
            )
        found[name] = np.stack([pair[0], pair[1]])
    if given:
        raise InputError(
            f"{source}: {GROUP}{next(iter(given))} is no variation: names must end in _up or _down"
        )
    return found


def _normalisation(text: Any, source: str) -> dict[str, dict[str, float]]:
    try:
        return {
            str(name): {str(label): float(size) for label, size in sizes.items()}
            for name, sizes in json.loads(_text(text)).items()
        }
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"{source}: the attribute normalisation_uncertainties must be JSON text of the form "
            f"{{name: {{label: relative uncertainty}}}} ({error})"
        ) from None
