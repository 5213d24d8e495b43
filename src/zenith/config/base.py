"""What every section of a configuration has in common: frozen, and unknown keys are errors."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, StringConstraints
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


def _no_truth(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("number", "Input should be a valid number")
    return value


_GUARD = {"type": "no-info", "function": _no_truth}


def _without_truths(schema: Any) -> Any:
    """A schema of pydantic in which every number is checked not to be true or false."""
    if isinstance(schema, list):
        return [_without_truths(inner) for inner in schema]
    if not isinstance(schema, dict) or schema.get("function") == _GUARD:
        return schema
    if schema.get("type") in ("int", "float"):
        return core_schema.no_info_before_validator_function(_no_truth, schema)
    return {key: _without_truths(value) for key, value in schema.items()}


class Section(BaseModel):
    """One section of a configuration.

    A number in place of text is its text. True and false are no numbers: pydantic would read 1
    and 0.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        coerce_numbers_to_str=True,
        defer_build=True,  # what validates, only for sections in use
    )

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[BaseModel], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        schema: CoreSchema = _without_truths(handler(source))
        return schema


# Names become file names, histogram names and nuisance parameters: letters, digits, underscores.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]


def known(names: Iterable[str], defined: Iterable[str], where: str) -> None:
    """Raises ValueError where a name is not among those that are defined."""
    defined = list(defined)
    for name in names:
        if name not in defined:
            raise ValueError(f"{where}: {name!r} is not defined; there is {', '.join(defined)}")
