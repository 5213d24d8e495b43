"""Hooks into Pythia that give up events before what costs most: the shower, or what follows it."""

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zenith.config.simulation import (
    HardRadiation,
    LeptonTauCard,
    MultijetCard,
    MuonCard,
    PythiaCard,
    TagJets,
    TagJetsCard,
)
from zenith.simulation.tau_decays import Leptons, TauDecays, factors
from zenith.simulation.truth import ELECTRON, HIGGS, MUON, RADIATED, TAU

MUON_ETA = 2.6  # a little outside the |η| < 2.4 in which muons are measured
QUARK_ETA = 2.6  # and jets are tagged
PARTON_ETA = 4.7
TAU_TO_MUON = 0.1739  # branching fraction of τ → μνν, Review of Particle Physics 2022

LEPTONS = (ELECTRON, MUON, TAU)
LEPTONIC_W = {  # how many W bosons decay to e, μ, τ
    "zprime": (0, 1, 2),
    "ttbar_hadronic": (0,),
    "ttbar_semileptonic": (1,),
    "ttbar_dileptonic": (2,),
    "wjets": (1,),
}
QUARKS = {"bb": 5, "cc": 4}  # by `decay` and `quarks` of the cards


def looks_at_the_shower(card: PythiaCard) -> bool:
    """Whether the filter of a card needs more than the hard process."""
    if isinstance(card, LeptonTauCard):
        return True
    return isinstance(card, TagJetsCard) and card.tag_jets is not None


def filter_of(pythia8mc: Any, pythia: Any, card: PythiaCard, decays: TauDecays | None) -> Any:
    """The Pythia user hook of a card; `seen` and `kept` hold the number of events, Σw and Σw².

    Events with a lepton and a τ need the `decays` of τ.

    Of events that are kept, w has the factor by which few of their kind are; `mixed` is Σw² with it
    once.
    """

    class Filter(pythia8mc.UserHooks):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.seen = [0.0, 0.0, 0.0]
            self.kept = [0.0, 0.0, 0.0]
            self.mixed = 0.0

        def canVetoProcessLevel(self) -> bool:
            return True

        def count(self, sums: list[float], keep: bool = True, factor: float = 1.0) -> None:
            weight = pythia.infoPython().weight()
            for power in range(3):
                sums[power] += (factor * weight) ** power * keep
            if sums is self.kept:
                self.mixed += factor * weight**2 * keep

    if isinstance(card, LeptonTauCard):
        assert decays is not None
        return _lepton_and_tau(Filter, pythia, card, decays)
    if isinstance(card, MuonCard):
        return _muons(Filter, pythia, card)
    assert isinstance(card, TagJetsCard)
    return _tag_jets(Filter, card)


def _once_at_pt(base: Any, asked: HardRadiation | TagJets | None) -> Any:
    """A hook that asks `keeps` of an event once, when its shower is down to the pT of `asked`.

    Never without. Subclasses count what is kept.
    """

    class OnceAtPT(base):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self._decided = False

        def doVetoProcessLevel(self, _process: Any) -> bool:
            self._decided = False
            self.count(self.seen)
            return False

        def canVetoPT(self) -> bool:
            return asked is not None

        def scaleVetoPT(self) -> float:
            return asked.pt if asked is not None else 0.0

        def doVetoPT(self, _position: int, event: Any) -> bool:
            if self._decided:  # Pythia asks again of the shower of what resonances decay to
                return False
            self._decided = True
            return not self.keeps(event)

    return OnceAtPT


def _muons(base: Any, pythia: Any, card: MuonCard) -> Any:
    """Of the hard process, before the shower, which costs 300 times as much."""
    wanted: tuple[int, ...] = LEPTONIC_W[card.process]  # type: ignore[attr-defined]
    pt_min = card.muon_pt_min

    class Muons(base):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self._only_muons = False

        def doVetoProcessLevel(self, process: Any) -> bool:
            keep = self._keep(process)
            self.count(self.seen)
            self.count(self.kept, keep)
            return not keep

        def _keep(self, process: Any) -> bool:
            particles = (process[i] for i in range(5, process.size()))
            leptons = [p for p in particles if p.idAbs() in LEPTONS]
            if len(leptons) not in wanted:
                return False
            if pt_min is None:
                return True
            inside = {p.idAbs() for p in leptons if p.pT() > pt_min and abs(p.eta()) < MUON_ETA}
            lone_tau = [p.idAbs() for p in leptons].count(TAU) == 1 and MUON not in inside
            self._decay_taus(only_to_muons=lone_tau)
            if lone_tau:
                return TAU in inside and pythia.rndm.flat() < TAU_TO_MUON
            return MUON in inside or TAU in inside

        def _decay_taus(self, *, only_to_muons: bool) -> None:
            if only_to_muons == self._only_muons:
                return
            self._only_muons = only_to_muons
            pythia.readString(f"{TAU}:onMode = {'off' if only_to_muons else 'on'}")
            if only_to_muons:
                pythia.readString(f"{TAU}:onIfAny = {MUON}")

    return Muons()


