"""From YAML to a checked configuration, with errors that a person can act on."""

import itertools
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from zenith.analysis_module import beside, full_name, import_module, is_path
from zenith.config.agreement import region_fits
from zenith.config.analysis import SCORED, TRAINED, Analysis
from zenith.config.explanation import explain, meant, with_line
from zenith.config.inheritance import check_inheritance
from zenith.config.merging import merge, nested
from zenith.config.old_form import renewed
from zenith.config.yaml_text import parse_yaml, read_yaml
from zenith.errors import ConfigError
from zenith.observable import ExactRatio, Observable, ShiftOfEvents, Weight


def read_configuration(path: str | Path) -> dict[str, Any]:
    """A configuration file as it is, but for the path of its module, which is relative to it."""
    data = read_yaml(path)
    module = data.get("module")
    if isinstance(module, str):
        data["module"] = beside(module, path)
    return data


def parse_overrides(pairs: Iterable[str]) -> dict[str, Any]:
    """`["samples.wjets.k_factor=1.2"]` as a nested mapping; values are read as YAML."""
    overrides: dict[str, Any] = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        parts = key.strip().split(".")
        if not separator or not all(parts):
            raise ConfigError(f"{pair!r}: write an override as key=value, or a.b.c=value")
        value = parse_yaml(text, f"override {pair!r}")
        overrides = merge(overrides, nested({".".join(parts): value}))
    return overrides


def _layers(data: Mapping[str, Any], source: str) -> list[tuple[str, dict[str, Any]]]:
    """The configuration, and the files that keys `base` name, from the last of them on."""
    chain = [dict(data)]
    files = [source]
    while (base := chain[-1].pop("base", None)) is not None:
        where = f"{files[-1]}: base"
        if not isinstance(base, str) or not base:
            raise ConfigError(f"{where}: the path of one YAML file is wanted, not {base!r}")
        try:
            chain.append(read_configuration(base))
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from None
        if Path(base).resolve() in [Path(file).resolve() for file in files]:
            raise ConfigError(f"{where}: {base} is based on itself")
        files.append(base)
    return list(zip(files, chain, strict=True))[::-1]


