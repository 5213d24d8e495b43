"""Systematic uncertainties: what all kinds of them have in common, and which kinds there are.

A kind is one class: the model of its keys in the configuration, with methods that say what varies.
It derives from the base class of what it changes:

- `Rate`: the yield of processes, by a number;
- `Replacement`: samples, by others;
- `zenith.events.weights.Reweighting`: the weights of events;
- `zenith.events.shifts.Shift`: the events themselves, before objects are selected.

The name of its entry point in the group `zenith.systematics` is the `type` in the configuration.
"""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field, field_validator

from zenith.config.base import Section, known
from zenith.config.by_type import ByType
from zenith.config.marks import concerns
from zenith.config.steps import MODEL, NAMED, SKIMMED, TEMPLATES
from zenith.registry import Registry

KINDS = Registry(
    "zenith.systematics",
    {
        "normalisation": "zenith.systematics.normalisation:NormalisationSystematic",
        "sample": "zenith.systematics.sample:SampleSystematic",
        "shift": "zenith.systematics.function:FunctionShift",
        "shape": "zenith.systematics.shape:ShapeSystematic",
        "weight": "zenith.systematics.weight:WeightSystematic",
    },
)

# What makes the variations of columns.
WEIGHTS = concerns("columns", of="simulation")
SHAPES = concerns("skim", *SKIMMED, of="simulation")

KIND = "kind of systematic uncertainty"
ZERO_WIDTH = "a prior of zero width; leave the systematic out, or give it a size"
BOUNDS = (
    "range of the nuisance parameter, in standard deviations, at which its prior is clipped; "
    "default: that of pyhf, from -5 to 5"
)
Side = Literal["up", "down"]
Sides = Literal["two", "up", "down"]
SIDES = "variations that exist; a lacking one is the mirror image of the other about the nominal"


class WeightBranch(NamedTuple):
    """A branch of weights: one number in each event, or one entry of a list."""

    name: str
    entry: int | None


class Systematic(Section):
    """A systematic uncertainty: the keys that every kind has."""

    source: ClassVar[Literal["rate", "weight", "shape", "sample"]]

    type: Annotated[str, Field(description=KIND), SHAPES, concerns(*TEMPLATES)]
    processes: Annotated[
        tuple[str, ...] | None,
        Field(description="processes that vary; default: all simulated"),
        concerns(*TEMPLATES),
    ] = None
    regions: Annotated[
        tuple[str, ...] | None,
        Field(description="regions in which it acts; default: all"),
        concerns(*TEMPLATES),
    ] = None
    correlated: Annotated[
        bool,
        Field(description="whether one nuisance parameter is that of all eras"),
        concerns(*TEMPLATES),
    ] = True
    label: Annotated[
        str | None, Field(description="name on figures; default: its key"), concerns(*NAMED)
    ] = None
    bounds: Annotated[
        tuple[float, float] | None,
        Field(description=BOUNDS),
        concerns(*MODEL),
    ] = None
    group: Annotated[
        str | None,
        Field(description="uncertainties that are quoted together, by their name; default: alone"),
        concerns("fit", *NAMED),
    ] = None

    @field_validator("bounds")
    @classmethod
    def _range(cls, bounds: tuple[float, float] | None) -> tuple[float, float] | None:
        if bounds is not None and not bounds[0] < bounds[1]:
            raise ValueError(f"{list(bounds)}: {ZERO_WIDTH}")
        if bounds is not None and not bounds[0] <= 0.0 <= bounds[1]:
            raise ValueError(f"{list(bounds)} must contain 0, where the templates are nominal")
        return bounds

    def agree(self, analysis: Any, key: str) -> None:
        """Raise ValueError, naming `key` and what is below it, where other sections contradict."""
        if not isinstance(self, Rate | Varied):
            raise ValueError(
                f"{key}: {type(self).__name__} says neither which rates nor which events vary; it "
                "must derive from Rate, Replacement, Reweighting or Shift of zenith.systematics"
            )
        simulated = [name for name, p in analysis.processes.items() if p.role != "data"]
        known(self.processes or (), simulated, f"{key}.processes")
        for process in self.processes or ():
            if isinstance(self, Varied) and analysis.comes_from_data(process):
                raise ValueError(
                    f"{key}.processes: {process!r} comes from data, whose events do not vary; of a "
                    "rate take type: normalisation"
                )
        known(self.regions or (), analysis.regions, f"{key}.regions")

    def varies(self, analysis: Any, process: str) -> bool:
        """Whether it acts on a process, signal or background; if none is named, not on data."""
        if self.processes is None:
            return not analysis.comes_from_data(process)
        return process in self.processes

    @property
    def functions(self) -> Mapping[str, Collection[str]]:
        """The weights of the analysis module that it varies, with the variations it asks for."""
        return {}

    def parameter(self, name: str) -> str | None:
        """The parameter of a shift of the module that it is, by its key `name`; None: of none."""
        return None

    def value(self, pull: float) -> float:
        """The value of that parameter at a pull."""
        return pull

    @property
    def is_continuous(self) -> bool:
        """Whether it gives events at any pull, and not at ±1 alone: of those, surfaces may be."""
        return False

    @property
    def pulls(self) -> tuple[float, float] | None:
        """The range of the nuisance parameter, in standard deviations."""
        return self.bounds

    @property
    def normalised(self) -> dict[Side, WeightBranch]:
        """The branches whose mean over all generated events is divided out, by side."""
        return {}


class Rate(Systematic):
    """A kind that changes the yields of processes: a normsys."""

    source = "rate"

    @property
    def change(self) -> tuple[float, float]:
        """The relative changes of the yield at +1 and -1 standard deviation."""
        raise NotImplementedError


class Varied(Systematic):
    """A kind that is a pair of varied templates.

    Attributes
    ----------
    source
        Whose events the templates are of: the nominal ones with another `weight`, the same with
        other values of the observables (`shape`), or another `sample`.
    modifiers
        Of HistFactory. The two together are the varied template at ±1 standard deviation, its yield
        interpolated as a normsys. A normsys alone takes the yield of each region and not the shape,
        a histosys alone interpolates the yield linearly, bin by bin.
    """

    modifiers: ClassVar[tuple[Literal["normsys", "histosys"], ...]] = ("normsys", "histosys")

    sides: Annotated[Sides, Field(description=SIDES), concerns(*TEMPLATES)] = "two"
    smooth: Annotated[
        bool,
        Field(description="whether the ratio to the nominal template is smoothed, by local lines"),
        concerns(*MODEL),
    ] = False

    @property
    def given(self) -> tuple[Side, ...]:
        """The variations that exist."""
        return ("up", "down") if self.sides == "two" else (self.sides,)


class Replacement(Varied):
    """A kind that takes other samples in place of nominal ones."""

    source = "sample"

    def replaced(self, side: Side) -> Mapping[str, str]:
        """Nominal sample: the sample in its place."""
        raise NotImplementedError

    def varies(self, analysis: Any, process: str) -> bool:
        """A process of which a sample is replaced."""
        samples = {sample for side in self.given for sample in self.replaced(side)}
        own = {analysis.samples[sample].process for sample in samples}
        return process in own and super().varies(analysis, process)

    def agree(self, analysis: Any, key: str) -> None:
        """Samples that are replaced, and those in their place, are defined."""
        super().agree(analysis, key)
        for side in self.given:
            pairs = self.replaced(side)
            known([*pairs, *pairs.values()], analysis.samples, f"{key}.{side}")


AnySystematic = Annotated[Systematic, ByType(KINDS)]
"""A systematic uncertainty of any kind, Zenith's own or of another package."""
