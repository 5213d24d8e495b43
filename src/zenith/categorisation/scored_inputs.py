"""Scored events of a toy or a file, in the part that categories are found with and the unseen."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.artefacts import read_arrays
from zenith.artefacts.numbers import numbers, whole_numbers
from zenith.config.inputs import ScoredEvents
from zenith.errors import InputError
from zenith.events.folds import hash_of, uniform
from zenith.simulation.toys import toy

Arrays = dict[str, NDArray[Any]]


def scored(events: ScoredEvents, seed: int) -> tuple[Arrays, dict[str, Any]]:
    """Arrays by name and attributes, as `zenith categorise` reads them."""
    if events.file is not None:
        arrays, attributes = read_arrays(events.file)
        whole_numbers(attributes.get("signal_labels", ()), events.file, "signal_labels")
        return arrays, attributes
    assert events.toy is not None
    made = toy(events.toy, seed, events.fraction)
    arrays = {"scores": made.scores, "weight": made.weight, "label": made.label}
    return arrays, {"signal_labels": made.signal_labels}


def parts(
    arrays: Mapping[str, NDArray[Any]], fraction: float, source: str
) -> tuple[Arrays, Arrays]:
    """Part the events by a hash of `event` (N,), or of the row if there is no such array.

    Every array with a first axis of N events is parted, others are kept whole. `weight`, and every
    array whose name begins with it, is scaled label by label, so that each part has the yields of
    all events. Raises `InputError` if `weight` or `label` is missing, is of no number or of another
    length, or a part has no event.
    """
    for name in ("weight", "label"):
        if name not in arrays:
            raise InputError(f"{source}: there is no dataset {name!r}, only {', '.join(arrays)}")
    label = np.atleast_1d(whole_numbers(arrays["label"], source, "label"))
    weight = numbers(arrays["weight"], source, "weight")
    events = len(label)
    event = np.asarray(arrays.get("event", np.arange(events)))
    if event.dtype.kind not in "iu":  # all 64 bits of an unsigned number count
        event = whole_numbers(event, source, "event")
    for name, array in (("weight", weight), ("event", event)):
        if array.shape != (events,):
            raise InputError(
                f"{source}: {name} has shape {array.shape} and label {label.shape}: one {name} is "
                "needed for each event"
            )
    first = uniform(hash_of(event)) < fraction
    found: list[Arrays] = []
    for which in (first, ~first):
        if not which.any():
            raise InputError(
                f"{source}: of {events} events a split of {fraction:g} leaves a part empty"
            )
        scale = np.full(events, events / which.sum())
        for value in np.unique(label):
            mine = label == value
            part = weight[mine & which].sum()
            if part > 0 and weight[mine].min() >= 0:  # sums of mixed signs are no scale
                scale[mine] = weight[mine].sum() / part
        found.append({})
        for name, array in arrays.items():
            of_events = np.shape(array)[:1] == (events,)
            found[-1][name] = array[which] if of_events else array
            if of_events and name.startswith("weight"):
                found[-1][name] = array[which] * scale[which].reshape(-1, *[1] * (array.ndim - 1))
    return found[0], found[1]
