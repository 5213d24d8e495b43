"""Corrections of simulated events: correctionlib files, evaluated event by event."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import awkward as ak
import correctionlib
import numpy as np
from correctionlib.highlevel import open_auto
from numpy.typing import NDArray

from zenith.config import Analysis
from zenith.config.samples import Correction
from zenith.config.selection import ObjectCut
from zenith.errors import ConfigError, InputError
from zenith.events.formats import fields
from zenith.events.objects import Objects, passes

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
    offered: tuple[str, ...] | None
    """The variations in the file; None if no input is `variation`."""
    where: tuple[ObjectCut, ...] = ()
    """What holds for the objects that a variation is of; the others are nominal."""

    @property
    def names(self) -> Mapping[str, str]:
        """What the file calls nominal, up and down."""
        return {str(side): name for side, name in self.config.variations.items()}

    def require(self, variation: str, key: str) -> None:
        """Raise an error that names `key` if the file has no variation that it calls so."""
        if self.offered is None:
            raise ConfigError(f"{self.key}.inputs: a systematic varies it, but none is 'variation'")
        if variation not in self.offered:
            raise InputError(
                f"{key}: {self.config.file}: {self.config.correction} has no variation "
                f"{variation!r}; it offers {', '.join(self.offered) or 'none'}"
            )

    def __call__(self, objects: Objects, variation: str | None = None) -> NDArray[np.float64]:
        """The factor of each event; the product over its objects if the correction names one.

        `variation` is in the words of the file, by default the nominal one. Raises `InputError` if
        an input is missing, or outside the range of the correction.
        """
        nominal = self.names["nominal"]
        if self.config.object is None:
            return np.broadcast_to(self._evaluate(objects, variation or nominal), len(objects))
        particles = getattr(objects, self.config.object)
        counts = ak.num(particles)
        size = int(ak.sum(counts))
        if variation is None or not self.where:
            values = np.broadcast_to(self._evaluate(objects, variation or nominal), size)
        else:
            chosen, key = np.ones(size, bool), f"{self.key}, of which `where` chooses objects"
            for cut in self.where:
                field = fields.lookup(particles, cut.field, key, f"{self.config.object}.")
                chosen &= passes(ak.to_numpy(ak.flatten(field)), cut)
            values = np.array(np.broadcast_to(self._evaluate(objects, nominal), size))
            values[chosen] = self._evaluate(objects, variation, chosen)
        return np.asarray(ak.prod(ak.unflatten(values, counts), axis=1).to_numpy())

    def _evaluate(
        self, objects: Objects, variation: str, chosen: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float64]:
        """The values for events or for objects, all or those that are chosen; or one for all."""
        arguments = [
            self._argument(text, variable.type, objects, variation)
            for text, variable in zip(self.config.inputs, self.function.inputs, strict=True)
        ]
        if chosen is not None:
            arguments = [a[chosen] if isinstance(a, np.ndarray) else a for a in arguments]
        try:
            return np.asarray(self.function.evaluate(*arguments), np.float64)
        except (RuntimeError, IndexError, ValueError) as error:
            raise InputError(
                f"{self.key}: {self.config.file}: {self.config.correction} cannot be evaluated "
                f"under {variation!r} ({error}); limit its inputs to the range it is valid in with "
                "clip, or a variation to the objects that it is for with where"
            ) from None

    def _argument(self, text: str, kind: str, objects: Objects, variation: str) -> Any:
        if text == "variation":
            return variation
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
        A file is missing or not of correctionlib; it lacks the correction, or its nominal value.
    ConfigError
        The inputs are not as many as the file asks for.
    """
    return {
        name: _load(f"eras.{era}.corrections.{name}", config)
        for name, config in analysis.eras[era].corrections.items()
    }


def _load(key: str, config: Correction) -> Evaluator:
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
    offered = None
    if "variation" in config.inputs:
        variable = function.inputs[config.inputs.index("variation")].name
        data = next(c for c in json.loads(text)["corrections"] if c["name"] == name)
        offered = tuple(sorted({str(k) for k in _categories(data["data"], variable)}))
    evaluator = Evaluator(key, config, function, offered)
    if offered is not None:
        evaluator.require(evaluator.names["nominal"], f"{key}.variations.nominal")
    return evaluator


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
