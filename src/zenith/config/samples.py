"""Eras, processes and samples: which events there are, and how many of them are expected."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from zenith.config.base import Name, Positive, Section
from zenith.config.by_type import ByType
from zenith.config.event_cut import EventCut
from zenith.config.formats import FORMATS, MASKED, FileFormat
from zenith.config.from_data import MODELLED, FromData
from zenith.config.marks import concerns
from zenith.config.simulation import LeptonTauCard, SimulationCard
from zenith.config.steps import DRAWN, NAMED, SKIMMED, TEMPLATES

# Which files there are: Snakemake compares the inputs of a rule itself.
FILES = concerns()
SOURCES = ("simulate", "files", "dataset", "record", "from_data")


class LuminosityUncertainty(Section):
    """One source of the luminosity's uncertainty."""

    size: Annotated[Positive, Field(lt=1.0, description="relative uncertainty")]
    correlated: Annotated[bool, Field(description="whether it is one parameter for all eras")] = (
        True
    )
    label: Annotated[
        str | None, Field(description="name on figures; default: Luminosity"), concerns(*NAMED)
    ] = None


class Correction(Section):
    """A correctionlib correction: its nominal value multiplies the weight of simulated events.

    Each of `inputs` is a branch (`Pileup_nTrueInt`), or a field of the selected `object`
    (`abs(eta)`, `pt`; the correction is then the product over the objects), or a constant
    (`=2016`), or `variation`, which stands for the text that `variations` gives.
    """

    file: Annotated[str, Field(description="path of the correctionlib JSON, plain or .gz")]
    correction: Annotated[str, Field(description="name of the correction in the file")]
    object: Annotated[
        Name | None, Field(description="object whose fields are inputs; none: event-level branches")
    ] = None
    inputs: Annotated[
        tuple[str, ...],
        Field(min_length=1, description="inputs of the correction, in the file's order"),
    ]
    variations: Annotated[
        dict[Literal["nominal", "up", "down"], str],
        Field(description="names that the file gives to nominal, up and down"),
    ] = {"nominal": "nominal", "up": "up", "down": "down"}
    clip: Annotated[
        dict[str, tuple[float, float]],
        Field(description="valid ranges of inputs, to which values are clipped"),
    ] = {}

    @model_validator(mode="after")
    def _nominal(self) -> "Correction":
        if "nominal" not in self.variations:
            raise ValueError("variations must say what the file calls nominal")
        if unknown := set(self.clip) - set(self.inputs):
            raise ValueError(f"clip names {sorted(unknown)}, which are not among the inputs")
        return self


class AppliedWeight(Section):
    """A function of the analysis module (`@weight`) that multiplies weights of simulated events."""

    processes: Annotated[
        tuple[str, ...] | None,
        Field(description="processes whose events have this weight; default: all simulated"),
        concerns(*SKIMMED, of="simulation"),
        concerns(*TEMPLATES),
    ] = None

    def acts_on(self, process: str) -> bool:
        """Whether the events of a simulated process have this weight."""
        return self.processes is None or process in self.processes


class Era(Section):
    """One period of data taking."""

    luminosity: Annotated[
        Positive,
        Field(description="integrated luminosity in 1/fb"),
        concerns(*SKIMMED),
        concerns("simulate", of="pseudodata"),
    ]
    luminosity_uncertainties: Annotated[
        dict[Name, LuminosityUncertainty],
        Field(description="uncertainties of the luminosity, by nuisance parameter"),
        concerns(*TEMPLATES),
    ] = {}
    golden_json: Annotated[
        str | None,
        Field(
            description="certified luminosity sections, in any order; applied to data, and "
            "pseudo-data hold the luminosity in them"
        ),
        concerns("skim", of="data"),
        concerns("simulate", of="pseudodata"),
    ] = None
    event_flags: Annotated[
        tuple[str, ...],
        Field(description="event-quality branches that must all be true"),
        concerns("skim"),
    ] = ()
    corrections: Annotated[
        dict[Name, Correction],
        Field(description="corrections of the simulation, by name"),
        concerns(*SKIMMED, of="simulation"),
    ] = {}

    @model_validator(mode="after")
    def _once(self) -> "Era":
        seen: dict[object, str] = {}
        for name, correction in self.corrections.items():
            text = (correction.file, correction.correction, correction.object, correction.inputs)
            if text in seen:
                raise ValueError(
                    f"corrections.{name}: is {seen[text]} once more, whose nominal value would be "
                    f"applied twice; keep one, and give systematic uncertainties `variations`"
                )
            seen[text] = name
        return self


