"""The whole configuration of one analysis, with sections that agree."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import ConfigDict, model_validator

from zenith.config.agreement import agree
from zenith.config.relations import Related

# What an analysis of scored events consists of
SCORED = ("name", "seed", "inputs", "categorise", "plotting")
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
    """The keys that the JSON schema requires: of samples, or of scored events."""
    schema["required"] = ["name"]
    schema["anyOf"] = [{"required": [*OF_SAMPLES]}, {"required": ["inputs", "categorise"]}]


class Analysis(Related):
    """One analysis, from files to figures, or from scored events to categories."""

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
    def _of_scored_events(cls, data: Any) -> Any:
        """Where inputs are scored events, sections of samples are empty, and must not be given."""
        inputs = data.get("inputs") if isinstance(data, Mapping) else None
        if not isinstance(inputs, Mapping) or inputs.get("scored") is None:
            return data
        for key in data:
            if key in cls.model_fields and key not in SCORED:
                raise ValueError(
                    f"{key}: is of an analysis of samples; beside inputs.scored there are "
                    f"{', '.join(SCORED)}"
                )
        return {**OF_SAMPLES, **data}

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        agree(self)
        return self
