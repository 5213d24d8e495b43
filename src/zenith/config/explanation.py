"""What is wrong with a configuration, in one line for each mistake: file, key, remedy, line."""

import difflib
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from zenith.config.base import Section
from zenith.config.by_type import ByType
from zenith.config.yaml_text import line_of, read_yaml

Location = Sequence[int | str]


def explain(
    errors: Iterable[Any], source: str, data: Mapping[str, Any], root: type[Section]
) -> str:
    """Pydantic's errors in the words of the configuration: one line for each key.

    `data` is what was validated, `root` its model; the line is that of the source, or of a file
    that it is based on, where one of them says so.
    """
    first: dict[str, Any] = {}
    for error in errors:  # of a key that may be of several types, one for each
        key = ".".join(map(str, _keys(error, data)))
        # The first is reported, but rather one of the type that the value has.
        if key not in first or (_of_type(first[key]) and not _of_type(error)):
            first[key] = error
    # A part that is wrong says more than that the whole is of no other type.
    told = [
        error
        for key, error in first.items()
        if not (_of_type(error) and any(other.startswith(f"{key}.") for other in first))
    ]
    return "\n".join(_explained(e, _keys(e, data), source, data, root) for e in told)


def _of_type(error: Any) -> bool:
    """Whether the value is of another type than was asked for, whatever it says."""
    return str(error["type"]).endswith("_type")


def _keys(error: Any, data: Any) -> Location:
    keys = [key for key, _ in _down(data, error["loc"])]
    return [*keys, error["loc"][-1]] if error["type"] == "missing" else keys


def _explained(
    error: Any, keys: Location, source: str, data: Mapping[str, Any], root: type[Section]
) -> str:
    location: Location = error["loc"]
    kind = error["type"]
    message = error["msg"].removeprefix("Value error, ")
    if not location:
        return with_line(message, source, data)
    model = _model_at(location[:-1], root, data)
    fields = {f.alias or name: f for name, f in model.model_fields.items()} if model else {}
    field = fields.get(str(location[-1]))
    about = field.description if field is not None else None
    if kind == "extra_forbidden":
        message = f"unknown key{meant(keys[-1], fields)} (allowed: {', '.join(fields)})"
    elif kind == "missing":
        message = f"missing ({about})" if about else "missing"
    elif kind != "value_error":
        value = repr(error["input"])
        value = value if len(value) <= 80 else f"{value[:79]}…"
        message = f"{message.partition(', unable')[0]}, not {value}" + (
            f"; it is: {about}" if about else ""
        )
    return f"{source}: {'.'.join(map(str, keys))}: {message}{_line(source, keys, data)}"


def with_line(message: str, source: str, data: Any) -> str:
    """A message that begins with its key, `regions.signal.cuts[1]: …`, with source and line."""
    key = re.match(r"[\w.\[\]]+(?=[:,] )", message)
    keys = re.findall(r"\w+", key[0]) if key else []
    return f"{source}: {message}{_line(source, keys, data)}"


def meant(name: Any, allowed: Iterable[str]) -> str:
    """The name that was probably meant, as the end of a message; nothing if none is close."""
    close = difflib.get_close_matches(str(name), list(allowed), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _down(data: Any, location: Location) -> Iterator[tuple[int | str, Any]]:
    """The parts of a location that the user wrote, without the tags of unions, and their values."""
    for part in location:
        try:
            data = data[int(part) if isinstance(data, list | tuple) else part]
        except (KeyError, TypeError, ValueError, IndexError):
            continue
        yield part, data


def _line(source: str, keys: Location, data: Any) -> str:
    """The line of a key, or of its section if it is missing; nothing if no file says it."""
    written = list(_down(data, keys))
    file = source
    while written and Path(file).is_file():
        layer = read_yaml(file)
        found = list(_down(layer, keys))
        if len(found) == len(written):
            value = written[-1][1]
            if isinstance(value, Mapping) or value == found[-1][1]:
                line = f"line {line_of(file, [key for key, _ in written])}"
                return f" ({line})" if file == source else f" ({file}, {line})"
            return ""  # an option said otherwise
        file = str(layer.get("base", ""))
    return ""


def _model_at(location: Location, root: type[Section], data: Any) -> type[BaseModel] | None:
    """The model that a path into the configuration arrives at, to name its keys."""
    current: Any = root
    for part in location:
        models = list(models_in(current, data))
        for model in models:
            fields = {field.alias or name: field for name, field in model.model_fields.items()}
            if part in fields:
                current = fields[str(part)].annotation
                break
        else:  # a key of a dict, an index of a list, or the tag of a union
            tagged = [
                model
                for model in models
                for field in model.model_fields.values()
                if part in typing.get_args(field.annotation)
            ]
            current = tagged[0] if tagged else current
        data = next((value for _, value in _down(data, [part])), data)
    found = list(models_in(current, data))
    return found[0] if found else None


def models_in(annotation: Any, value: Any = None) -> Iterator[type[BaseModel]]:
    """The models that a type may hold, `A` and `B` of `dict[str, A | B]`.

    Of those that a key `type` tells apart (`ByType`) it is the one of the value, or without a value
    first what they have in common.
    """
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    if by_type := [a for a in typing.get_args(annotation) if isinstance(a, ByType)]:
        yield from models_in(typing.get_args(annotation)[0]) if value is None else ()
        yield from by_type[0].models(value)
        return
    for argument in typing.get_args(annotation):
        yield from models_in(argument, value)
