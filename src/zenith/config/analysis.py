"""The whole configuration of one analysis, with sections that agree."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import ConfigDict, model_validator

from zenith.config.agreement import agree
from zenith.config.relations import Related
from zenith.config.samples import SOURCES

# What an analysis of scored events, or of training sets, consists of
SCORED = ("name", "seed", "inputs", "categorise", "plotting")
TRAINED = ("name", "title", "seed", "inputs", "folds", "mva", "tune", "plotting")
# What an analysis of samples needs, and one of scored events has none of
OF_SAMPLES: dict[str, Any] = {
    "module": "",
    "eras": {},
    "processes": {},
    "samples": {},
    "objects": {},
    "observables": {},
    "regions": {},
}


def _either(schema: dict[str, Any]) -> None:
    """The keys that the JSON schema requires: of samples, scored events or training sets."""
    schema["required"] = ["name"]
    schema["anyOf"] = [
        {"required": [*OF_SAMPLES]},
        {"required": ["inputs", "categorise"]},
        {"required": ["inputs", "mva"]},
    ]


class Analysis(Related):
    """One analysis, from files to figures.

    Or from scored events to categories, or from training sets to networks.
    """

    model_config = ConfigDict(json_schema_extra=_either)

    @model_validator(mode="before")
    @classmethod
    def _split_became_folds(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and "split" in data:
            instead = "folds: {number: 5, salt: 1}; all events are used, each is read with what "
            instead += "other folds have taught"
            if isinstance(data.get("inputs"), Mapping) and data["inputs"].get("scored"):
                instead = (
                    "inputs: {scored: {split: 0.5}}, the fraction that categories are found on"
                )
            raise ValueError(f"split: there is no such key any more: write {instead}")
        return data

    @model_validator(mode="before")
    @classmethod
    def _of_files(cls, data: Any) -> Any:
        """Samples with `select` are read from `files`, where that is given."""
        if not isinstance(data, Mapping) or data.get("files") is None:
            return data
        samples = data.get("samples") or {}
        told = [n for n, s in samples.items() if isinstance(s, Mapping) and s.get("select")]
        if not told:
            raise ValueError(
                "files: no sample has a `select` that tells its events from others; write "
                "samples.NAME.files"
            )
        moved = {n: {k: v for k, v in samples[n].items() if k not in SOURCES} for n in told}
        own = {n: {**sample, "files": data["files"]} for n, sample in moved.items()}
        return {**data, "samples": {**samples, **own}}

    @model_validator(mode="before")
    @classmethod
    def _without_samples(cls, data: Any) -> Any:
        """Where inputs are no samples, the sections of samples are empty, and must not be given."""
        inputs = data.get("inputs") if isinstance(data, Mapping) else None
        if not isinstance(inputs, Mapping):
            return data
        for kind, own in (("scored", SCORED), ("training_set", TRAINED)):
            if inputs.get(kind) is None:
                continue
            for key in data:
                if key in cls.model_fields and key not in own:
                    raise ValueError(
                        f"{key}: is of an analysis of samples; beside inputs.{kind} there are "
                        f"{', '.join(own)}"
                    )
            return {**OF_SAMPLES, **data}
        return data

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        agree(self)
        return self
