"""Opening and reading a NanoAOD file, with one clear message for each way in which it fails."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import uproot

from zenith.artefacts.identity import without_tree
from zenith.errors import InputError

T = TypeVar("T")
TRANSIENT = "Operation expired"  # what XRootD says when a server is too busy to answer in time
WAITS = (1.0, 5.0, 20.0)  # seconds before each further attempt


@contextmanager
def open_file(path: str) -> Iterator[uproot.ReadOnlyDirectory]:
    """A ROOT file: a local path, or an http(s):// or root:// address.

    `FILE.root:Events` is the file. Raises `InputError` if it is missing, cut short, or not a ROOT
    file.
    """
    # A mapping, in which colons and brackets of a path are its own. Without caches of arrays:
    # memory is then that of the chunk in hand.
    where: Any = {without_tree(path): None}
    file = reading(path, lambda: uproot.open(where, array_cache=None, object_cache=None))
    with file:
        yield file


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
        case FileNotFoundError() if re.search(r"\.root:[^:/]+$", path):
            return "there is no such file; of a file only the tree Events is read, FILE.root:Events"
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
