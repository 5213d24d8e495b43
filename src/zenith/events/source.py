"""Opening and reading a NanoAOD file, with one clear message for each way in which it fails."""

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import uproot

from zenith.artefacts.identity import without_tree
from zenith.errors import InputError
from zenith.events import remote
from zenith.events.remote import Failure

T = TypeVar("T")
log = logging.getLogger(__name__)
WAITS = (1.0, 5.0, 20.0, 60.0)  # seconds before each further attempt


@contextmanager
def open_file(path: str) -> Iterator[uproot.ReadOnlyDirectory]:
    """A ROOT file: a local path, or an http(s):// or root:// address.

    `FILE.root:Events` is the file. Raises `InputError` if it is missing, cut short, or not a ROOT
    file, and if its server cannot be reached, refuses or fails.
    """
    # A mapping, in which colons and brackets of a path are its own. Without caches of arrays:
    # memory is then that of the chunk in hand.
    where: Any = {without_tree(path): None}
    options = {"array_cache": None, "object_cache": None} | remote.options(path)
    file = reading(path, lambda: uproot.open(where, **options))
    with file:
        yield file


def reading(path: str, read: Callable[[], T]) -> T:
    """What `read` returns; what may pass is tried again after growing waits, others name the file.

    No file is ever skipped: that would lose events without a word.
    """
    attempt = 0
    while True:
        try:
            return read()
        except Exception as error:
            failure = _failure(error, path)
            if attempt == min(failure.again, len(WAITS)):
                tried = f" (tried {attempt + 1} times)" if attempt else ""
                raise InputError(f"{path}: {failure.reason}{tried}") from error
        log.warning("%s: %s; again in %g s", path, failure.reason, WAITS[attempt])
        time.sleep(WAITS[attempt])
        attempt += 1


def _failure(error: Exception, path: str) -> Failure:
    match error:
        case FileNotFoundError() if re.search(r"\.root:[^:/]+$", path):
            return Failure(
                "there is no such file; of a file only the tree Events is read, FILE.root:Events"
            )
        case ImportError():
            return Failure(
                f"this address needs more packages: pip install 'zenith-hep[remote]' ({error})"
            )
        case ValueError() if "not a ROOT file" in str(error):
            return Failure("not a ROOT file; check that the download is complete")
        case FileNotFoundError() if "://" not in path:
            return Failure("there is no such file; check the path")
        case _:
            return remote.failure(error, path)
