"""Sections of several types, of which other packages may add some: a key `type` says which.

    mva: dict[Name, Annotated[Mva, ByType(NETWORKS, default="perceptron")]]

The registry has a model, a subclass of the annotated one, by the name of each type. It is looked up
when a configuration is checked, so that what is installed is imported only where it is used.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from zenith.config.base import Section
from zenith.errors import ConfigError
from zenith.registry import Registry


@dataclass(frozen=True)
class ByType:
    """For `Annotated`: the value is of the model that its key `type` names, or `default`."""

    registry: Registry
    default: str | None = None

    def model(self, value: Any, base: type[Section] = Section) -> type[Section]:
        """The model of what is written in a configuration; ConfigError if there is none."""
        name = value.get("type", self.default) if isinstance(value, Mapping) else self.default
        if name is None:
            raise ConfigError(f"type is missing: one of {', '.join(self.registry.names)}")
        found = self.registry.load(str(name))
        if not (isinstance(found, type) and issubclass(found, base)):
            raise ConfigError(f"{name!r} ({self.registry.group}): {found!r} is no {base.__name__}")
        return found

    def models(self, value: Any = None) -> Iterator[type[Section]]:
        """The model of a value, if it has one; without a value all that are Zenith's own."""
        if value is None:
            yield from (self.registry.load(name) for name in self.registry.own)
            return
        try:
            yield self.model(value)
        except ConfigError:
            return

    def __get_pydantic_core_schema__(
        self, source: type[Section], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        def validate(value: Any) -> Section:
            if isinstance(value, source):
                return value
            if not isinstance(value, Mapping):
                return source.model_validate(value)  # which raises
            try:
                model = self.model(value, source)
            except ConfigError as error:
                problem = PydanticCustomError("value_error", "{text}", {"text": str(error)})
                details = InitErrorDetails(type=problem, loc=("type",), input=value)
                raise ValidationError.from_exception_data(source.__name__, [details]) from None
            return model.model_validate(value)

        return core_schema.no_info_plain_validator_function(
            validate, serialization=core_schema.simple_ser_schema("any")
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        own = [handler(model.__pydantic_core_schema__) for model in self.models()]
        others = {
            "type": "object",
            "properties": {"type": {"not": {"enum": list(self.registry.own)}}},
            "required": ["type"],
        }
        return {"anyOf": [*own, others]}
