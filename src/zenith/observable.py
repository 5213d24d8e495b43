"""An observable: one flat number per event, written as one function in an analysis module."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Observable:
    """A function of the selected objects of a chunk of events, with its unit.

    Attributes
    ----------
    function
        Takes the `Objects` of a chunk (see `zenith.events.objects`) and returns one number for
        each event; None (a missing object) becomes `missing`.
    unit
        `"GeV"`, or `""` for pure numbers.
    missing
        The value of events that lack the object. Flat columns hold no NaN, so that soft cuts and
        networks always get a number; the value is chosen to fail the cuts that are made on it.
    description
        The function's docstring.
    """

    function: Callable[[Any], Any]
    unit: str
    missing: float
    description: str

    def __call__(self, objects: Any) -> Any:
        """The values for a chunk of events, shape (events,), with None where undefined."""
        return self.function(objects)


def observable(
    unit: str = "", missing: float = 0.0
) -> Callable[[Callable[[Any], Any]], Observable]:
    """Make an observable of a function; its name and docstring are the observable's."""

    def decorate(function: Callable[[Any], Any]) -> Observable:
        return Observable(function, unit, missing, " ".join((function.__doc__ or "").split()))

    return decorate
