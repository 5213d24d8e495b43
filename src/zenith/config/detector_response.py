"""The numbers of the parametrised detector response that simulated events go through."""

from typing import Annotated

from pydantic import Field

from zenith.config.base import Fraction, Positive, Section

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


class ScoresByFlavour(Section):
    """A tagging score by the flavour of the hadrons in the jet."""

    b: Annotated[Score, Field(description="score of jets with a b hadron")]
    c: Annotated[Score, Field(description="score of jets with a c but no b hadron")]
    light: Annotated[Score, Field(description="score of all other jets")]


class CharmTagResponse(Section):
    """Charm-tagging scores (btagDeepFlavCvL, btagDeepFlavCvB), independent of that of b tagging.

    The defaults are of the size of DeepJet's: above 0.15 against light jets and 0.29 against b jets
    are 42 % of the c jets, 19 % of the b jets and 4 % of the light jets.
    """

    against_light: Annotated[
        ScoresByFlavour, Field(description="charm score against light jets, btagDeepFlavCvL")
    ] = ScoresByFlavour(
        b=Score(mean=-0.4, spread=1.5),
        c=Score(mean=-1.0, spread=1.5),
        light=Score(mean=-3.8, spread=1.3),
    )
    against_b: Annotated[
        ScoresByFlavour, Field(description="charm score against b jets, btagDeepFlavCvB")
    ] = ScoresByFlavour(
        b=Score(mean=-2.1, spread=1.6),
        c=Score(mean=-0.5, spread=1.2),
        light=Score(mean=-0.1, spread=1.1),
    )


class SubstructureResponse(Section):
    """What is measured of a jet's constituents: their number, and how wide they are.

    Each is found with the same efficiency, and pileup adds some. The width is that of the true
    jet, Σ pT ΔR / Σ pT over its constituents, times a normal response.
    """

    efficiency: Annotated[
        Fraction, Field(description="share of a jet's true constituents that are found")
    ] = 0.85
    pileup: Annotated[
        NonNegative,
        Field(description="mean number of constituents that pileup adds to a jet, per interaction"),
    ] = 0.03
    width_resolution: Annotated[
        NonNegative, Field(description="relative resolution of a jet's width")
    ] = 0.10


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
    charm_tag: Annotated[
        CharmTagResponse | None,
        Field(description="charm-tagging scores of jets; none: jets have no such scores"),
    ] = None
    substructure: Annotated[
        SubstructureResponse | None,
        Field(
            description="number of constituents and width of jets as they are measured; none: jets "
            "have the true number, and no width"
        ),
    ] = None
    pileup_mean: Annotated[
        Positive, Field(description="mean number of interactions per bunch crossing")
    ] = 22.0
    pileup_spread: Annotated[
        Positive, Field(description="standard deviation of that number over luminosity sections")
    ] = 8.0
