"""What a sample's `simulate:` block says: a process card for Pythia 8."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from zenith.config.base import Name, Positive, Section
from zenith.config.detector_response import DetectorResponse, NonNegative
from zenith.config.marks import concerns
from zenith.config.tower_response import TowerResponse


class Simulated(Section):
    """What all simulated events have in common."""

    events: Annotated[
        int,
        Field(gt=0, description="number of events, all parts together"),
        concerns("simulate", of="own"),
    ]
    parts: Annotated[
        int,
        Field(gt=0, description="number of files, made by independent jobs"),
        concerns("simulate", of="own"),
    ] = 1


class PythiaCard(Simulated):
    """What every process of Pythia has in common."""

    multiparton_interactions: Annotated[
        bool, Field(description="whether to simulate the underlying event (three times slower)")
    ] = False
    final_state_cutoff: Annotated[
        float,
        Field(
            ge=0.1,
            le=2.0,
            description="pT in GeV at which radiation off the final state ends: Pythia's "
            "TimeShower:pTmin",
        ),
    ] = 0.5

    @model_validator(mode="after")
    def _parts(self) -> "PythiaCard":
        if self.parts > self.events:
            raise ValueError(f"parts ({self.parts}) cannot exceed events ({self.events})")
        return self


class ProcessCard(PythiaCard):
    """A process whose events are written as NanoAOD."""

    shower_variations: Annotated[
        bool,
        Field(
            description="whether the branch PSWeight has the weights of other scales of initial- "
            "and final-state radiation (generation takes 1.5 times as long)"
        ),
        concerns("simulate", of="own"),
    ] = False
    detector: Annotated[DetectorResponse, concerns("simulate", of="own")] = DetectorResponse()


class MuonCard(ProcessCard):
    """A process of which events with a muon are kept."""

    muon_pt_min: Annotated[
        NonNegative | None,
        Field(
            description="smallest pT in GeV, within |η| < 2.6, of a muon of the hard process, or "
            "of a τ that then decays to a muon; none: keep every event"
        ),
    ] = 35.0


class ZprimeCard(MuonCard):
    """Z′ → tt̄, without interference with γ* and Z."""

    process: Literal["zprime"]
    mass: Annotated[float, Field(ge=500.0, le=6000.0, description="pole mass in GeV")] = 2000.0
    relative_width: Annotated[
        float, Field(gt=0.0, le=0.5, description="ratio of width to mass, no unit")
    ] = 0.01


class HardCard(ProcessCard):
    """A 2 → 2 process in a slice of the transverse momentum p̂T of its products."""

    pt_hat_min: Annotated[
        float, Field(ge=20.0, le=3000.0, description="smallest p̂T that is generated, in GeV")
    ] = 400.0
    pt_hat_bias: Annotated[
        float,
        Field(
            ge=0.0,
            le=8.0,
            description="power of p̂T that biases the generation; genWeight undoes it",
        ),
        concerns("simulate", of="own"),
    ] = 3.0


class TopPairCard(HardCard, MuonCard):
    """tt̄ with one, none or two of the W bosons decaying to e, μ or τ."""

    process: Literal["ttbar_semileptonic", "ttbar_hadronic", "ttbar_dileptonic"]

    @model_validator(mode="after")
    def _hadronic(self) -> "TopPairCard":
        if self.process == "ttbar_hadronic" and self.muon_pt_min is not None:
            raise ValueError("ttbar_hadronic has no muon in its hard process: muon_pt_min: null")
        return self


class WJetsCard(HardCard, MuonCard):
    """W → μν with one parton at high pT, and what the parton shower adds."""

    process: Literal["wjets"]


class TagJets(Section):
    """Two partons far apart beside those that the Higgs boson, or the heavy quarks, become.

    The shower is ordered in pT: once it is down to `pt`, every parton above is there, and an event
    without such a pair is given up before the rest of it. Selections have to ask for more.
    """

    pt: Annotated[
        Positive,
        Field(description="pT in GeV at which the shower is looked at, that of each parton"),
    ] = 20.0
    mass: Annotated[NonNegative, Field(description="smallest mass of the pair, in GeV")] = 300.0
    delta_eta: Annotated[NonNegative, Field(description="smallest Δη of the pair")] = 2.5


class TagJetsCard(ProcessCard):
    """A process of which events with two forward jets are kept."""

    tag_jets: Annotated[
        TagJets | None,
        Field(description="pair of partons that is asked for; none: keep every event"),
    ] = TagJets()


class HiggsCard(TagJetsCard):
    """A Higgs boson from the fusion of vector bosons or of gluons, decaying to heavy quarks."""

    process: Literal["higgs_vector_boson_fusion", "higgs_gluon_fusion"]
    mass: Annotated[float, Field(ge=80.0, le=200.0, description="mass in GeV")] = 125.0
    decay: Annotated[Literal["bb", "cc"], Field(description="quarks that it decays to")] = "bb"


class MultijetCard(HardCard, TagJetsCard):
    """A pair of heavy quarks from gluons or light quarks, and the jets of the parton shower.

    What is asked of the heavy quarks is looked at together with the tag jets, and without them not.
    """

    process: Literal["multijet"]
    quarks: Annotated[Literal["bb", "cc"], Field(description="quarks of the hard process")] = "bb"
    quark_pt_min: Annotated[
        NonNegative,
        Field(
            description="smallest pT in GeV of the two within |η| < 2.6, after the shower so far"
        ),
    ] = 30.0
    quark_mass_max: Annotated[
        Positive | None, Field(description="largest mass of the two in GeV; none: any")
    ] = None


class HardRadiation(Section):
    """Of events whose initial state radiates little, few are kept, with weights that make up.

    The initial state radiates in falling order of pT. Once it is down to `pt`, an event whose first
    parton has pT is kept with the probability (pT / `all_above`)², at least 1 / `one_in`: an event
    without such a parton is given up at a tenth of the time of an event.
    """

    pt: Annotated[Positive, Field(description="pT in GeV at which the radiation is looked at")] = (
        30.0
    )
    one_in: Annotated[
        float,
        Field(gt=1.0, description="of so many events without, one is kept, with this weight"),
    ] = 10.0
    all_above: Annotated[
        Positive, Field(description="pT in GeV of the first parton above which all are kept")
    ] = 100.0

    @model_validator(mode="after")
    def _order(self) -> "HardRadiation":
        if self.all_above < self.pt:
            raise ValueError(
                f"all_above: {self.all_above:g} GeV is below pt, {self.pt:g} GeV, where radiation "
                "is first looked at; choose a larger one, or a smaller pt"
            )
        return self


class LeptonTauCard(PythiaCard):
    """A process whose events with one electron or muon and one hadronic τ are kept.

    They are written as the table of the HiggsML challenge, with weights that add up to `expected`.
    H → ττ of all productions, Z → ττ, single and pairs of top quarks, pairs of W, Z and γ*. Without
    multiparton interactions of their own, events have those of other ones laid over them. τ decay
    without their polarisation (Pythia's TauDecays:mode = 0).
    """

    process: Literal["htautau", "ztautau", "ttbar", "diboson"]
    expected: Annotated[
        Positive,
        Field(
            description="expected events that the weights add up to, all parts together, at the "
            "luminosity for which the sample has its sum_of_weights"
        ),
        concerns("simulate", of="own"),
    ]
    hard_radiation: Annotated[
        HardRadiation | None,
        Field(
            description="for H and Z → ττ: more events with hard radiation of the initial state, "
            "and jets; none: events of one weight"
        ),
        concerns("simulate", of="own"),
    ] = None
    towers: Annotated[TowerResponse, concerns("simulate", of="own")] = TowerResponse()

    @model_validator(mode="after")
    def _radiation(self) -> "LeptonTauCard":
        if self.hard_radiation is not None and not self.has_tau_pair:
            raise ValueError(f"hard_radiation: {self.process} has no pair of τ; remove it")
        return self

    @property
    def has_tau_pair(self) -> bool:
        """Whether events of the process have two τ."""
        return self.process in ("htautau", "ztautau")


class PseudodataCard(Section):
    """Pseudo-data: independent events of other samples, as many as the luminosity gives.

    Each sample contributes a Poisson-distributed number of unweighted events.
    """

    process: Literal["pseudodata"]
    backgrounds: Annotated[
        tuple[Name, ...],
        Field(min_length=1, description="simulated samples of the same era that are drawn from"),
    ]
    signal: Annotated[Name | None, Field(description="simulated sample to inject")] = None
    signal_strength: Annotated[
        NonNegative,
        Field(description="strength of the injected signal, in units of its cross-section"),
    ] = 0.0
    truth: Annotated[
        dict[Name, Positive],
        Field(
            description="true cross-sections in pb by sample: what is assumed of a sample "
            "does not change data; default: cross_section · k_factor of the sample"
        ),
    ] = {}
    parts: Annotated[int, Field(gt=0, description="number of files, made by independent jobs")] = 1
    detector: Annotated[
        DetectorResponse, Field(description="detector response in place of that of the samples")
    ] = DetectorResponse(muon_efficiency=0.94, pileup_mean=24.0, pileup_spread=6.5)

    @model_validator(mode="after")
    def _injection(self) -> "PseudodataCard":
        if self.signal_strength > 0.0 and self.signal is None:
            raise ValueError("signal_strength is not zero: name the sample to inject in signal")
        return self


class SummaryToyCard(Simulated):
    """A process of the toy whose densities are known, without Pythia and without a detector."""

    process: Literal["summary_toy"]
    component: Annotated[
        Literal["h", "Z", "tt", "VV"], Field(description="process of the toy that is drawn from")
    ]


SimulationCard = Annotated[
    SummaryToyCard
    | LeptonTauCard
    | ZprimeCard
    | TopPairCard
    | WJetsCard
    | HiggsCard
    | MultijetCard
    | PseudodataCard,
    Field(discriminator="process"),
]
