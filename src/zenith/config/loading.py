"""From YAML to a checked configuration, with errors that a person can act on."""

import difflib
import importlib
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from zenith.config.analysis import Analysis
from zenith.config.base import Section
from zenith.config.categorisation import Categorisation
from zenith.errors import ConfigError

S = TypeVar("S", bound=Section)


class _Loader(yaml.SafeLoader):
    """YAML in which a key that is given twice is an error, not a silent overwrite."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is given twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: str | Path) -> dict[str, Any]:
    """A YAML mapping; `ConfigError` if the file is missing, not YAML, or not a mapping."""
    try:
        text = Path(path).read_text()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        data = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: the file must hold keys and values")
    return data


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `changes` on top: mappings are merged, the rest is replaced.

    Null takes a whole mapping away (a sample, a region); in place of a value it is a value.
    """
    merged = dict(base)
    for key, value in changes.items():
        if value is None and isinstance(merged.get(key), Mapping):
            del merged[key]
        elif isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def parse_overrides(pairs: Iterable[str]) -> dict[str, Any]:
    """`["samples.wjets.k_factor=1.2"]` as a nested mapping; values are read as YAML."""
    overrides: dict[str, Any] = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator or not key:
            raise ConfigError(f"{pair!r}: write an override as key=value, or a.b.c=value")
        value: Any = yaml.safe_load(text)
        for part in reversed(key.split(".")):
            value = {part: value}
        overrides = merge(overrides, value)
    return overrides


def _with_base(data: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The configuration on top of the file that its key `base` names, if it has one."""
    seen = [source]
    chain = [dict(data)]
    while base := chain[-1].pop("base", None):
        if str(base) in seen:
            raise ConfigError(f"{source}: base: {base} is based on itself")
        seen.append(str(base))
        chain.append(read_yaml(base))
    result: dict[str, Any] = {}
    for layer in reversed(chain):
        result = merge(result, layer)
    return result


def _model_at(location: tuple[int | str, ...], root: type[Section]) -> type[BaseModel] | None:
    """The model that a path into the configuration arrives at, to name its keys."""
    current: Any = root
    for part in location:
        models = list(_models_in(current))
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
    found = list(_models_in(current))
    return found[0] if found else None


def _models_in(annotation: Any) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for argument in typing.get_args(annotation):
        yield from _models_in(argument)


def _keys(location: tuple[int | str, ...], data: Any) -> Iterable[int | str]:
    """The part of a location that the user wrote: without the tags of unions."""
    for part in location[:-1]:
        try:
            data = data[part]
        except (KeyError, TypeError, IndexError):
            continue
        yield part
    yield location[-1]


def _explain(error: Any, source: str, data: Any, root: type[Section]) -> str:
    location = tuple(error["loc"])
    if not location:
        return f"{source}: {error['msg'].removeprefix('Value error, ')}"
    path = ".".join(str(part) for part in _keys(location, data))
    if error["type"] == "extra_forbidden":
        model = _model_at(location[:-1], root)
        allowed = (
            [field.alias or name for name, field in model.model_fields.items()] if model else []
        )
        close = difflib.get_close_matches(str(location[-1]), allowed, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        return f"{source}: {path}: unknown key{hint} (allowed: {', '.join(allowed)})"
    if error["type"] == "missing":
        model = _model_at(location[:-1], root)
        field = model.model_fields.get(str(location[-1])) if model else None
        about = f" ({field.description})" if field is not None and field.description else ""
        return f"{source}: {path}: missing{about}"
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "value_error":
        return f"{source}: {path}: {message}"
    model = _model_at(location[:-1], root)
    field = model.model_fields.get(str(location[-1])) if model else None
    about = f"; it is: {field.description}" if field is not None and field.description else ""
    return f"{source}: {path}: {message}, not {error['input']!r}{about}"


def parse(data: Mapping[str, Any], source: str = "configuration") -> Analysis:
    """The checked analysis; `ConfigError` names every key that is wrong, and what is allowed."""
    analysis = _validated(Analysis, data, source)
    _check_observables(analysis, source)
    return analysis


def parse_categorisation(data: Mapping[str, Any], source: str = "configuration") -> Categorisation:
    """The checked configuration of a categorisation; raises as `parse` does."""
    return _validated(Categorisation, data, source)


def is_categorisation(data: Mapping[str, Any], source: str = "configuration") -> bool:
    """Whether a configuration is of scored events and categories, not of an analysis."""
    return "events" in _with_base(data, source)


def _validated(root: type[S], data: Mapping[str, Any], source: str) -> S:
    merged = _with_base(data, source)
    try:
        return root.model_validate(merged)
    except ValidationError as errors:
        raise ConfigError(
            "\n".join(_explain(error, source, merged, root) for error in errors.errors())
        ) from None


def _check_observables(analysis: Analysis, source: str) -> None:
    defined = observables_of(analysis, source)
    allowed = [*defined, *analysis.scores]
    for key, name in analysis.observables_in_use():
        if name not in allowed:
            close = difflib.get_close_matches(name, allowed, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ConfigError(
                f"{source}: {key}: the observable {name!r} is not defined{hint} "
                f"(add a function to the module {analysis.module!r}; it has {', '.join(allowed)})"
            )


def observables_of(analysis: Analysis, source: str = "configuration") -> dict[str, Any]:
    """The observables that the analysis module defines, by name (`zenith.events.observable`)."""
    from zenith.events.observable import Observable

    dotted = analysis.module if "." in analysis.module else f"zenith.analyses.{analysis.module}"
    try:
        module = importlib.import_module(dotted)
    except ModuleNotFoundError as error:
        if error.name is None or not dotted.startswith(error.name):
            raise
        raise ConfigError(
            f"{source}: module: there is no Python module {dotted!r}; `zenith new NAME` makes one"
        ) from None
    return {name: value for name, value in vars(module).items() if isinstance(value, Observable)}


def load(path: str | Path, overrides: Iterable[str] = ()) -> Analysis:
    """Read, merge and check a configuration file; `overrides` are texts like `max_files=1`."""
    return parse(merge(read_yaml(path), parse_overrides(overrides)), str(path))


def load_categorisation(path: str | Path, overrides: Iterable[str] = ()) -> Categorisation:
    """The same for a configuration of scored events and categories."""
    return parse_categorisation(merge(read_yaml(path), parse_overrides(overrides)), str(path))


def dump(configuration: Section) -> str:
    """The resolved configuration as YAML, every default included; `load` reads it back."""
    data = configuration.model_dump(mode="json", by_alias=True)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
