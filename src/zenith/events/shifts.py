"""Events of which something is shifted before objects are selected: the shape variations."""

from collections.abc import Mapping
from itertools import product
from typing import Annotated

from pydantic import Field

from zenith.config import Analysis
from zenith.config.marks import concerns
from zenith.config.steps import TEMPLATES
from zenith.config.systematics import SHAPES, SIDES, Side, Sides, Varied
from zenith.errors import ConfigError
from zenith.events import copies, function_shifts
from zenith.events.formats.arrays import Events

NOMINAL = "nominal"
"""The variation in which every shift has its nominal value, where that is not that of the files."""


class Shift(Varied):
    """A kind of systematic uncertainty that changes collections of objects, or MET."""

    source = "shape"

    sides: Annotated[Sides, Field(description=SIDES), SHAPES, concerns(*TEMPLATES)] = "two"

    def collections(self, analysis: Analysis) -> set[str]:
        """The collections that it changes, `Jet` for example: a skim tries it on cuts on them.

        MET and the other branches of events are taken to change as well.
        """
        raise NotImplementedError

    def shifted(self, events: Events, analysis: Analysis, name: str, side: Side) -> Events:
        """The events as this side of the systematic uncertainty `name` has them.

        They are as many, in the same order. Raises InputError for a branch that is missing.
        """
        raise NotImplementedError

    def moved(self, events: Events, analysis: Analysis, name: str, pull: float) -> Events:
        """The same at any pull, of a kind that is continuous and no parameter of a function."""
        raise NotImplementedError


def variations(analysis: Analysis, process: str | None = None) -> list[str]:
    """The shape variations, `jes_up`, `jes_down` and so on; of one process, or all.

    Where nominal events are not those of the files, `nominal` is the first.
    """
    sides = [
        f"{name}_{side}"
        for name, systematic in analysis.systematics.items()
        if isinstance(systematic, Shift)
        if process is None or systematic.varies(analysis, process)
        for side in systematic.given
    ]
    return [NOMINAL, *sides] if function_shifts.move_nominal(analysis, process) else sides


def corners(analysis: Analysis) -> list[str]:
    """The corners of where surfaces shift events to, as copies are called."""
    asked = analysis.surfaces
    if asked is None:
        return []
    named = copies.shifting(analysis) if asked.systematics is None else asked.systematics
    names = [name for name in named if isinstance(analysis.systematics[name], Shift)]
    if not names:
        return []
    ends = product((-asked.reach, asked.reach), repeat=len(names))
    return [copies.name_of(dict(zip(names, corner, strict=True))) for corner in ends]


def collections(analysis: Analysis, variation: str) -> set[str]:
    """The collections that a shape variation or a copy changes."""
    if variation == NOMINAL:
        return set()
    if copies.is_one(variation):
        moved = (analysis.systematics[name] for name in copies.point_of(variation))
        return {
            c for shift in moved if isinstance(shift, Shift) for c in shift.collections(analysis)
        }
    return find(analysis, variation)[1].collections(analysis)


def find(analysis: Analysis, variation: str) -> tuple[str, Shift, Side]:
    """The name, the systematic uncertainty and the side of a shape variation, `jes_up`.

    Raises ConfigError if the configuration has none of this name.
    """
    name, _, side = variation.rpartition("_")
    systematic = analysis.systematics.get(name)
    if isinstance(systematic, Shift):
        for given in systematic.given:
            if given == side:
                return name, systematic, given
    raise ConfigError(
        f"systematics: there is no shape variation {variation!r}; "
        f"there is {', '.join(variations(analysis)) or 'none'}"
    )


def at(events: Events, analysis: Analysis, pulls: Mapping[str, float]) -> Events:
    """The events where continuous shifts have pulls, by name, one after the other, and others 0.

    Raises as `function_shifts.at` does, and as the kinds do.
    """
    events = function_shifts.at(events, analysis, pulls)
    for name, pull in pulls.items():
        systematic = analysis.systematics[name]
        if pull and isinstance(systematic, Shift) and systematic.parameter(name) is None:
            events = systematic.moved(events, analysis, name, pull)
    return events


def shifted(events: Events, analysis: Analysis, variation: str) -> Events:
    """The events under a shape variation, or a copy; other functions have their nominal values.

    Raises as `find`, and as the kind does.
    """
    if variation == NOMINAL:
        return function_shifts.at(events, analysis)
    if copies.is_one(variation):
        return at(events, analysis, copies.point_of(variation))
    name, systematic, side = find(analysis, variation)
    if systematic.parameter(name) is None:
        events = function_shifts.at(events, analysis)
    found = systematic.shifted(events, analysis, name, side)
    if len(found) != len(events):
        raise ConfigError(
            f"systematics.{name}: {type(systematic).__name__}.shifted gives {len(found)} events "
            f"for {len(events)}: it must keep all, as cuts come later"
        )
    return found
