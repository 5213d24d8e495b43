"""The collections of objects that a network reads."""

from typing import Annotated

from pydantic import Field, field_validator

from zenith.config.base import Name, Section


class ObjectsRead(Section):
    """What a network reads of one collection of objects: of the leading ones, these fields."""

    fields: Annotated[
        tuple[Name, ...],
        Field(min_length=1, description="fields of each object, for example pt, eta, phi, mass"),
    ]
    leading: Annotated[
        int, Field(ge=1, description="largest number of objects of an event, those of highest pT")
    ]

    @field_validator("fields")
    @classmethod
    def _once(cls, fields: tuple[str, ...]) -> tuple[str, ...]:
        if twice := sorted({field for field in fields if fields.count(field) > 1}):
            raise ValueError(f"the field {twice[0]!r} is given twice")
        if "valid" in fields:
            raise ValueError("`valid` says which objects there are; leave it out")
        return fields
