"""Inputs that are no samples: events with the scores of a classifier."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from zenith.config.base import Fraction, Positive, Section
from zenith.config.marks import concerns


class ScoredEvents(Section):
    """Where scored events come from: exactly one of `toy`, `file` and `analysis`."""

    toy: Annotated[
        Literal["one_score", "three_classes"] | None,
        Field(description="events of a toy: a classifier's score, or a softmax of three classes"),
        concerns("scored"),
    ] = None
    fraction: Annotated[
        Fraction,
        Field(gt=0.0, description="fraction of the events of the toy, at the same luminosity"),
        concerns("scored"),
    ] = 1.0
    file: Annotated[
        str | None,
        Field(
            description="HDF5 file with `scores` (N, D), `weight` (N,), `label` (N,), the "
            "attribute `signal_labels`, and `event` (N,) if the split is to follow event numbers"
        ),
        concerns("scored"),
    ] = None
    analysis: Annotated[
        str | None,
        Field(
            description="YAML file of an analysis, whose columns, networks and selection are made "
            "where they are missing; `categorise` says which region and scores of it"
        ),
        concerns("scored"),
    ] = None
    split: Annotated[
        float,
        Field(
            gt=0.0,
            lt=1.0,
            description="fraction of the events of a toy or file that categories are found with, "
            "by a hash of the event number (or row); the others are unseen, and what is quoted "
            "comes from them; an analysis has its folds",
        ),
        concerns("scored"),
    ] = 0.5
    luminosity: Annotated[
        Positive | None,
        Field(description="integrated luminosity in 1/fb; default: that of the analysis"),
        concerns("category_figures"),
    ] = None
    energy: Annotated[
        Positive | None,
        Field(description="centre-of-mass energy in TeV; default: that of the analysis"),
        concerns("category_figures"),
    ] = None
    score_labels: Annotated[
        tuple[str, ...],
        Field(description="names of the scores on figures; default: those of the observables"),
        concerns("category_figures"),
    ] = ()
    labels: Annotated[
        dict[str, str],
        Field(
            description="legend entries of the labels of the events, by their names or numbers; "
            "default: those of the processes"
        ),
        concerns("category_figures", "summary"),
    ] = {}

    @field_validator("file", "analysis")
    @classmethod
    def _there(cls, file: str | None) -> str | None:
        if file is not None and not Path(file).is_file():
            raise ValueError(f"there is no file {file!r}; paths are relative to {Path.cwd()}")
        return file

    @model_validator(mode="after")
    def _one(self) -> "ScoredEvents":
        if [self.toy, self.file, self.analysis].count(None) != 2:
            raise ValueError("give exactly one of toy, file and analysis")
        if self.toy is None and self.fraction != 1.0:
            raise ValueError("fraction: belongs to a toy; of others all events are used")
        return self


class TrainingSetFields(Section):
    """What is called how in a training set that was made elsewhere."""

    events: Annotated[
        str, Field(description="dataset with one row for each event"), concerns("mva")
    ] = "events"
    label: Annotated[
        str,
        Field(
            description="its field with the class of an event: a position in the attribute "
            "`classes` of the file, whose names `mva.NAME.classes` names, or, without that, among "
            "the classes of the network; -1 is no class"
        ),
        concerns("mva"),
    ] = "label"
    weight: Annotated[
        str | None, Field(description="its field with the weight; none: all are 1"), concerns("mva")
    ] = "weight"
    part: Annotated[
        str,
        Field(
            description="its field with the part of an event, a position in the attribute `parts` "
            "of the file, by default train, validate, test; without it, events have a `fold`"
        ),
        concerns("mva"),
    ] = "part"


class Inputs(Section):
    """Inputs besides samples; samples have their own, see there."""

    scored: Annotated[
        ScoredEvents | None, Field(description="scored events, in place of samples")
    ] = None
    training_set: Annotated[
        TrainingSetFields | None,
        Field(
            description="training sets that were made elsewhere, in place of samples: what is "
            "called how in the files that `zenith train --input` names"
        ),
    ] = None

    @model_validator(mode="after")
    def _one(self) -> "Inputs":
        if self.scored is not None and self.training_set is not None:
            raise ValueError("give one of scored and training_set")
        return self
