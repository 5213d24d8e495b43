"""Every key of every JSON artefact, with its type and what it means, as Markdown."""

import inspect
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints

from typing_extensions import is_typeddict

from zenith.artefacts.json_codec import JsonCodec
from zenith.reporting.codecs import CODECS, OTHER_JSON
from zenith.tables import table

WORDS: dict[Any, tuple[str, str]] = {
    float: ("number", "numbers"),
    int: ("integer", "integers"),
    str: ("text", "texts"),
    bool: ("true or false", "true or false"),
    NoneType: ("null", "null"),
}


def reference() -> str:
    """A section of each kind of JSON artefact: which step writes it, and a table of its keys.

    `a.b` is a key of the object at `a`, `a[]` each entry of a list, and `a.*` each of the names of
    the analysis at `a`.
    """
    codecs = [c for c in CODECS if isinstance(c, JsonCodec) and c is not OTHER_JSON]
    return "\n".join(_section(codec) for codec in codecs)


def _section(codec: JsonCodec[Any]) -> str:
    about = f"Written by `zenith {codec.step}`."
    if is_typeddict(codec.type):
        about = f"{inspect.cleandoc(codec.type.__doc__ or '')} {about}"
    rows = table(["key", "type", "meaning"], _keys(codec.type, ""), left=3)
    return f"## {codec.name.capitalize()}\n\n{about}\n\n{rows}\n"


def _keys(kind: Any, place: str) -> Iterator[tuple[str, str, str]]:
    """Rows of all keys inside of a type that is at some place."""
    kind, _ = _bare(kind)
    if is_typeddict(kind):
        for name, hint in get_type_hints(kind, include_extras=True).items():
            inner, meaning = _bare(hint)
            here = f"{place}.{name}" if place else name
            optional = "" if name in kind.__required_keys__ else " (optional)"
            yield f"`{here}`", f"{_word(inner)}{optional}", meaning
            yield from _keys(inner, here)
        return
    arguments = get_args(kind)
    if get_origin(kind) is list:
        yield from _keys(arguments[0], f"{place}[]")
    elif get_origin(kind) is dict:
        yield from _keys(arguments[1], f"{place}.*" if place else "*")
    elif get_origin(kind) in (Union, UnionType):
        for each in arguments:
            yield from _keys(each, place)


def _bare(hint: Any) -> tuple[Any, str]:
    """A type without what is said of it, and that."""
    meaning = ""
    while get_origin(hint) in (Annotated, NotRequired):
        meaning = next((a for a in get_args(hint)[1:] if isinstance(a, str)), meaning)
        hint = get_args(hint)[0]
    return hint, meaning


def _word(kind: Any, many: bool = False) -> str:
    """What a key holds, or what many hold."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (Union, UnionType):
        return " or ".join(_word(each, many) for each in arguments)
    if origin is list:
        return f"{'lists' if many else 'list'} of {_word(arguments[0], many=True)}"
    if origin is dict:
        return f"{_word(arguments[1], many=True)} by name"
    one, several = WORDS.get(kind, ("object", "objects"))
    return several if many else one
