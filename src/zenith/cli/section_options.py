"""Options that are the keys of a section of the configuration."""

import argparse
import re
import types
import typing
from typing import Annotated, Any, Literal, TypeVar, Union

from pydantic import ValidationError

from zenith.config.base import Section
from zenith.config.explanation import explain
from zenith.errors import ConfigError

S = TypeVar("S", bound=Section)


def add_settings(parser: argparse.ArgumentParser, section: type[Section]) -> None:
    """An option for each key of a section, `--minimum-background` for `minimum_background`."""
    for name, field in section.model_fields.items():
        kinds = [kind for kind in _kinds(field.annotation) if kind is not type(None)]
        options: dict[str, Any] = {"type": kinds[0]}
        if typing.get_origin(kinds[0]) is tuple:
            inner = [kind for kind in typing.get_args(kinds[0]) if kind is not Ellipsis]
            options = {"type": _kinds(inner[0])[0], "nargs": "+"}
            if len(inner) == 2:
                options |= {"nargs": 2, "metavar": ("LOW", "HIGH")}
        elif typing.get_origin(kinds[0]) is Literal:
            options = {"choices": typing.get_args(kinds[0])}
        if "choices" not in options and "metavar" not in options:
            options["metavar"] = name.rpartition("_")[2].upper()
        default = "none" if field.default in (None, ()) else field.default
        about = field.description or ""
        parser.add_argument(
            _option(name),
            help=about if "default:" in about else f"{about} [{default}]",
            **options,
        )


def _kinds(annotation: Any) -> list[Any]:
    """The types of a union, or the one type; without what pydantic adds to it."""
    if typing.get_origin(annotation) is Annotated:
        return _kinds(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (Union, types.UnionType):
        return [kind for each in typing.get_args(annotation) for kind in _kinds(each)]
    return [annotation]


def settings(args: argparse.Namespace, section: type[S], given: Section | None = None) -> S:
    """The settings that the options name, over those that are given, or the defaults.

    Raises ConfigError for one that is out of its range, in the words of its key.
    """
    names = section.model_fields
    values = {name: getattr(given, name) for name in names} if given is not None else {}
    values |= {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    try:
        return section.model_validate(values)
    except ValidationError as errors:
        text = explain(errors.errors(), "options", values, section)
        spelled = re.sub(r"^options: (\w+)(?=:)", lambda key: _option(key[1]), text, flags=re.M)
        raise ConfigError(spelled) from None


def _option(key: str) -> str:
    return f"--{key.replace('_', '-')}"
