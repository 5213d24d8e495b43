"""Opening and reading a ROOT file, with one clear message for each way in which it fails."""

import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import uproot

from zenith.artefacts.identity import without_tree
from zenith.errors import ReadError
from zenith.events import remote
from zenith.events.remote import Failure

T = TypeVar("T")
log = logging.getLogger(__name__)
WAITS = (1.0, 5.0, 20.0, 60.0)  # seconds before each further attempt


@contextmanager
def open_file(path: str, *, patient: bool = True) -> Iterator[uproot.ReadOnlyDirectory]:
    """A ROOT file: a local path, or an http(s):// or root:// address.

    `FILE.root:Events` is the file. A server that fails for a while is waited for if `patient`.
    Raises `ReadError` if the file is missing, cut short, or not a ROOT file, and if its server
    cannot be reached, refuses or fails.
    """
    # A mapping, in which colons and brackets of a path are its own. Without caches of arrays:
    # memory is then that of the chunk in hand.
    where: Any = {without_tree(path): None}
    options = {"array_cache": None, "object_cache": None} | remote.options(path)
    waits = WAITS if patient else ()
    file = reading(path, lambda: uproot.open(where, **options), waits)
    with file:
        yield file


def from_first(places: Sequence[str], use: Callable[[str, bool], T]) -> T:
    """What `use` makes of the first of the places of a file from which it can be read to the end.

    `use` gets the place, and whether to be patient: servers that fail for a while are waited for
    once all places have been tried. Raises what `use` raises, and `ReadError` that tells what is
    wrong with each place where there are several.
    """
    failed: dict[str, ReadError] = {}
    for patient in (False, True) if len(places) > 1 else (True,):
        for place in places:
            if place in failed and not failed[place].may_pass:
                continue
            try:
                return use(place, patient)
            except ReadError as error:
                failed[place] = error
                if len(places) > 1:
                    log.warning("%s; the file has other places", error)
    raise ReadError("; ".join(map(str, failed.values())))


def reading(path: str, read: Callable[[], T], waits: Sequence[float] | None = None) -> T:
    """What `read` returns; what may pass is tried again after growing waits, in seconds.

    Raises `ReadError`, which names the file. No file is ever skipped: that would lose events
    without a word.
    """
    waits = WAITS if waits is None else waits
    attempt = 0
    while True:
        try:
            return read()
        except Exception as error:
            failure = _failure(error, path)
            if attempt == min(failure.again, len(waits)):
                tried = f" (tried {attempt + 1} times)" if attempt else ""
                raise ReadError(
                    f"{path}: {failure.reason}{tried}", may_pass=failure.again > 0
                ) from error
        log.warning("%s: %s; again in %g s", path, failure.reason, waits[attempt])
        time.sleep(waits[attempt])
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
        case FileNotFoundError() if remote.is_local(path):
            return Failure("there is no such file; check the path")
        case _:
            return remote.failure(error, path)
