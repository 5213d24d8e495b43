"""Events at a point in the space of the parameters that shifts of the analysis module have."""

from collections.abc import Mapping

import numpy as np

from zenith.config import Analysis, shifts_of
from zenith.errors import ConfigError
from zenith.events.formats.arrays import Events, Table
from zenith.events.numbers import Numbers


def at(events: Events, analysis: Analysis, pulls: Mapping[str, float] | None = None) -> Events:
    """The events where parameters have pulls, by the key of their systematic uncertainty, else 0.

    All parameters of a function are moved at once, so that what it selects it selects last. Raises
    ConfigError where a function gives numbers that events do not have.
    """
    values = {
        parameter: systematic.value((pulls or {}).get(name, 0.0))
        for name, systematic in analysis.systematics.items()
        if (parameter := systematic.parameter(name)) is not None
    }
    if not values:
        return events
    for name, function in shifts_of(analysis).items():
        given = {parameter: values.get(parameter, x) for parameter, x in function.nothing.items()}
        if given != function.nothing:
            found = function(Numbers(events.numbers, name, analysis.seed), **given)
            events = events.replace(_in_their_types(found, events.numbers, name), {})
    return events


def move_nominal(analysis: Analysis, process: str | None = None) -> bool:
    """Whether nominal events are not those of the files: a nominal value changes something."""
    nothing = {
        p: x for function in shifts_of(analysis).values() for p, x in function.nothing.items()
    }
    return any(
        systematic.value(0.0) != nothing[parameter]
        for name, systematic in analysis.systematics.items()
        if (parameter := systematic.parameter(name)) is not None
        if process is None or systematic.varies(analysis, process)
    )


def _in_their_types(found: Mapping[str, np.ndarray], numbers: Table, name: str) -> Table:
    for branch in found:
        if branch not in numbers.types:
            raise ConfigError(
                f"the shift {name} changes {branch!r}, which events do not have; correct it"
            )
    return Table.of({b: np.asarray(v, numbers.types[b]) for b, v in found.items()})
