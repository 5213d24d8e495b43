"""The collections of objects that a network reads."""

from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from zenith.config.base import Name
from zenith.config.networks.scaling import Scaled


class ObjectsRead(Scaled):
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

    @model_validator(mode="after")
    def _check_scaling(self) -> Self:
        self.check_scaling(self.fields)
        return self
