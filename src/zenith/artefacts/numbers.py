"""Arrays of a file that must be numbers, or whole numbers such as labels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zenith.errors import InputError


def numbers(values: Any, source: str, name: str) -> NDArray[np.float64]:
    """Numbers in double precision, whatever their size; `InputError` for text and other objects."""
    array = np.asarray(values)
    if array.dtype.kind not in "iufb":
        raise InputError(f"{source}: {name} must be numbers, it holds {_kind(array)}")
    return array.astype(np.float64)


def whole_numbers(values: Any, source: str, name: str) -> NDArray[np.int64]:
    """Integers, also where they are stored as floating-point numbers.

    Raises `InputError` for text, NaN, infinities, fractions and numbers beyond 64 bits: each would
    become a label that nobody gave.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "iufb":
        raise InputError(f"{source}: {name} must be whole numbers, it holds {_kind(array)}")
    if array.dtype.kind == "f":
        array = array.astype(np.float64)
    with np.errstate(invalid="ignore"):  # of what cannot be converted, which is refused below
        whole = array.astype(np.int64)
    right = whole == array
    if array.dtype.kind == "f":  # 2⁶³, which does not fit, equals the largest int64 as a float
        right &= array < 2.0**63
    if wrong := int(np.count_nonzero(~right)):
        first = np.atleast_1d(array)[np.atleast_1d(~right)][0]
        raise InputError(
            f"{source}: {name} must be whole numbers of at most 64 bits: {wrong} of {array.size} "
            f"are not, the first is {first}; remove these events or correct {name}"
        )
    return whole


def _kind(array: NDArray[Any]) -> str:
    if array.dtype.kind in "SU" or (
        array.dtype.kind == "O" and array.size and isinstance(array.flat[0], str | bytes)
    ):
        return "text"
    return f"values of type {array.dtype}"
