"""The JSON schema of the configuration, and the tables of its keys for people to read.

`python -m zenith.config.schema` writes them; a test keeps them equal to the models.
"""

import json
import types
import typing
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from zenith.config.analysis import Analysis
from zenith.config.explanation import models_in

SCHEMA = Path("workflow/schemas/config.schema.json")
KEYS = Path("config/README.md")
MARKER = "<!-- keys: written by `make schema` -->\n"


def schema() -> str:
    """The JSON schema of the configuration, as text."""
    return json.dumps(Analysis.model_json_schema(mode="validation"), indent=2) + "\n"


def _type(annotation: Any) -> str:
    """A type as a person would say it: `list of text`, `name → sample`."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type(arguments[0])
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return f"list of {_type(arguments[0])}"
        return f"[{', '.join(_type(argument) for argument in arguments)}]"
    if origin is dict:
        return f"{_type(arguments[0])} → {_type(arguments[1])}"
    if origin in (types.UnionType, typing.Union):
        return " or ".join(_type(a) for a in arguments if a is not type(None))
    if annotation is type(None):
        return "none"
    names = {str: "text", float: "number", int: "whole number", bool: "true or false"}
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    if isinstance(field.default, BaseModel):
        return "see below"
    if field.default in ((), {}):
        return "empty"
    if isinstance(field.default, tuple):
        return f"`{list(field.default)}`"
    if isinstance(field.default, bool) or field.default is None:
        return {True: "true", False: "false", None: "none"}[field.default]
    return f"`{field.default}`"


def keys() -> str:
    """Every key of every section, with type, default and meaning, as Markdown tables."""
    lines: list[str] = []
    waiting: list[type[BaseModel]] = [Analysis]
    seen: set[type[BaseModel]] = set()
    while waiting:
        model = waiting.pop(0)
        if model in seen:
            continue
        seen.add(model)
        summary = (model.__doc__ or "").split("\n\n")[0]
        lines += [f"### {model.__name__}", "", " ".join(summary.split()), ""]
        lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
        common = {name for base in model.__mro__[1:] if base in seen for name in base.model_fields}
        for name, field in model.model_fields.items():
            if name in common - model.__annotations__.keys():
                continue
            kind = _type(field.annotation).replace("|", "\\|")
            about = (field.description or "").replace("|", "\\|")
            lines.append(f"| `{field.alias or name}` | {kind} | {_default(field)} | {about} |")
            waiting += [m for m in models_in(field.annotation) if m not in seen]
        lines.append("")
    return "\n".join(lines)


def page(text: str) -> str:
    """`config/README.md` with the tables after the marker made new."""
    return text.split(MARKER)[0] + MARKER + "\n" + keys()


if __name__ == "__main__":
    SCHEMA.write_text(schema())
    KEYS.write_text(page(KEYS.read_text()))
