"""Search for H → bb̄ from vector boson fusion: the observables, and weights.

The two central jets of the highest b-tagging scores are the b jets; of all other jets, the pair of
the largest mass are the tag jets. The collections are `jet`, all jets, and `central`, those in
which b hadrons can be found.
"""

from typing import Any

import awkward as ak
import numpy as np

from zenith.events.objects import Objects, shared
from zenith.observable import observable, weight

NOWHERE = -1.0  # of angles and ratios, where jets are missing
HIGGS_MASS = 125.0  # GeV
GLUON = 21
# Mean number of measured constituents of tag jets of 60 GeV, its rise with ln pT, and the variance
# over the mean, in simulation. Generators differ by about 5 % in the mean.
GLUON_CONSTITUENTS, QUARK_CONSTITUENTS, RISE, SPREAD, SHIFT = 15.0, 10.8, 4.7, 1.64, 0.05


@shared
def b_jets(objects: Objects) -> Any:
    """The two central jets of the highest b-tagging scores; fewer where there are fewer."""
    central = objects.central
    return central[ak.argsort(central.btag, ascending=False)][:, :2]


@shared
def other_jets(objects: Objects) -> Any:
    """All jets but the b jets, highest pT first."""
    jets, chosen = objects.jet, b_jets(objects)
    eta, phi = (ak.cartesian([jets[x], chosen[x]], nested=True) for x in ("eta", "phi"))
    same = (eta["0"] == eta["1"]) & (phi["0"] == phi["1"])
    return jets[~ak.any(same, axis=2)]


@shared
def tag_jets(objects: Objects) -> Any:
    """Of the other jets, the pair of the largest mass: records of `a` and `b`, or None."""
    pairs = ak.combinations(other_jets(objects), 2, fields=["a", "b"])
    mass = (pairs.a + pairs.b).mass
    return ak.firsts(pairs[ak.argmax(mass, axis=1, keepdims=True)])


@shared
def higgs(objects: Objects) -> Any:
    """The momentum of the two b jets; None without two."""
    chosen = b_jets(objects)
    chosen = ak.mask(chosen, ak.num(chosen) == 2)
    return chosen[:, 0] + chosen[:, 1]


def b_jet(objects: Objects, n: int) -> Any:
    """The n-th of the b jets by score, counted from 1; None where there is none."""
    return ak.firsts(b_jets(objects)[:, n - 1 : n])


def azimuth(one: Any, other: Any) -> Any:
    """|Δφ|, from 0 to π."""
    return abs(one.deltaphi(other))


# Numbers of objects


@observable()
def n_jet(objects: Objects) -> Any:
    """Number of selected jets."""
    return ak.num(objects.jet)


# The b jets


@observable(unit="GeV")
def m_bb(objects: Objects) -> Any:
    """Mass of the two b jets; 0 without two."""
    return higgs(objects).mass


@observable(unit="GeV")
def pt_bb(objects: Objects) -> Any:
    """Transverse momentum of the two b jets; 0 without two."""
    return higgs(objects).pt


@observable(missing=NOWHERE)
def delta_phi_bb(objects: Objects) -> Any:
    """Azimuth between the b jets; −1 without two."""
    return azimuth(b_jet(objects, 1), b_jet(objects, 2))


@observable(missing=NOWHERE)
def delta_eta_bb(objects: Objects) -> Any:
    """|Δη| of the b jets; −1 without two."""
    return abs(b_jet(objects, 1).eta - b_jet(objects, 2).eta)


@observable()
def btag_1(objects: Objects) -> Any:
    """Highest b-tagging score of a central jet; 0 without one."""
    return b_jet(objects, 1).btag


@observable()
def btag_2(objects: Objects) -> Any:
    """Second highest b-tagging score of a central jet; 0 with fewer than two."""
    return b_jet(objects, 2).btag


@observable()
def charm_1(objects: Objects) -> Any:
    """Charm-tagging score against b jets of the jet of the highest b-tagging score; 0 without."""
    return b_jet(objects, 1).charm_b


@observable()
def charm_2(objects: Objects) -> Any:
    """The same of that of the second highest; 0 with fewer than two."""
    return b_jet(objects, 2).charm_b


# The tag jets


@observable(unit="GeV")
def m_jj(objects: Objects) -> Any:
    """Mass of the tag jets; 0 without two."""
    pair = tag_jets(objects)
    return (pair.a + pair.b).mass


