"""Corrections of simulated events: correctionlib files, evaluated event by event."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import awkward as ak
import correctionlib
import numpy as np
from correctionlib.highlevel import open_auto
from numpy.typing import NDArray

from zenith.config import Analysis
from zenith.config.samples import Correction
from zenith.config.systematics import Side, WeightSystematic
from zenith.errors import ConfigError, InputError
from zenith.events.formats import fields
from zenith.events.objects import Objects

_FIELD = re.compile(r"^(?:abs\((\w+)\)|(\w+))$")
_TYPES: dict[str, Any] = {"real": float, "int": int, "string": str}


@dataclass(frozen=True)
class Evaluator:
    """One correction of an era, checked against its file.

    `key` is where the configuration says it, for messages.
    """

    key: str
    config: Correction
    function: correctionlib.Correction

    def __call__(self, objects: Objects, side: str = "nominal") -> NDArray[np.float64]:
        """The factor of each event; the product over its objects if the correction names one.

        Raises `InputError` if an input is missing, or outside the range of the correction.
        """
        arguments = [
            self._argument(text, variable.type, objects, side)
            for text, variable in zip(self.config.inputs, self.function.inputs, strict=True)
        ]
        try:
            values = self.function.evaluate(*arguments)
        except (RuntimeError, IndexError, ValueError) as error:
            raise InputError(
                f"{self.key}: {self.config.file}: {self.config.correction} cannot be evaluated "
                f"({error}); limit its inputs to the range it is valid in with clip"
            ) from None
        if self.config.object is None:
            return np.broadcast_to(np.asarray(values, np.float64), len(objects))
        counts = ak.num(getattr(objects, self.config.object))
        values = np.broadcast_to(values, int(ak.sum(counts)))
        return np.asarray(ak.prod(ak.unflatten(values, counts), axis=1).to_numpy())

    def _argument(self, text: str, kind: str, objects: Objects, side: str) -> Any:
        if text == "variation":
            return self.config.variations[side]  # type: ignore[index]
        key = f"{self.key}.inputs"
        if text.startswith("="):
            try:
                return _TYPES[kind](text[1:])
            except ValueError:
                raise ConfigError(f"{key}: {text!r} is not a constant of type {kind}") from None
        match = _FIELD.match(text)
        if match is None or kind == "string":
            wanted = "=text" if kind == "string" else "a branch, abs(branch) or =constant"
            raise ConfigError(f"{key}: {text!r} is not {wanted}, which {self.config.file} asks for")
        absolute, plain = match.groups()
        if self.config.object is None:
            value = fields.lookup(objects.event, absolute or plain, key)
        else:
            particles = getattr(objects, self.config.object)
            value = fields.lookup(particles, absolute or plain, key, f"{self.config.object}.")
            value = ak.flatten(value)
        array = ak.to_numpy(value).astype(_TYPES[kind])
        array = np.abs(array) if absolute else array
        return np.clip(array, *self.config.clip[text]) if text in self.config.clip else array


def load(analysis: Analysis, era: str) -> dict[str, Evaluator]:
    """The corrections of an era, by name.

    Raises
    ------
    InputError
        A file is missing or not of correctionlib; it lacks the correction, or a variation.
    ConfigError
        The inputs are not as many as the file asks for, or `variation` is not among them though
        a systematic uses it.
    """
    return {
        name: _load(f"eras.{era}.corrections.{name}", config, _sides(analysis, name))
        for name, config in analysis.eras[era].corrections.items()
    }


def _sides(analysis: Analysis, correction: str) -> list[str]:
    """The sides of a correction that are evaluated."""
    varied = [
        side
        for systematic in analysis.systematics.values()
        if isinstance(systematic, WeightSystematic) and systematic.correction == correction
        for side in systematic.given
    ]
    return ["nominal", *dict.fromkeys(varied)]


def _load(key: str, config: Correction, wanted: list[str]) -> Evaluator:
    path, name = config.file, config.correction
    try:
        text = open_auto(path)
        found = correctionlib.CorrectionSet.from_string(text)
    except OSError as error:
        reason = error.strerror or "not a gzip file"
        raise InputError(f"{key}.file: {path}: cannot be read ({reason})") from None
    except (ValueError, RuntimeError, EOFError) as error:
        raise InputError(f"{key}.file: {path}: not a correctionlib file ({error})") from None
    if name not in list(found):
        raise InputError(
            f"{key}.correction: {path}: there is no correction {name!r}; "
            f"there is {', '.join(sorted(found))}"
        )
    function = found[name]
    expected = [f"{variable.name} ({variable.type})" for variable in function.inputs]
    if len(config.inputs) != len(expected):
        raise ConfigError(
            f"{key}.inputs: {path}: {name} takes {len(expected)} inputs, {', '.join(expected)}; "
            f"the configuration gives {len(config.inputs)}"
        )
    if "variation" in config.inputs:
        variable = function.inputs[config.inputs.index("variation")].name
        data = next(c for c in json.loads(text)["corrections"] if c["name"] == name)
        offered = sorted({str(k) for k in _categories(data["data"], variable)})
        for side in wanted:
            if (value := config.variations[side]) not in offered:  # type: ignore[index]
                raise InputError(
                    f"{key}.variations.{side}: {path}: {name} has no variation {value!r}; "
                    f"it offers {', '.join(offered) or 'none'}"
                )
    elif wanted != ["nominal"]:
        raise ConfigError(f"{key}.inputs: a systematic varies it, but none is 'variation'")
    return Evaluator(key, config, function)


def _categories(node: Any, variable: str) -> Iterator[Any]:
    """The keys that a correction, as JSON, has for one of its inputs."""
    if isinstance(node, dict):
        if node.get("nodetype") == "category" and node.get("input") == variable:
            yield from (item["key"] for item in node["content"])
        for value in node.values():
            yield from _categories(value, variable)
    elif isinstance(node, list):
        for value in node:
            yield from _categories(value, variable)


def weights(
    objects: Objects, analysis: Analysis, process: str, corrections: dict[str, Evaluator]
) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
    """The nominal factor of each event, and the factors of the weight systematics of a process.

    The factor is the product of all corrections; `{systematic}_up` has one of them varied, or
    the product times the branch that the systematic names.
    """
    factors = {name: evaluate(objects) for name, evaluate in corrections.items()}
    nominal = _product(factors, len(objects))
    varied = {}
    for name, systematic in analysis.systematics.items():
        if not isinstance(systematic, WeightSystematic):
            continue
        if systematic.processes is not None and process not in systematic.processes:
            continue
        for side in systematic.given:
            if systematic.correction is not None:
                value = corrections[systematic.correction](objects, side)
                factor = _product(factors | {systematic.correction: value}, len(objects))
            else:
                factor = nominal * _branch(objects, systematic, side, f"systematics.{name}")
            varied[f"{name}_{side}"] = factor
    return nominal, varied


def _product(factors: dict[str, NDArray[np.float64]], count: int) -> NDArray[np.float64]:
    return np.asarray(np.prod([np.ones(count), *factors.values()], axis=0))


def _branch(
    objects: Objects, systematic: WeightSystematic, side: Side, key: str
) -> NDArray[np.float64]:
    """A weight in each event: a branch of numbers, or one entry of a branch of lists."""
    key = f"{key}.branches.{side}"
    name, entry = systematic.branch(side)
    value = fields.lookup(objects.event, name, key)
    if (value.ndim == 1) != (entry is None):
        remedy = "name one entry, [0] for example" if value.ndim > 1 else "leave out the entry"
        raise ConfigError(f"{key}: {name} holds {value.ndim - 1} lists an event: {remedy}")
    if entry is None:
        return np.asarray(ak.to_numpy(value), np.float64)
    if len(value) and (shortest := int(ak.min(ak.num(value)))) <= entry:
        raise InputError(f"{key}: {name}[{entry}]: an event has only {shortest} entries")
    return np.asarray(ak.to_numpy(value[:, entry]), np.float64)
