"""What a skim keeps of each file: events and branches."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from zenith.config.base import Section
from zenith.config.selection import FixedCut


class Trigger(Section):
    """The OR of trigger branches."""

    any_of: Annotated[tuple[str, ...], Field(min_length=1, description="trigger branches")]
    ignore_missing: Annotated[
        bool, Field(description="whether a file may lack some of them (never all)")
    ] = False


class Branches(Section):
    """The branches that a skim keeps; globs are allowed."""

    keep: Annotated[
        tuple[str, ...], Field(min_length=1, description="branches kept in data and simulation")
    ]
    simulation_only: Annotated[
        tuple[str, ...], Field(description="branches kept in simulation only")
    ] = ()
    ignore_missing: Annotated[
        tuple[str, ...], Field(description="globs of branches that a file may lack")
    ] = ()


class Skim(Section):
    """What a skim keeps of each file: events and branches."""

    trigger: Annotated[
        Trigger | None,
        Field(description="triggers of which an event must have fired one; none: every event"),
    ] = None
    branches: Annotated[
        Branches | None,
        Field(description="branches that are kept; none: all that `format` maps"),
    ] = None
    cuts: Annotated[
        tuple[FixedCut, ...],
        Field(description="cuts on observables; an event stays if any shape variation passes"),
    ] = ()
    chunk: Annotated[int, Field(ge=1, description="number of events read at once")] = 100_000
    compression: Annotated[
        Literal["lz4", "zstd", "zlib", "lzma", "none"],
        Field(description="compression of the skim: `lz4` is the quickest, `zstd` a fifth smaller"),
    ] = "lz4"

    @model_validator(mode="before")
    @classmethod
    def _trigger(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("trigger"), list):
            return {**data, "trigger": {"any_of": data["trigger"]}}
        return data
