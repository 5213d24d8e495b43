"""What an analysis module writes as functions: observables, weights and shifts of events.

Observables and weights give one flat number per event; shifts give other numbers of the events. A
toy may know the exact ratio of its intensities.
"""

from collections.abc import Callable, Iterable, Mapping
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
        Figures of networks leave out events that have it, except 0 where the axis shows it.
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


@dataclass(frozen=True)
class Weight:
    """A function that weights simulated events, and its variations.

    Attributes
    ----------
    function
        Takes the `Objects` of a chunk, and with `variations` also the name of one of them or
        `"nominal"`. It returns what multiplies the weight of each event: any finite number, also
        a negative one, as a reweighting to another coupling may need; None (a missing object)
        is 1.
    variations
        Names that systematic uncertainties take for their up and down.
    description
        The function's docstring.
    """

    function: Callable[..., Any]
    variations: tuple[str, ...]
    description: str

    def __call__(self, objects: Any, variation: str = "nominal") -> Any:
        """The factors for a chunk of events, shape (events,), with None where undefined."""
        return self.function(objects, *([variation] if self.variations else []))


def weight(variations: Iterable[str] = ()) -> Callable[[Callable[..., Any]], Weight]:
    """Make a weight of a function; its name and docstring are the weight's.

    With `variations=("up", "down")` the function has the second argument `variation`, one of these
    or "nominal". A configuration applies the weight by its name under `weights`, and makes a
    nuisance parameter of its variations by a systematic uncertainty `{type: weight, weight: NAME}`.

    Raises ValueError for names that are not different identifiers, or nominal.
    """
    names = () if callable(variations) else tuple(variations)
    if callable(variations) or isinstance(variations, str):
        raise ValueError('write @weight(), or @weight(variations=("up", "down"))')
    if len({*names, "nominal"}) <= len(names) or not all(map(str.isidentifier, names)):
        raise ValueError(
            f"variations of a weight are different names besides nominal, not {', '.join(names)}"
        )

    def decorate(function: Callable[..., Any]) -> Weight:
        return Weight(function, names, " ".join((function.__doc__ or "").split()))

    return decorate


@dataclass(frozen=True)
class ShiftOfEvents:
    """A function that changes numbers of events, with the values at which it changes nothing.

    Attributes
    ----------
    function
        Takes the numbers of a chunk of events (`zenith.events.numbers`), and its parameters by
        name. It returns the numbers that change, by name, (events,) each; NaN is one that an event
        lacks.
    nothing
        Parameter → the value at which events are as in their files: 1 of a scale, 0 of a smearing.
    description
        The function's docstring.
    """

    function: Callable[..., Mapping[str, Any]]
    nothing: Mapping[str, float]
    description: str

    def __call__(self, events: Any, **values: float) -> Mapping[str, Any]:
        """What changes at these values, by name."""
        return self.function(events, **values)


def shift(
    **nothing: float,
) -> Callable[[Callable[..., Mapping[str, Any]]], ShiftOfEvents]:
    """Make a shift of a function with parameters, by the values at which they change nothing.

    A configuration makes a nuisance parameter of each, `systematics: {tes: {type: shift, …}}`.
    """

    def decorate(function: Callable[..., Mapping[str, Any]]) -> ShiftOfEvents:
        return ShiftOfEvents(function, nothing, " ".join((function.__doc__ or "").split()))

    return decorate


@dataclass(frozen=True)
class ExactRatio:
    """The ratio of intensities, where a module knows it.

    Learned responses are compared with it, and it says what is expected at truths of
    pseudo-experiments.

    Attributes
    ----------
    function
        Takes the observables of events by name, (events,) each, the name of a process and pulls by
        nuisance parameter. It returns ln[λ(x | ν) / λ(x | 0)] of the process, (events,).
    description
        The function's docstring.
    """

    function: Callable[[Mapping[str, Any], str, Mapping[str, float]], Any]
    description: str

    def __call__(self, values: Mapping[str, Any], process: str, pulls: Mapping[str, float]) -> Any:
        """The logarithms of the ratios."""
        return self.function(values, process, pulls)


def exact_ratio(
    function: Callable[[Mapping[str, Any], str, Mapping[str, float]], Any],
) -> ExactRatio:
    """Make the exact ratio of a module of a function; there is one at most."""
    return ExactRatio(function, " ".join((function.__doc__ or "").split()))
