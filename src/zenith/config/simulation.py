"""What a sample's `simulate:` block says: a process card for Pythia 8 and a detector response."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from zenith.config.base import Fraction, Name, Positive, Section
from zenith.config.marks import concerns

NonNegative = Annotated[float, Field(ge=0.0)]


class Score(Section):
    """A tagging score s in (0, 1) whose logit, ln(s / (1 - s)), is normally distributed.

    The fraction of jets above a threshold t is Φ((mean - logit t) / spread).
    """

    mean: Annotated[float, Field(description="mean of the logit, no unit")]
    spread: Annotated[Positive, Field(description="standard deviation of the logit, no unit")]


class BTagResponse(Section):
    """b-tagging score (btagDeepB) by the flavour of the hadrons in the jet.

    The defaults pass through the three working points of DeepCSV (arXiv:1712.07158):
    68 % of the b jets, 12 % of the c jets and 1.1 % of the light jets lie above 0.6321.
    """

    b: Annotated[Score, Field(description="b-tagging score of jets with a b hadron")] = Score(
        mean=2.15, spread=3.4
    )
    c: Annotated[Score, Field(description="b-tagging score of jets with a c but no b hadron")] = (
        Score(mean=-1.74, spread=1.94)
    )
    light: Annotated[Score, Field(description="b-tagging score of all other jets")] = Score(
        mean=-3.58, spread=1.8
    )
    slope: Annotated[
        NonNegative,
        Field(description="fall of a b jet's mean per GeV of jet pT above 200 GeV, in 1/GeV"),
    ] = 0.002


class TopTagResponse(Section):
    """Top-tagging score (particleNet_TvsQCD) by the quarks of a hadronic top decay in the jet."""

    merged: Annotated[
        Score, Field(description="top-tagging score of fat jets that hold all three quarks")
    ] = Score(mean=2.5, spread=2.5)
    partial: Annotated[
        Score, Field(description="top-tagging score of fat jets that hold two of the quarks")
    ] = Score(mean=-1.0, spread=2.5)
    other: Annotated[Score, Field(description="top-tagging score of all other fat jets")] = Score(
        mean=-4.0, spread=2.2
    )


class DetectorResponse(Section):
    """The numbers of the parametrised detector response, see `zenith.simulation.detector`."""

    muon_efficiency: Annotated[
        Fraction,
        Field(description="efficiency to reconstruct a muon and identify it as tight, |η| < 2.4"),
    ] = 0.96
    muon_resolution: Annotated[
        NonNegative, Field(description="relative pT resolution of a muon at low pT")
    ] = 0.012
    muon_resolution_slope: Annotated[
        NonNegative,
        Field(
            description="relative pT resolution of a muon per GeV of pT, added in "
            "quadrature, in 1/GeV"
        ),
    ] = 5e-5
    electron_efficiency: Annotated[
        Fraction,
        Field(
            description="efficiency to reconstruct an electron and identify it as tight, |η| < 2.5"
        ),
    ] = 0.80
    electron_resolution: Annotated[
        NonNegative, Field(description="relative pT resolution of an electron")
    ] = 0.02
    trigger_efficiency: Annotated[
        Fraction, Field(description="efficiency of HLT_Mu50 for muons above 50 GeV")
    ] = 0.90
    trigger_recovery: Annotated[
        Fraction,
        Field(
            description="efficiency of HLT_TkMu50 for muons above 50 GeV, independent of HLT_Mu50"
        ),
    ] = 0.60
    isolation_noise: Annotated[
        NonNegative,
        Field(description="mean pT that pileup leaves in a cone of radius 0.4, in GeV per vertex"),
    ] = 0.05
    jet_scale: Annotated[Positive, Field(description="mean ratio of measured to true jet pT")] = 1.0
    jet_noise: Annotated[
        NonNegative, Field(description="noise term N of the jet resolution, N/pT, in GeV")
    ] = 4.0
    jet_stochastic: Annotated[
        NonNegative, Field(description="stochastic term S of the jet resolution, S/√pT, in √GeV")
    ] = 0.9
    jet_constant: Annotated[
        NonNegative, Field(description="constant term of the jet resolution")
    ] = 0.045
    jet_angle: Annotated[
        NonNegative, Field(description="resolution of a jet's η and φ, in radians")
    ] = 0.01
    soft_drop_resolution: Annotated[
        NonNegative, Field(description="relative resolution of the soft-drop mass")
    ] = 0.08
    met_noise: Annotated[
        NonNegative, Field(description="resolution of each component of MET without pileup, in GeV")
    ] = 8.0
    met_pileup: Annotated[
        NonNegative,
        Field(description="resolution of MET per pileup vertex, added in quadrature, in GeV"),
    ] = 2.2
    puppi_suppression: Annotated[
        Fraction, Field(description="share of the pileup noise of MET that PuppiMET keeps")
    ] = 0.6
    btag: BTagResponse = BTagResponse()
    top_tag: TopTagResponse = TopTagResponse()
    pileup_mean: Annotated[
        Positive, Field(description="mean number of interactions per bunch crossing")
    ] = 22.0
    pileup_spread: Annotated[
        Positive, Field(description="standard deviation of that number over luminosity sections")
    ] = 8.0


class ProcessCard(Section):
    """What every simulated process has in common."""

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
    muon_pt_min: Annotated[
        NonNegative | None,
        Field(
            description="smallest pT in GeV, within |η| < 2.6, of a muon of the hard process, or "
            "of a τ that then decays to a muon; none: keep every event"
        ),
    ] = 35.0
    multiparton_interactions: Annotated[
        bool, Field(description="whether to simulate the underlying event (three times slower)")
    ] = False
    shower_variations: Annotated[
        bool,
        Field(
            description="whether the branch PSWeight has the weights of other scales of initial- "
            "and final-state radiation (generation takes 1.5 times as long)"
        ),
        concerns("simulate", of="own"),
    ] = False
    detector: Annotated[DetectorResponse, concerns("simulate", of="own")] = DetectorResponse()

    @model_validator(mode="after")
    def _parts(self) -> "ProcessCard":
        if self.parts > self.events:
            raise ValueError(f"parts ({self.parts}) cannot exceed events ({self.events})")
        return self


class ZprimeCard(ProcessCard):
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


class TopPairCard(HardCard):
    """tt̄ with one, none or two of the W bosons decaying to e, μ or τ."""

    process: Literal["ttbar_semileptonic", "ttbar_hadronic", "ttbar_dileptonic"]

    @model_validator(mode="after")
    def _hadronic(self) -> "TopPairCard":
        if self.process == "ttbar_hadronic" and self.muon_pt_min is not None:
            raise ValueError("ttbar_hadronic has no muon in its hard process: muon_pt_min: null")
        return self


class WJetsCard(HardCard):
    """W → μν with one parton at high pT, and what the parton shower adds."""

    process: Literal["wjets"]


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


SimulationCard = Annotated[
    ZprimeCard | TopPairCard | WJetsCard | PseudodataCard, Field(discriminator="process")
]
