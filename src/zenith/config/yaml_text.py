"""YAML as it was written: numbers keep their text, and every mistake is reported with its line.

YAML 1.1 takes `2e3` for text, `010` for 8, `12:30` for 750, `no` for false and `2016-08-01` for a
date. Here an unquoted scalar is null, true, false, a decimal number or text, and what a key wants
decides: `2e3` is 2000 where a number is wanted, and `2e3` where text is.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from zenith.errors import ConfigError

_NUMBER = re.compile(
    r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?", re.ASCII
)
_WORDS = {"": None, "~": None} | {
    written: value
    for word, value in (("null", None), ("true", True), ("false", False))
    for written in (word, word.title(), word.upper())
}
_TAG = "tag:yaml.org,2002:"
_PLAIN = "!plain"


class Number(float):
    """A number that prints otherwise than it was written, `2e3` or `1_000`; `str` gives its text.

    Pydantic then takes it as a number, or as text, as the field wants it.
    """

    def __new__(cls, text: str) -> "Number":
        """Read the text; ValueError if it is no number."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    text: str

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


def scalar(text: str) -> Any:
    """What an unquoted scalar stands for: None, a boolean, a number or text."""
    if text in _WORDS:
        return _WORDS[text]
    if _NUMBER.fullmatch(text):
        for kind in (int, float, Number):
            try:
                number = kind(text)
            except ValueError:  # an integer with a point, one of thousands of digits, or 1__0
                continue
            if str(number) == text:
                return number
    return text


class _Loader(yaml.SafeLoader):
    """Scalars as above, keys as text; no key twice, no anchor within itself."""

    yaml_constructors = {
        _TAG + "map": yaml.SafeLoader.construct_yaml_map,
        _TAG + "seq": yaml.SafeLoader.construct_yaml_seq,
        _TAG + "str": yaml.SafeLoader.construct_yaml_str,
        None: yaml.SafeLoader.construct_undefined,
    } | {
        tag: lambda loader, node: scalar(loader.construct_scalar(node))
        for tag in (_PLAIN, *(_TAG + name for name in ("null", "bool", "int", "float")))
    }

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._open: set[str] = set()

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode and implicit[0]:
            return _TAG + "merge" if value == "<<" else _PLAIN
        return str(super().resolve(kind, value, implicit))

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            if event.anchor in self._open:
                raise _mistake(f"*{event.anchor} is within what it stands for", event)
            return super().compose_node(parent, index)
        anchor = getattr(event, "anchor", None)
        self._open |= {anchor} if anchor else set()
        node = super().compose_node(parent, index)
        self._open.discard(anchor)
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _mistake(
                    "a key is text, not a list or a mapping; where {{ … }} is of a template, "
                    "fill it in",
                    key,
                )
            if key.value in seen:
                raise _mistake(f"the key {key.value!r} is given twice", key)
            seen.add(key.value)
            if key.tag == _PLAIN:
                key.tag = _TAG + "str"
        return node


def _mistake(problem: str, where: Any) -> yaml.MarkedYAMLError:
    return yaml.composer.ComposerError(None, None, problem, where.start_mark)


def parse_yaml(text: str, source: str) -> Any:
    """What a YAML text says; `ConfigError` names the source, the line and what is wrong in it."""
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise ConfigError(f"{source}: {_explained(error, text)}") from None
    except RecursionError:
        raise ConfigError(f"{source}: not valid YAML: nested too deeply") from None


def read_yaml(path: str | Path) -> dict[str, Any]:
    """A YAML mapping; `ConfigError` if the file is missing, not UTF-8, not YAML or no mapping."""
    data = parse_yaml(_text(path), str(path))
    if not isinstance(data, dict):
        kind = {type(None): "it is empty", list: "it holds a list"}.get(type(data), repr(data))
        raise ConfigError(f"{path}: the file must hold keys and values ({kind})")
    return data


def line_of(path: str | Path, location: Iterable[int | str]) -> int | None:
    """The line of the innermost part of a location (keys, indices) that the file has; from 1."""
    node = yaml.compose(_text(path), Loader=_Loader)
    line = None
    for part in location:
        found = list(_below(node, part))
        if not found:
            break
        mark, node = found[0]
        line = mark.start_mark.line + 1
    return line


def _below(node: Any, part: int | str) -> Iterable[tuple[yaml.Node, yaml.Node]]:
    """Where a key or an index of a node is written, and its value; own keys before merged ones."""
    if isinstance(node, yaml.SequenceNode):
        yield from ((inner, inner) for i, inner in enumerate(node.value) if str(i) == str(part))
    elif isinstance(node, yaml.MappingNode):
        yield from ((key, value) for key, value in node.value if key.value == str(part))
        for key, value in node.value:
            if key.tag == _TAG + "merge":
                for merged in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    yield from _below(merged, part)


def _text(path: str | Path) -> str:
    try:
        content = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})"
        ) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}: line {line}: not UTF-8 (byte 0x{content[error.start]:02x}); "
            "save the file as UTF-8"
        ) from None


def _explained(error: yaml.YAMLError, text: str) -> str:
    """One line: where, what is written there, and what is wrong with it."""
    note = ""
    if isinstance(error, yaml.MarkedYAMLError):
        mark, context = error.problem_mark or error.context_mark, error.context_mark
        line = mark.line if mark else 0
        problem = (error.problem or error.context or "").replace(_TAG, "!!")
        if error.context and context and context.line != line:
            note = f" ({error.context} that begins in line {context.line + 1})"
        if r"'\t'" in problem:
            note += "; indent with spaces, not tabs"
    else:
        line = text.count("\n", 0, getattr(error, "position", 0))
        problem = str(getattr(error, "reason", error))
    written = "".join(text.splitlines()[line : line + 1]).strip()
    here = f"line {line + 1}" + (f", {written[:80]!r}" if written else "")
    return f"{here}: not valid YAML: {problem}{note}"
