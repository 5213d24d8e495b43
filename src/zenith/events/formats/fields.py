"""Looking up what a configuration names in events, with an error that says what is missing."""

import difflib
from typing import Any

from zenith.errors import InputError


def lookup(record: Any, name: str, key: str, prefix: str = "") -> Any:
    """`record[name]`, for example of all events, or of the muons with the prefix `Muon_`.

    Raises `InputError` that names the branch, the `key` of the configuration that asks for it
    and the names that are close to it.
    """
    if name in record.fields:
        return record[name]
    available = sorted(record.fields)
    close = difflib.get_close_matches(name, available, n=5, cutoff=0.5)
    there_is = ", ".join(prefix + field for field in close or available[:20]) or "nothing"
    raise InputError(
        f"{key}: the events have no branch {prefix}{name} (there is {there_is}); "
        "name another, keep it in skim.branches, or map it in format"
    )


def field(events: Any, collection: str, name: str, key: str) -> Any:
    """One field of a collection or singleton, `Jet` and `pt`; raises as `lookup` does."""
    return lookup(lookup(events, collection, key), name, key, f"{collection}_")
