"""Which folds of the events taught something: what networks, selections and searches record."""

from typing import Annotated

from typing_extensions import TypedDict


class Division(TypedDict):
    """How events fall into folds."""

    number: Annotated[int, "of folds"]
    salt: Annotated[int, "of the hash"]


class Taught(TypedDict):
    """What was learned for one fold, whose events it then reads."""

    fold: Annotated[int, "that it reads, from 0"]
    folds: Annotated[Division, "how events fall into folds"]
    taught_by: Annotated[
        list[int], "folds whose events taught it, directly or through what it started from"
    ]
