"""Opening and reading a NanoAOD file, with one clear message for each way in which it fails."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import uproot

from zenith.errors import InputError

T = TypeVar("T")
TRANSIENT = "Operation expired"  # what XRootD says when a server is too busy to answer in time
WAITS = (1.0, 5.0, 20.0)  # seconds before each further attempt


@contextmanager
def open_file(path: str) -> Iterator[uproot.ReadOnlyDirectory]:
    """A ROOT file: a local path, or an http(s):// or root:// address.

    Raises `InputError` if it is missing, cut short, or not a ROOT file.
    """
    # Without caches of arrays: memory is then that of the chunk in hand.
    file = reading(path, lambda: uproot.open(path, array_cache=None, object_cache=None))
    with file:
        yield file


def tree(file: uproot.ReadOnlyDirectory, path: str) -> uproot.TTree:
    """The tree `Events` of an open file; `InputError` if there is none."""
    names = file.keys(recursive=False, cycle=False)
    if "Events" not in names:
        raise InputError(
            f"{path}: no tree Events (there is {', '.join(names) or 'nothing'}); "
            "the input of a skim is NanoAOD"
        )
    found = reading(path, lambda: file["Events"])
    if not isinstance(found, uproot.TTree):
        raise InputError(f"{path}: Events is a {type(found).__name__}, not a TTree")
    return found


def reading(path: str, read: Callable[[], T]) -> T:
    """What `read` returns; a transient failure is tried again, others name the file.

    No file is ever skipped: that would lose events without a word.
    """
    waits = iter(WAITS)
    while True:
        try:
            return read()
        except Exception as error:
            wait = next(waits, None) if TRANSIENT in str(error) else None
            if wait is None:
                raise InputError(f"{path}: {_explained(error, path)}") from error
        time.sleep(wait)


def _explained(error: Any, path: str) -> str:
    reason = " ".join(str(error).split()) or type(error).__name__
    match error:
        case FileNotFoundError():
            return "there is no such file; check the path"
        case ImportError():
            return f"this address needs more packages: pip install 'zenith-hep[remote]' ({reason})"
        case _ if TRANSIENT in reason:
            return f"the server does not answer ({reason}); try again later"
        case ValueError() if "not a ROOT file" in reason:
            return "not a ROOT file; check that the download is complete"
        case _ if path.startswith("http"):
            return (
                "cannot be read; it is cut short, or its server does not serve ranges of bytes: "
                f"download it ({reason})"
            )
        case _:
            return f"cannot be read; it may be cut short, copy it again ({reason})"