@observable(missing=NOWHERE)
def delta_eta_jj(objects: Objects) -> Any:
    """|Δη| of the tag jets; −1 without two."""
    pair = tag_jets(objects)
    return abs(pair.a.eta - pair.b.eta)


@observable(missing=NOWHERE)
def delta_phi_jj(objects: Objects) -> Any:
    """Azimuth between the tag jets; −1 without two."""
    pair = tag_jets(objects)
    return azimuth(pair.a, pair.b)


@observable(unit="GeV")
def tag_pt(objects: Objects) -> Any:
    """Transverse momentum of the softer tag jet; 0 without two."""
    pair = tag_jets(objects)
    return np.minimum(pair.a.pt, pair.b.pt)


@observable()
def tag_constituents(objects: Objects) -> Any:
    """Number of constituents of both tag jets; 0 without two."""
    pair = tag_jets(objects)
    return pair.a.nConstituents + 1.0 * pair.b.nConstituents


@observable()
def tag_width(objects: Objects) -> Any:
    """Mean width of the tag jets; 0 without two."""
    pair = tag_jets(objects)
    return 0.5 * (pair.a.width + pair.b.width)


# The whole event


@observable(unit="GeV")
def ht(objects: Objects) -> Any:
    """Scalar sum of the transverse momenta of all jets."""
    return ak.sum(objects.jet.pt, axis=1)


@observable(unit="GeV")
def ht_rest(objects: Objects) -> Any:
    """Scalar sum of the transverse momenta of jets that are neither b jets nor tag jets."""
    pair, rest = tag_jets(objects), ak.sum(other_jets(objects).pt, axis=1)
    return rest - pair.a.pt - pair.b.pt


@observable(unit="GeV")
def pt_balance(objects: Objects) -> Any:
    """Transverse momentum of b jets and tag jets together; 0 where one is missing."""
    pair = tag_jets(objects)
    return (higgs(objects) + pair.a + pair.b).pt


@observable(missing=NOWHERE)
def centrality(objects: Objects) -> Any:
    """Where the two b jets lie between the tag jets: 1 in the middle, 1/e at one; −1 without."""
    # exp(−4 ((η_bb − η̄) / Δη)²), as in arXiv:1407.0653
    pair = tag_jets(objects)
    middle, gap = (pair.a.eta + pair.b.eta) / 2, pair.a.eta - pair.b.eta
    return np.exp(-4.0 * ((higgs(objects).eta - middle) / gap) ** 2)


# Weights of simulated events


@weight(variations=("up", "down"))
def constituents(objects: Objects, variation: str) -> Any:
    """Tag jets of 5 % more or fewer constituents, as their numbers are spread.

    Where n has the mean m and the variance s m, a shift of m by a share d multiplies the
    probability by 1 + d (n − m) / s to first order.
    """
    sign = {"nominal": 0.0, "up": 1.0, "down": -1.0}[variation]
    pair = tag_jets(objects)
    ratio = 1.0
    for jet in (pair.a, pair.b):
        gluon = jet.partonFlavour == GLUON
        mean = ak.where(gluon, GLUON_CONSTITUENTS, QUARK_CONSTITUENTS) + RISE * np.log(
            jet.pt / 60.0
        )
        ratio = ratio * np.clip(1.0 + sign * SHIFT * (jet.nConstituents - mean) / SPREAD, 0.2, 1.8)
    return ak.fill_none(ratio, 1.0)


@weight(variations=("up", "down"))
def m_bb_slope(objects: Objects, variation: str) -> Any:
    """A linear change of the spectrum of m_bb by 10 % in 50 GeV, zero at the Higgs boson."""
    return _spectrum(objects, variation, 1)


@weight(variations=("up", "down"))
def m_bb_curvature(objects: Objects, variation: str) -> Any:
    """A quadratic change of the spectrum of m_bb by 10 % at 50 GeV from the Higgs boson."""
    return _spectrum(objects, variation, 2)


def _spectrum(objects: Objects, variation: str, power: int) -> Any:
    sign = {"nominal": 0.0, "up": 1.0, "down": -1.0}[variation]
    distance = np.clip((ak.fill_none(higgs(objects).mass, HIGGS_MASS) - HIGGS_MASS) / 50.0, -2, 2)
    return 1.0 + sign * 0.1 * distance**power