def _with_base(
    data: Mapping[str, Any], source: str, overrides: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The configuration on top of the file that its key `base` names, under the overrides."""
    overrides = dict(overrides or {})
    if "base" in overrides:
        data = {**data, "base": overrides.pop("base")}
    layers = _layers(data, source)
    merged = list(itertools.accumulate((content for _, content in layers), merge))
    if overrides:  # they are part of the file, but take away what its base has too
        layers[-1] = (source, merge(layers[-1][1], overrides))
        merged[-1] = merge(merged[-1], overrides)
    check_inheritance(layers, merged)
    return merged[-1]


def parse(
    data: Mapping[str, Any],
    source: str = "configuration",
    overrides: Mapping[str, Any] | None = None,
) -> Analysis:
    """The checked analysis; `ConfigError` names every key that is wrong, and what is allowed."""
    merged = renewed(_with_base(data, source, overrides), source)
    analysis = _validated(merged, source)
    of_samples = (_check_observables, _check_weights, _check_shifts) if analysis.of_samples else ()
    for check in (*of_samples, _check_source):
        check(analysis, merged, source)
    return analysis


def source_of(analysis: Analysis) -> Analysis | None:
    """The analysis whose events are categorised: itself, or that of `inputs.scored.analysis`.

    None if the scored events are of a toy or a file.
    """
    scored = analysis.inputs.scored
    if scored is None:
        return analysis
    return None if scored.analysis is None else load(scored.analysis)


def _validated(merged: Mapping[str, Any], source: str) -> Analysis:
    try:
        return Analysis.model_validate(merged)
    except ValidationError as errors:
        raise ConfigError(explain(errors.errors(), source, merged, Analysis)) from None


def _check_source(analysis: Analysis, merged: Mapping[str, Any], source: str) -> None:
    """Where events are those of another analysis, that it has the region that is asked for."""
    scored, asked = analysis.inputs.scored, analysis.categorise
    if scored is None or scored.analysis is None or asked is None:
        return
    found = load(scored.analysis)
    try:
        if not found.of_samples:
            raise ValueError("inputs.scored.analysis: it has no samples itself")
        region_fits(asked, found)
    except ValueError as error:
        message = f"{error} (of {scored.analysis})"
        raise ConfigError(with_line(message, source, merged)) from None


def _check_observables(analysis: Analysis, merged: Mapping[str, Any], source: str) -> None:
    defined = observables_of(analysis, source)
    allowed = [*defined, *analysis.scores]
    for key, name in analysis.observables_in_use():
        if name not in allowed:
            message = (
                f"{key}: the observable {name!r} is not defined{meant(name, allowed)} "
                f"(add a function to the module {analysis.module!r}; it has {', '.join(allowed)})"
            )
            raise ConfigError(with_line(message, source, merged))


def _check_weights(analysis: Analysis, merged: Mapping[str, Any], source: str) -> None:
    defined = weights_of(analysis, source)
    for name in analysis.weights:
        if name not in defined:
            message = (
                f"weights.{name}: the weight {name!r} is not defined{meant(name, defined)} (add a "
                f"function with @weight() to the module {analysis.module!r}; "
                f"it has {', '.join(defined) or 'none'})"
            )
            raise ConfigError(with_line(message, source, merged))
    for name, systematic in analysis.systematics.items():
        for weight, variations in systematic.functions.items():
            offered = defined[weight].variations
            for variation in variations:
                if variation not in offered:
                    message = (
                        f"systematics.{name}: the weight {weight!r} has no variation {variation!r}"
                        f"{meant(variation, offered)} (it has {', '.join(offered) or 'none'})"
                    )
                    raise ConfigError(with_line(message, source, merged))


def _check_shifts(analysis: Analysis, merged: Mapping[str, Any], source: str) -> None:
    defined = shifts_of(analysis, source)
    nothing = {p: value for shift in defined.values() for p, value in shift.nothing.items()}
    for name, systematic in analysis.systematics.items():
        parameter = systematic.parameter(name)
        if parameter is None:
            continue
        message = ""
        if parameter not in nothing:
            message = (
                f"systematics.{name}: no shift has the parameter {parameter!r}"
                f"{meant(parameter, nothing)} (add a function with @shift({parameter}=…) to the "
                f"module {analysis.module!r}; it has {', '.join(nothing) or 'none'})"
            )
        elif systematic.processes and systematic.value(0.0) != nothing[parameter]:
            message = (
                f"systematics.{name}.processes: its nominal value moves the events of all "
                "processes: remove the key"
            )
        if message:
            raise ConfigError(with_line(message, source, merged))


def observables_of(analysis: Analysis, source: str = "configuration") -> dict[str, Observable]:
    """The observables that the analysis module defines, by name (`zenith.observable`)."""
    return {n: v for n, v in _defined(analysis, source).items() if isinstance(v, Observable)}


def shifts_of(analysis: Analysis, source: str = "configuration") -> dict[str, ShiftOfEvents]:
    """The shifts of events that the analysis module defines, by name (`zenith.observable`)."""
    return {n: v for n, v in _defined(analysis, source).items() if isinstance(v, ShiftOfEvents)}


def exact_ratio_of(analysis: Analysis, source: str = "configuration") -> ExactRatio | None:
    """The exact ratio of intensities that the analysis module knows, if it does."""
    found = (v for v in _defined(analysis, source).values() if isinstance(v, ExactRatio))
    return next(found, None)


def weights_of(analysis: Analysis, source: str = "configuration") -> dict[str, Weight]:
    """The weights that the analysis module defines, by name (`zenith.observable`)."""
    return {n: v for n, v in _defined(analysis, source).items() if isinstance(v, Weight)}


def _defined(analysis: Analysis, source: str) -> dict[str, Any]:
    """What the analysis module defines, by name."""
    name = full_name(analysis.module)
    if is_path(name) and not Path(name).is_file():
        raise ConfigError(
            f"{source}: module: there is no file {name}, neither beside the file that names it nor "
            "in the working folder; `zenith new NAME` makes one"
        )
    try:
        if not is_path(name) and not all(part.isidentifier() for part in name.split(".")):
            raise ModuleNotFoundError(name=name)
        module = import_module(name)
    except ModuleNotFoundError as error:
        if not f"{name}.".startswith(f"{error.name}."):
            raise _broken(name, error, source) from error
        raise ConfigError(
            f"{source}: module: there is no Python module {name!r} (a path ends with .py); "
            "`zenith new NAME` makes one"
        ) from None
    except Exception as error:
        raise _broken(name, error, source) from error
    return vars(module)


def _broken(module: str, error: Exception, source: str) -> ConfigError:
    """What is wrong in the Python of an analysis module, and in which line."""
    if isinstance(error, SyntaxError):
        file, line = error.filename, error.lineno
    else:
        last = traceback.extract_tb(error.__traceback__)[-1]
        file, line = last.filename, last.lineno
    message = (
        f"{source}: module: {module} cannot be imported: {type(error).__name__}: "
        f"{' '.join(str(error).split())} ({file}, line {line})"
    )
    if isinstance(error, ModuleNotFoundError) and error.name and is_path(module):
        helper = error.name.partition(".")[0]
        if any((Path(module).parent / helper).with_suffix(end).exists() for end in ("", ".py")):
            message += f"; what is beside {module} is imported by `from . import {helper}`"
    return ConfigError(message)


def load(path: str | Path, overrides: Iterable[str] = ()) -> Analysis:
    """Read, merge and check a configuration file; `overrides` are texts like `max_files=1`."""
    return parse(read_configuration(path), str(path), parse_overrides(overrides))


def combined(paths: Iterable[str | Path], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Several files one over the other, and changes over them: what is to be checked."""
    data: dict[str, Any] = {}
    for path in paths:
        data = merge(data, read_configuration(path))
    return merge(data, changes)


def dump(analysis: Analysis) -> str:
    """The resolved configuration as YAML, every default included; `load` reads it back."""
    data = analysis.model_dump(mode="json", by_alias=True)
    if not analysis.of_samples:
        own = SCORED if analysis.inputs.scored is not None else TRAINED
        data = {key: data[key] for key in own}
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
