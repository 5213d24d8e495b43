"""What can be added from outside: input formats, networks, kinds of systematic uncertainties.

A package adds one through an entry point (packaging.python.org/specifications/entry-points) of the
group `zenith.formats`, `zenith.networks` or `zenith.systematics`; Zenith's own are listed where
their protocol is.
"""

import difflib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from zenith.errors import ConfigError


class Registry:
    """One group of things by name: Zenith's own, and those of other packages."""

    def __init__(self, group: str, own: Mapping[str, str]):
        """`own` are places by name, as in an entry point: `zenith.events.formats.tree:Tree`."""
        self.group = group
        self._own = {name: EntryPoint(name, place, group) for name, place in own.items()}
        self._found = cache(self._search)

    def _search(self) -> dict[str, EntryPoint]:
        found = dict(self._own)
        for point in entry_points(group=self.group):
            if point.name in found:
                raise ConfigError(
                    f"{self.group}: {point.name!r} is defined by {found[point.name].value} and by "
                    f"{point.value}: uninstall one"
                )
            found[point.name] = point
        return found

    @property
    def own(self) -> tuple[str, ...]:
        """The names that are Zenith's own, sorted."""
        return tuple(sorted(self._own))

    @property
    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted(self._found()))

    def load(self, name: str) -> Any:
        """What has this name, imported. Raises ConfigError if there is none, or it fails."""
        found = self._found()
        if name not in found:
            close = difflib.get_close_matches(name, found, 1)
            hint = f"did you mean {close[0]!r}?" if close else "if a package adds it, install that"
            raise ConfigError(f"unknown {name!r} (known: {', '.join(self.names)}); {hint}")
        try:
            return found[name].load()
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                f"{name!r} ({found[name].value}, {self.group}) cannot be imported: {error}"
            ) from None
