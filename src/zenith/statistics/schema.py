"""Workspaces and patches against pyhf's own JSON schemas: one message that names the place."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyhf

from zenith.errors import InputError

_KINDS = {
    "array": "a list",
    "boolean": "true or false",
    "null": "null",
    "number": "a number",
    "object": "an object with keys",
    "string": "text",
}


def check(content: Any, schema: str = "workspace.json") -> None:
    """Raise InputError, with the place and what is wrong there, unless `content` fits the schema.

    `schema` is one of pyhf's: `workspace.json`, `patchset.json` or `jsonpatch.json`.
    """
    try:
        pyhf.schema.validate(_thinned(content), schema)
    except pyhf.exceptions.InvalidSpecification as error:
        raise InputError(describe(error, content)) from None


def unreadable(path: str | Path, content: Any, error: Exception) -> InputError:
    """What to tell of a workspace that could not be read: the place, if the schema knows it."""
    try:
        check({key: value for key, value in content.items() if key != "provenance"})
    except InputError as place:
        return InputError(f"{path}: {place}")
    return InputError(f"{path}: not a pyhf workspace near {error}")


def describe(error: pyhf.exceptions.InvalidSpecification, content: Any) -> str:
    """What is wrong, and where in the JSON, with the names of what it belongs to."""
    cause, problem = _cause(error.parent)
    return (
        f"{_place(cause.absolute_path, content)}: {problem} (pyhf's schema {pyhf.schema.version})"
    )


def _thinned(content: Any) -> Any:
    """The same with one number of each list of numbers: jsonschema takes microseconds for each."""
    if isinstance(content, Mapping):
        return {key: _thinned(value) for key, value in content.items()}
    if not isinstance(content, list):
        return content
    if all(type(value) in (float, int) for value in content):
        return content[:1]
    return [_thinned(value) for value in content]


def _place(path: Iterable[str | int], content: Any) -> str:
    """As `channels[0].samples[1].data (channel 'a', sample 'background')`."""
    text, names, kind, here = "", [], "", content
    for key in path:
        here = here[key]
        if isinstance(key, str):
            text, kind = f"{text}.{key}", key
            continue
        text += f"[{key}]"
        if isinstance(here, Mapping) and isinstance(here.get("name"), str):
            names.append(f"{kind.removesuffix('s')} '{here['name']}'")
    place = text.removeprefix(".") or "the top level"
    return f"{place} ({', '.join(names)})" if names else place


def _cause(error: Any) -> tuple[Any, str]:
    """The error of jsonschema that says most, and its words."""
    value, instance = error.validator_value, error.instance
    match error.validator:
        case "type":
            return error, f"{_short(instance)} is not {_KINDS.get(value, value)}"
        case "const":
            return error, f"{_short(instance)} is not {_short(value)}"
        case "minItems" if not instance:
            return error, "the list is empty"
        case "required":
            missing = next(key for key in value if key not in instance)
            return error, f"'{missing}' is missing"
        case "additionalProperties" if not value:
            known = error.schema["properties"]
            unknown = next(key for key in instance if key not in known)
            return error, f"unknown key '{unknown}' (known: {', '.join(known)})"
        case "anyOf" if all("$ref" in option for option in value):
            return _of_modifier(error)
    return error, error.message if len(error.message) < 200 else f"{error.message[:200]}…"


def _of_modifier(error: Any) -> tuple[Any, str]:
    """A modifier fits none of its types: say why not the one that it calls itself."""
    types = [option["$ref"].rsplit("/", 1)[-1] for option in error.validator_value]
    if not isinstance(error.instance, Mapping):
        return error, f"{_short(error.instance)} is not an object with keys"
    if "type" not in error.instance:
        return error, "'type' is missing"
    type_ = error.instance["type"]
    if type_ not in types:
        return error, f"unknown type {_short(type_)} (known: {', '.join(types)})"
    return _cause(next(e for e in error.context if e.schema_path[0] == types.index(type_)))


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) < 60 else f"{text[:60]}…"
