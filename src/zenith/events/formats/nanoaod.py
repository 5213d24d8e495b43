"""NanoAOD, and the skims that Zenith writes: trees Events and Runs, TTrees or RNTuples."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from pydantic import Field

from zenith.config.formats import MASKED
from zenith.errors import InputError
from zenith.events.formats.protocol import EventFile, Format


class NanoAODFormat(Format):
    """NanoAOD as CMS and Zenith write it, in TTrees or RNTuples."""

    type: Annotated[Literal["nanoaod"], Field(description="type of format"), MASKED] = "nanoaod"

    def agree(self, analysis: Any, sample: str, key: str) -> None:
        """A skim does not keep all of NanoAOD."""
        if analysis.skim.branches is None:
            raise ValueError("skim.branches: missing (branches of NanoAOD that are kept)")

    @contextmanager
    def open(
        self, path: str, *, simulation: bool = True, patient: bool = True
    ) -> Iterator[EventFile]:
        from zenith.events import source  # uproot, which checking a configuration needs not
        from zenith.events.formats.root import find

        with source.open_file(path, patient=patient) as file:
            events = find(file, path, "Events")
            if events is None:
                names = ", ".join(file.keys(recursive=False, cycle=False)) or "nothing"
                raise InputError(
                    f"{path}: no tree Events (there is {names}); of files that are no NanoAOD, "
                    "say in `format` what they hold"
                )
            yield EventFile(events, lambda: find(file, path, "Runs"), str(file.file.uuid))
