"""Functions of an analysis module: one number for each event, or one message on what is wrong."""

import traceback
from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from zenith.errors import ConfigError, InputError, ZenithError


def per_event(
    function: Callable[..., Any], *arguments: Any, events: int, what: str, missing: float
) -> NDArray[Any]:
    """What a function gives for a chunk of events, shape (events,), with `missing` for None.

    Raises
    ------
    InputError
        It asks for a field that is not there, or gives NaN or infinity somewhere.
    ConfigError
        It fails, or does not give one number for each event. `what` is named: observable met.
    """
    try:
        values = function(*arguments)
    except ZenithError:
        raise
    except AttributeError as error:  # what a missing branch or alias looks like
        raise InputError(f"{what}: {error}; is the branch kept, the alias set?") from error
    except Exception as error:
        text = " ".join(str(error).split())
        raise ConfigError(
            f"{what}: {type(error).__name__}: {text} ({_place(function, error)})"
        ) from error
    try:
        found = np.asarray(ak.to_numpy(ak.fill_none(values, missing)))
        numbers = found.dtype.kind in "biuf"
    except (TypeError, ValueError):
        numbers = False
    if not numbers:
        raise ConfigError(f"{what}: gives no numbers; return one number for each event")
    if found.shape != (events,):
        raise ConfigError(
            f"{what}: gives an array of shape {found.shape} for {events} events; "
            "return one number for each event"
        )
    require_finite(found, what)
    return found


def require_finite(values: NDArray[Any], what: str) -> None:
    """Raise InputError where a value of an event is NaN or infinite."""
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise InputError(
            f"{what} is {values[bad[0]]} in {len(bad)} of {len(values)} events; "
            "correct the input, or give such events another value"
        )


def _place(function: Any, error: Exception) -> str:
    """The line of the function's own file at which an error arose, or the last of all."""
    code = getattr(getattr(function, "function", function), "__code__", None)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if code and frame.filename == code.co_filename]
    last = (own or frames)[-1]
    return f"{last.filename}, line {last.lineno}"
