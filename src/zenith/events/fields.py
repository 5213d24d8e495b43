"""Looking up what a configuration names in events, with an error that says what is missing."""

import difflib
from collections.abc import Iterable
from typing import Any

from zenith.errors import InputError


def _lacking(branch: str, available: Iterable[str], key: str) -> InputError:
    available = sorted(available)
    close = difflib.get_close_matches(branch, available, n=5, cutoff=0.5)
    there_is = ", ".join(close or available[:20]) or "nothing"
    return InputError(
        f"{key}: the events have no branch {branch} (there is {there_is}); "
        "name another, or keep it in skim.branches"
    )


def top_level(events: Any, name: str, key: str) -> Any:
    """A collection (`Jet`), a singleton (`MET`) or a flat branch (`genWeight`) of the events.

    Raises `InputError` that names the branch, the `key` of the configuration that asks for it
    and the names that are close to it.
    """
    if name not in events.fields:
        raise _lacking(name, events.fields, key)
    return events[name]


def field(events: Any, collection: str, name: str, key: str) -> Any:
    """One field of a collection or singleton, `Jet` and `pt`; raises as `top_level` does."""
    array = top_level(events, collection, key)
    if name not in array.fields:
        raise _lacking(f"{collection}_{name}", (f"{collection}_{f}" for f in array.fields), key)
    return array[name]
