"""Search for Z′ → tt̄ in the muon + jets channel: the observables, and a weight.

To add one, write a function of the selected objects of many events (`objects.muon`, `.jet`,
`.fatjet`, `.met`, `.event`; jagged arrays, highest pT first) that returns one number for each
event, and name it in the configuration. Its first sentence is its description everywhere else.
None means that an event lacks the object: it becomes the value `missing`.
"""

from typing import Any

import awkward as ak
import numpy as np

from zenith.events.kinematics import (
    JETS_OF_TOPS,
    event_shape,
    momenta,
    top_pair,
)
from zenith.events.objects import Objects, shared
from zenith.observable import observable, weight

FAR = 6.0  # more than any ΔR between objects within |η| < 2.4, which is at most 5.7
BAD = 1e4  # more than any χ² that a cut could ask for
LAST_COPY = 1 << 13  # of NanoAOD's statusFlags: after all radiation
TYPICAL_TOP_PT = 500.0  # GeV


def nth(values: Any, n: int) -> Any:
    """The n-th entry of each event's list, counted from 1; None where the list is shorter."""
    return ak.firsts(values[:, n - 1 : n])


def nth_highest(values: Any, n: int) -> Any:
    """The n-th highest of each event's values, counted from 1; None where there are fewer."""
    return nth(ak.sort(values, ascending=False), n)


@shared
def leading_muon(objects: Objects) -> Any:
    """The muon of highest pT, or None."""
    return ak.firsts(objects.muon)


@shared
def nearest_jet(objects: Objects) -> Any:
    """The jet nearest to the leading muon in ΔR; None without a muon or without a jet."""
    distance = objects.jet.deltaR(leading_muon(objects))
    return ak.firsts(objects.jet[ak.argmin(distance, axis=1, keepdims=True)])


@shared
def jet_momenta(objects: Objects) -> Any:
    """px, py, pz, E of all jets as one array, and whether each is there."""
    return momenta(objects.jet)


@shared
def event_shapes(objects: Objects) -> Any:
    """Sphericity and aplanarity of the jets and the leading muon."""
    muon, _ = momenta(objects.muon[:, :1])
    return event_shape(np.concatenate([jet_momenta(objects)[0], muon], axis=1))


@shared
def tops(objects: Objects) -> Any:
    """The tt̄ hypothesis of smallest χ² (`mass`, `chi2`, `leptonic_mass`, `hadronic_mass`), or None.

    The fat jet of the highest top-tag score is the hadronic top; without a fat jet it is three
    jets, see `zenith.events.kinematics.top_pair`.
    """
    muon, has_muon = momenta(objects.muon[:, :1])
    jets, present = (array[:, :JETS_OF_TOPS] for array in jet_momenta(objects))
    by_score = ak.argsort(objects.fatjet.toptag, ascending=False)
    fatjet, merged = momenta(objects.fatjet[by_score][:, :1])
    met = np.stack([objects.met.px.to_numpy(), objects.met.py.to_numpy()], axis=-1)
    best = top_pair(
        muon[:, 0], met, jets, present & has_muon, fatjet[:, 0], (merged & has_muon)[:, 0]
    )
    return ak.mask(ak.zip(best._asdict()), best.found)


# Numbers of objects


@observable()
def n_muon(objects: Objects) -> Any:
    """Number of selected muons."""
    return ak.num(objects.muon)


@observable()
def n_jet(objects: Objects) -> Any:
    """Number of selected jets."""
    return ak.num(objects.jet)


@observable()
def n_fatjet(objects: Objects) -> Any:
    """Number of selected fat jets."""
    return ak.num(objects.fatjet)


@observable()
def n_vertex(objects: Objects) -> Any:
    """Number of reconstructed primary vertices."""
    return objects.event.PV.npvs


# The muon and the missing momentum


@observable(unit="GeV")
def muon_pt(objects: Objects) -> Any:
    """Transverse momentum of the leading muon; 0 without one."""
    return leading_muon(objects).pt


@observable(missing=-FAR)
def muon_eta(objects: Objects) -> Any:
    """Pseudorapidity of the leading muon; −6 without one."""
    return leading_muon(objects).eta


@observable(unit="GeV")
def met(objects: Objects) -> Any:
    """Missing transverse momentum."""
    return objects.met.pt


@observable(unit="GeV")
def lep_ht(objects: Objects) -> Any:
    """Transverse momentum of the leading muon plus missing transverse momentum; 0 without one."""
    return leading_muon(objects).pt + objects.met.pt


# Jets