def _lepton_and_tau(base: Any, pythia: Any, card: LeptonTauCard, decays: TauDecays) -> Any:
    """Of the hard process, and of the shower once the decays of its τ are drawn.

    Of events whose hard process has no τ, or nothing but one, few are kept before the shower. In
    between, once it is down to the pT of the card's `hard_radiation`, few that have none.
    """
    radiation = card.hard_radiation
    _, by_mistake = factors(card)

    class LeptonAndTau(_once_at_pt(base, radiation)):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self._factor = 1.0
            self._paired = True

        def doVetoProcessLevel(self, process: Any) -> bool:
            self._factor = 1.0
            super().doVetoProcessLevel(process)
            kinds = [process[i].idAbs() for i in range(5, process.size())]
            leptons = sum(kind in LEPTONS for kind in kinds)
            self._paired = leptons > 1 and TAU in kinds
            return not self._paired and (leptons == 0 or _all_but_one_in(by_mistake))

        def keeps(self, event: Any) -> bool:
            assert radiation is not None
            found = (event[i] for i in range(5, event.size()))
            scales = (p.scale() for p in found if p.statusAbs() == RADIATED)
            self._factor = float(radiation_weight(radiation, max(scales, default=0.0)))
            return not _all_but_one_in(self._factor)

        def canVetoPartonLevel(self) -> bool:
            return True

        def doVetoPartonLevel(self, event: Any) -> bool:
            found = (event[i] for i in range(5, event.size()))
            leptons = [p for p in found if p.idAbs() in LEPTONS and p.isFinal()]
            columns = zip(*((p.id(), p.px(), p.py(), p.pz(), p.e()) for p in leptons), strict=True)
            choice = decays.choose(
                Leptons(np.zeros(len(leptons), int), *map(np.array, columns)),
                np.array([self._paired]),
                card,
            )
            keep = bool(pythia.rndm.flat() < choice.probability[0])
            self.count(self.kept, keep, self._factor * choice.weight[0])
            return not keep

    def _all_but_one_in(number: float) -> bool:
        return bool(pythia.rndm.flat() > 1 / number)

    return LeptonAndTau()


def radiation_weight(radiation: HardRadiation, pt: ArrayLike) -> NDArray[np.float64]:
    """Of events that are kept, by the pT in GeV of the first parton that is radiated, 0 if none."""
    hard = np.where(np.asarray(pt) > radiation.pt, pt, 0.0)
    with np.errstate(divide="ignore"):
        return np.clip((radiation.all_above / hard) ** 2, 1.0, radiation.one_in)


def _tag_jets(base: Any, card: TagJetsCard) -> Any:
    """Of the shower once it is down to the pT of the card's `tag_jets`.

    Nine in ten events have too few partons then and cost a tenth of an event.
    """
    wanted = card.tag_jets
    multijet = card if isinstance(card, MultijetCard) else None

    class Jets(_once_at_pt(base, wanted)):  # type: ignore[misc]
        def doVetoProcessLevel(self, process: Any) -> bool:
            if wanted is None:
                self.count(self.kept)
            return bool(super().doVetoProcessLevel(process))

        def keeps(self, event: Any) -> bool:
            assert wanted is not None
            keep = _has_pair(event, wanted, multijet)
            self.count(self.kept, keep)
            return keep

    return Jets()


def _has_pair(event: Any, wanted: TagJets, multijet: MultijetCard | None) -> bool:
    """Whether partons are as wanted, and of heavy quarks two are where jets are tagged.

    A Higgs boson has not decayed at this time.
    """
    if event.nFinal() < (2 if multijet is None else 4):  # most events: the loop costs as much
        return False
    final = [p for p in (event[i] for i in range(5, event.size())) if p.isFinal()]
    hard = [p for p in final if p.idAbs() != HIGGS and p.pT() > wanted.pt]
    if len(hard) < 2:
        return False
    if multijet is not None:
        kind = QUARKS[multijet.quarks]
        quarks = [p for p in final if p.idAbs() == kind and abs(p.eta()) < QUARK_ETA]
        pair = sorted(quarks, key=lambda p: -p.pT())[:2]
        if len(pair) < 2 or pair[1].pT() < multijet.quark_pt_min:
            return False
        if multijet.quark_mass_max is not None and _mass(*pair) > multijet.quark_mass_max:
            return False
        chosen = {p.index() for p in pair}
        hard = [p for p in hard if p.index() not in chosen]
    forward = [p for p in hard if abs(p.eta()) < PARTON_ETA]
    return any(
        abs(a.eta() - b.eta()) > wanted.delta_eta and _mass(a, b) > wanted.mass
        for a, b in combinations(forward, 2)
    )


def _mass(a: Any, b: Any) -> float:
    return float((a.p() + b.p()).mCalc())