class Process(Section):
    """What samples add up to: one entry of the stack, one sample of the statistical model."""

    role: Annotated[
        Literal["signal", "background", "data"],
        Field(description="role of the process: signal, background or data"),
        concerns(*TEMPLATES, "mva_figures"),
    ]
    label: Annotated[
        str, Field(description="legend entry, LaTeX between dollars"), concerns(*DRAWN, "summary")
    ]
    colour: Annotated[
        str, Field(description="colour of the process, any of matplotlib's"), concerns(*DRAWN)
    ] = "#3f90da"


class Dataset(Section):
    """An entry of a catalogue of files (JSON: sample → variation → files and their events)."""

    catalogue: Annotated[str, Field(description="path of the catalogue, a JSON file")]
    entry: Annotated[str, Field(description="name of the sample in the catalogue")]
    variation: Annotated[str, Field(description="name of the variation in the catalogue")] = (
        "nominal"
    )


class Sample(Section):
    """A set of events with one cross-section; exactly one of its sources is given."""

    process: Annotated[
        Name,
        Field(description="process that the sample is part of"),
        concerns(*SKIMMED, "fakes", *TEMPLATES, *DRAWN),
    ]
    era: Annotated[
        str,
        Field(description="era that the sample belongs to"),
        concerns(*SKIMMED, "fakes", *TEMPLATES),
    ]
    simulate: Annotated[
        SimulationCard | None,
        Field(description="process card for events made by Pythia 8"),
        concerns("simulate"),
    ] = None
    files: Annotated[
        tuple[str | Annotated[tuple[str, ...], Field(min_length=1)], ...] | None,
        Field(
            description="paths, globs, http(s):// or root:// addresses, each file once; @list.txt "
            "is a list; [A, B] is one file in several places, tried in this order"
        ),
        FILES,
    ] = None
    dataset: Annotated[Dataset | None, Field(description="entry of a catalogue"), FILES] = None
    record: Annotated[
        int | None,
        Field(description="CERN Open Data record number; needs `zenith datasets`"),
        FILES,
    ] = None
    from_data: Annotated[
        FromData | None,
        Field(
            description="fake factor by which loose events of data become events of a background"
        ),
        MODELLED,
    ] = None
    format: Annotated[
        Annotated[FileFormat, ByType(FORMATS, default="nanoaod")] | None,
        Field(description="format of the files; default: what `format` says"),
        MASKED,
    ] = None
    cross_section: Annotated[
        Positive | None,
        Field(description="cross-section of the whole sample in pb; none for data"),
        concerns(*SKIMMED),
        concerns("simulate", of="source"),
    ] = None
    k_factor: Annotated[
        Positive,
        Field(description="factor on the cross-section"),
        concerns(*SKIMMED),
        concerns("simulate", of="source"),
    ] = 1.0
    select: Annotated[
        EventCut | None,
        Field(
            description="requirement on a branch or field that tells events of this sample from "
            "others in its files, `label == 1`, or by a text of `format.labels`, `label == ttbar`"
        ),
        concerns("skim"),
    ] = None
    sum_of_weights: Annotated[
        Positive | None,
        Field(description="Σ weights of all generated events of all files; default: as files say"),
        concerns(*SKIMMED),
    ] = None
    normalise_by_file: Annotated[
        bool,
        Field(description="whether Σ weights of files that do not tell it is that of their events"),
        concerns("skim"),
    ] = True
    check_event_count: Annotated[
        bool,
        Field(description="whether a file with another number of events than stated is an error"),
        concerns("skim"),
    ] = True
    veto: Annotated[
        tuple[str, ...],
        Field(description="triggers of data sets that come first: their events are left out"),
        concerns("skim"),
    ] = ()
    alternative: Annotated[
        bool,
        Field(
            description="whether the sample is used in place of another one alone, by a systematic"
        ),
        concerns(*TEMPLATES),
    ] = False

    @model_validator(mode="after")
    def _one_source(self) -> "Sample":
        sources = [key for key in SOURCES if getattr(self, key) is not None]
        if len(sources) != 1:
            given = " and ".join(sources) or "none"
            raise ValueError(
                f"give exactly one of simulate, files, dataset, record and from_data ({given})"
            )
        return self


def simulated_suffix(samples: Mapping[str, Sample]) -> str:
    """What the names of simulated files end with: as NanoAOD, or as the challenge's table.

    Raises ValueError where samples are simulated as both.
    """
    cards = {name: sample.simulate for name, sample in samples.items() if sample.simulate}
    tables = [name for name, card in cards.items() if isinstance(card, LeptonTauCard)]
    if tables and len(tables) < len(cards):
        other = next(name for name in cards if name not in tables)
        raise ValueError(
            f"samples.{tables[0]}.simulate: is written as a table, samples.{other} as NanoAOD; "
            "write an analysis for each"
        )
    return "parquet" if tables else "root"
