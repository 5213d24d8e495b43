"""The configuration of a categorisation: scored events, and the categories to find in them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from zenith.config.base import Fraction, Name, Positive, Section
from zenith.config.categories import CategorySettings
from zenith.config.marks import concerns


class RegionEvents(Section):
    """A region of an analysis whose columns and networks are made already."""

    configuration: Annotated[str, Field(description="the YAML of the analysis")]
    region: Annotated[Name, Field(description="whose cuts events pass")]
    scores: Annotated[
        tuple[str, ...],
        Field(min_length=1, description="observables or scores of networks, one for a dimension"),
    ]
    selection: Annotated[
        Literal["initial", "optimised"],
        Field(description="thresholds and networks before or after the climb"),
    ] = "optimised"


class ScoredEvents(Section):
    """Where scored events come from: exactly one of `toy`, `file` and `analysis`."""

    toy: Annotated[
        Literal["one_score", "three_classes"] | None,
        Field(description="made by Zenith: a classifier's score, or a softmax of three classes"),
    ] = None
    fraction: Annotated[
        Fraction,
        Field(gt=0.0, description="of the number of events of the toy, at the same luminosity"),
    ] = 1.0
    file: Annotated[
        str | None,
        Field(
            description="HDF5 with `scores` (N, D), `weight` (N,), `label` (N,), the attribute "
            "`signal_labels`, and `event` (N,) if the split is to follow event numbers"
        ),
    ] = None

    analysis: Annotated[
        RegionEvents | None,
        Field(
            description="a region of an analysis: categories are found with the parts of its split "
            "that the climb uses, `optimise` and `validate`, and quoted on `test`"
        ),
    ] = None

    @field_validator("file")
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


class Categories(CategorySettings):
    """Categories of scored events, of several numbers, and which of them is chosen."""

    numbers: Annotated[
        tuple[Annotated[int, Field(ge=1)], ...],
        Field(min_length=1, description="numbers of categories, each found by a job of its own"),
        concerns("category_scan", "category_figures"),
    ]
    tolerance: Annotated[
        Fraction,
        Field(
            description="relative difference to the best Z on unseen events within which, or "
            "within its error, the smallest number is chosen"
        ),
        concerns("category_scan"),
    ] = 0.01
    bootstrap: Annotated[
        int,
        Field(ge=2, description="number of replicas for the errors of Z"),
        concerns("category_scan"),
    ] = 100

    @field_validator("numbers")
    @classmethod
    def _ascending(cls, numbers: tuple[int, ...]) -> tuple[int, ...]:
        if list(numbers) != sorted(set(numbers)):
            raise ValueError(f"numbers must increase: {list(numbers)}")
        return numbers


class CategoryPlotting(Section):
    """What is written on the figures, and their formats."""

    formats: Annotated[
        tuple[Literal["png", "pdf"], ...],
        Field(min_length=1, description="of each figure"),
        concerns("category_figures"),
    ] = ("png", "pdf")
    experiment: Annotated[
        str, Field(description="name on each figure"), concerns("category_figures")
    ] = "Zenith"
    status: Annotated[
        str, Field(description="text after the name"), concerns("category_figures")
    ] = "simulation"
    luminosity: Annotated[
        Positive | None, Field(description="of the weights, in 1/fb"), concerns("category_figures")
    ] = None
    energy: Annotated[
        Positive | None,
        Field(description="centre-of-mass energy in TeV"),
        concerns("category_figures"),
    ] = None
    scores: Annotated[
        tuple[str, ...],
        Field(description="names of the scores, in the order of the file"),
        concerns("category_figures"),
    ] = ()
    labels: Annotated[
        dict[int, str],
        Field(description="label of the events: its name in legends; default: `label_names`"),
        concerns("category_figures", "category_summary"),
    ] = {}

    def name(self, label: int, names: Mapping[str, str]) -> str:
        """What events of a label are called: here, or else by the names of their file."""
        return self.labels.get(label, names.get(str(label), f"Label {label}"))


class Categorisation(Section):
    """Categories of scored events: a second, small kind of configuration, known by `events`."""

    name: Annotated[Name, Field(description="results are written to results/{name}/")]
    seed: Annotated[
        int,
        Field(ge=0, description="of the toy, the starts and the bootstrap"),
        concerns("scored", of="toy"),
        concerns("categorise", "category_scan"),
    ] = 1
    events: Annotated[ScoredEvents, Field(description="the scored events"), concerns("scored")]
    split: Annotated[
        float,
        Field(
            gt=0.0,
            lt=1.0,
            description="fraction of the events of a toy or file that categories are found with, "
            "by a hash of the event number (or row); the others are unseen, and what is quoted "
            "comes from them",
        ),
        concerns("scored"),
    ] = 0.5
    categories: Annotated[
        Categories, Field(description="what is asked of categories"), concerns("categorise")
    ]
    plotting: Annotated[CategoryPlotting, Field(description="the figures")] = CategoryPlotting()
