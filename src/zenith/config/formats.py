"""What the files of a sample hold: the base of input formats, and which there are.

A format is one class, the model of its keys in the configuration with a method that opens a file:
`zenith.events.formats.protocol.Format`. The name of its entry point in the group `zenith.formats`
is the `type` in the configuration.
"""

from typing import Annotated, Any

from pydantic import Field

from zenith.config.base import Section
from zenith.config.event_cut import EventCut
from zenith.config.marks import concerns
from zenith.config.selection import ObjectCut
from zenith.config.steps import SKIMMED
from zenith.registry import Registry

FORMATS = Registry(
    "zenith.formats",
    {
        "nanoaod": "zenith.events.formats.nanoaod:NanoAODFormat",
        "table": "zenith.events.formats.table:TableFormat",
        "tree": "zenith.events.formats.tree:TreeFormat",
    },
)

READ = concerns("skim")
MASKED = concerns("skim", *SKIMMED)  # what an event lacks is lacking in its skim, too


class FileFormat(Section):
    """The keys that every format has."""

    type: Annotated[
        str,
        Field(
            description="type of format: `nanoaod`, `tree`, `table`, or one that another package "
            "adds"
        ),
        MASKED,
    ]

    @property
    def optional(self) -> bool:
        """Whether NaN in a number of an event stands for one that the event lacks."""
        return False

    def recognises(self, path: str) -> bool:
        """Whether a file is of this format by its name, and so no skim."""
        return False

    def numbered(self, cut: EventCut, key: str) -> ObjectCut:
        """The cut with the number of a text in its place. Raises ValueError where it has none."""
        if cut.label is not None:
            raise ValueError(
                f"{key}: {cut.label!r} is a text, and the format {self.type!r} has none; compare "
                "with a number"
            )
        return cut

    def agree(self, analysis: Any, sample: str, key: str) -> None:
        """Raise ValueError, naming `key` and what is below it, for what other sections miss."""
