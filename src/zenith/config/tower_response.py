"""The numbers of the calorimeter-tower response that simulated events with a τ go through."""

from typing import Annotated

from pydantic import Field

from zenith.config.base import Positive, Section

Probability = Annotated[float, Field(ge=0.0, lt=1.0)]


class TowerResponse(Section):
    """The numbers of a detector of calorimeter towers, see `zenith.simulation.tau_events`."""

    lepton_pt: Annotated[
        Positive, Field(description="smallest pT of the electron or muon, in GeV")
    ] = 20.0
    veto_pt: Annotated[
        Positive, Field(description="pT above which there is no other lepton, in GeV")
    ] = 10.0
    electron_isolation: Annotated[
        Positive, Field(description="largest pT within ΔR = 0.5 over that of an electron")
    ] = 0.12
    muon_isolation: Annotated[
        Positive, Field(description="largest pT within ΔR = 0.5 over that of a muon")
    ] = 0.25
    tau_one_prong: Annotated[
        Probability, Field(description="efficiency to tag a hadronic τ with one track")
    ] = 0.70
    tau_three_prong: Annotated[
        Probability, Field(description="efficiency to tag a hadronic τ with more tracks")
    ] = 0.60
    fake_one_prong: Annotated[
        Probability, Field(description="probability to tag another jet with one track")
    ] = 0.02
    fake_three_prong: Annotated[
        Probability, Field(description="probability to tag another jet with more tracks")
    ] = 0.01