@observable(unit="GeV")
def jet_1_pt(objects: Objects) -> Any:
    """Transverse momentum of the leading jet; 0 without one."""
    return nth(objects.jet.pt, 1)


@observable(unit="GeV")
def jet_2_pt(objects: Objects) -> Any:
    """Transverse momentum of the second jet; 0 without one."""
    return nth(objects.jet.pt, 2)


@observable(unit="GeV")
def jet_3_pt(objects: Objects) -> Any:
    """Transverse momentum of the third jet; 0 without one."""
    return nth(objects.jet.pt, 3)


@observable()
def btag_1(objects: Objects) -> Any:
    """Highest b-tag score of the jets; 0 without a jet."""
    return nth_highest(objects.jet.btag, 1)


@observable()
def btag_2(objects: Objects) -> Any:
    """Second highest b-tag score of the jets; 0 with fewer than two."""
    return nth_highest(objects.jet.btag, 2)


@observable(unit="GeV")
def fatjet_1_pt(objects: Objects) -> Any:
    """Transverse momentum of the leading fat jet; 0 without one."""
    return nth(objects.fatjet.pt, 1)


@observable(unit="GeV")
def fatjet_1_mass(objects: Objects) -> Any:
    """Mass of the leading fat jet; 0 without one."""
    return nth(objects.fatjet.mass, 1)


@observable()
def toptag(objects: Objects) -> Any:
    """Highest top-tag score of the fat jets; 0 without a fat jet."""
    return nth_highest(objects.fatjet.toptag, 1)


# The whole event


@observable(unit="GeV")
def st(objects: Objects) -> Any:
    """Scalar sum of the transverse momenta of jets, muons and the missing momentum."""
    return ak.sum(objects.jet.pt, axis=1) + ak.sum(objects.muon.pt, axis=1) + objects.met.pt


@observable(missing=FAR)
def dr_muon_jet(objects: Objects) -> Any:
    """ΔR between the leading muon and the jet nearest to it; 6 without muon or jet."""
    return leading_muon(objects).deltaR(nearest_jet(objects))


@observable(unit="GeV")
def pt_rel(objects: Objects) -> Any:
    """Momentum of the leading muon across the axis of the nearest jet; 0 without muon or jet."""
    muon, jet = leading_muon(objects), nearest_jet(objects)
    return muon.to_3D().cross(jet.to_3D()).mag / jet.mag


@observable()
def sphericity(objects: Objects) -> Any:
    """Sphericity of jets and leading muon: 0 for back to back, 1 for isotropic."""
    return event_shapes(objects)[0]


@observable()
def aplanarity(objects: Objects) -> Any:
    """Aplanarity of jets and leading muon: 0 for momenta in one plane, 1/2 for isotropic."""
    return event_shapes(objects)[1]


# The top pair


@observable(unit="GeV")
def mtt(objects: Objects) -> Any:
    """Invariant mass of the tt̄ hypothesis of smallest χ²; 0 where muon or jets are missing."""
    return tops(objects).mass


@observable(missing=BAD)
def chi2(objects: Objects) -> Any:
    """χ² of the two top masses in the best tt̄ hypothesis; 10⁴ where muon or jets are missing."""
    return tops(objects).chi2


@observable(unit="GeV")
def m_top_leptonic(objects: Objects) -> Any:
    """Mass of the top decaying to the muon in the best tt̄ hypothesis; 0 without a hypothesis."""
    return tops(objects).leptonic_mass


@observable(unit="GeV")
def m_top_hadronic(objects: Objects) -> Any:
    """Mass of the top decaying to quarks in the best tt̄ hypothesis; 0 without a hypothesis."""
    return tops(objects).hadronic_mass


# Weights of simulated events


def top_pt_ratio(pt: Any) -> Any:
    """Top quarks at NNLO QCD + NLO EW over those of POWHEG + Pythia 8, by pT in GeV.

    CMS's parametrisation of the prediction of arXiv:1705.04105.
    """
    return 0.103 * np.exp(-0.0118 * pt) - 0.000134 * pt + 0.973


@weight(variations=("up",))
def top_pt(objects: Objects, variation: str) -> Any:
    """Momenta of top quarks, after all radiation, as at NNLO: the root of both tops' ratios.

    The ratios are over that at 500 GeV, as the number of top pairs is another matter.
    """
    if variation == "nominal":
        return np.ones(len(objects))
    particles = objects.event.GenPart
    tops = particles[(abs(particles.pdgId) == 6) & (particles.statusFlags & LAST_COPY != 0)]
    return np.sqrt(ak.prod(top_pt_ratio(tops.pt) / top_pt_ratio(TYPICAL_TOP_PT), axis=1))
