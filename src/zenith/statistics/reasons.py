"""Why a number is missing: what cannot be had is null with its reason; everything else stays."""

import logging
from collections.abc import Callable
from typing import TypeVar

from zenith.errors import FitError

log = logging.getLogger(__name__)

T = TypeVar("T")


class Reasons(dict[str, str]):
    """Reasons by the place of the null, as `upper_limit.observed`."""

    def attempt(self, place: str, compute: Callable[[], T]) -> T | None:
        """The result, or None where it raises FitError; the message of that is the reason."""
        try:
            return compute()
        except FitError as error:
            self.missing(place, str(error))
            return None

    def missing(self, place: str, reason: str) -> None:
        """Note that there is nothing at this place, and warn."""
        self[place] = reason
        log.warning("%s: %s", place, reason)
