"""Decays of τ leptons, drawn before hadrons are made: of most events, they alone cannot be seen.

τ that decay without their polarisation (Pythia's TauDecays:mode = 0) decay alike in all directions
of their rest frame, wherever they are from, and a library of such decays serves all of them.

Each event has `TRIES` of them drawn for its τ. A try has a factor f: 1 if a lepton and a jet of a
τ may be selected, more if a hadron has to give the lepton, or a jet has to be mistaken for that of
a τ; a jet is then f times as likely to be tagged. Of events whose hard process has no τ, or nothing
but one, one in f₀ is kept before, the factor of a lepton alone; f₀ is 1 elsewhere. The event
becomes a try that is drawn by s = f₀ / f. It is kept with the probability min(1, S/S₀), S = Σ s,
and its weight is max(S, S₀) over the number of tries: the mean of anything is that of events whose
τ decay once.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zenith.config.simulation import LeptonTauCard
from zenith.simulation.particles import Array, Index, Particles, ranges
from zenith.simulation.pythia import common, configured
from zenith.simulation.truth import ELECTRON, MUON, NEUTRINOS, TAU, Record

DECAYS = 10_000  # pairs of τ⁺ and τ⁻
MASS = 1.77682  # GeV, Pythia's
TRIES, ENOUGH = 16, 2.0  # S₀
# f without a lepton, which only bottom quarks beside W bosons may give, and f without a jet
OF_W_BOSONS, OF_TAU_PAIRS = (20.0, 3.0), (np.inf, 10.0)
JET_PT, ETA = 14.0, 2.8  # of what is visible of τ: what may become a jet above 20 GeV
LEPTON_PT = 19.0  # of a lepton that may be selected above 20 GeV, or 0.95 of what is asked below
CONJUGATE_TO_THEMSELVES = (22, 111, 130, 310)
# e⁺e⁻ → Z → τ⁺τ⁻, and nothing else
PROCESS = (
    "Beams:idA = -11",
    "Beams:idB = 11",
    "Beams:eCM = 91.2",
    "PDF:lepton = off",
    "WeakSingleBoson:ffbar2gmZ = on",
    "23:onMode = off",
    f"23:onIfAny = {TAU}",
    "PartonLevel:ISR = off",
    "PartonLevel:FSR = off",
    "TauDecays:mode = 0",
)


class Leptons(NamedTuple):
    """Electrons, muons and τ of many events, (N,) each, the events in order; momenta in GeV."""

    event: Index
    pdg_id: Index
    px: Array
    py: Array
    pz: Array
    energy: Array

    @property
    def tau(self) -> NDArray[np.bool_]:
        """Which are τ."""
        return np.asarray(np.abs(self.pdg_id) == TAU)

    def choose(self, mask: NDArray[np.bool_]) -> "Leptons":
        """Those of a mask."""
        return Leptons._make(values[mask] for values in self)


class Choice(NamedTuple):
    """How the τ of events decay.

    `decay`, (N,), is the place of each lepton's decay in the library, −1 of an electron or muon.
    Of events, (events,): the `probability` to keep one, the `weight` of one that is kept, and how
    many times as likely a jet of it is tagged, `factor`.
    """

    decay: Index
    probability: Array
    weight: Array
    factor: Array


class TauDecays(NamedTuple):
    """Decays of τ⁻ at rest, those to an electron or muon first.

    Visible particles, (P,) and momenta (4, P) as px, py, pz, E, start at `start`, (D + 1,), of each
    decay; `visible`, (4, D), is their sum. `leptonic` is how many decays have a lepton; with
    `forced`, τ⁻ have such decays and τ⁺ the others.
    """

    start: Index
    pdg_id: Index
    momenta: Array
    visible: Array
    leptonic: int
    forced: bool

    def choose(self, leptons: Leptons, paired: NDArray[np.bool_], card: LeptonTauCard) -> Choice:
        """Decays of all prompt leptons that are τ, as they follow from their momenta.

        `paired`, (events,), is whether the hard process has a τ and another lepton.
        """
        decays = self.drawn(leptons, TRIES)
        seen = self._seen(leptons, decays, min(LEPTON_PT, 0.95 * card.towers.lepton_pt))
        to_lepton = decays < self.leptonic
        lepton, jet = np.zeros((2, len(paired), TRIES), bool)
        np.logical_or.at(lepton, leptons.event, seen & to_lepton)
        np.logical_or.at(jet, leptons.event, seen & ~to_lepton)
        without_lepton, by_mistake = factors(card)
        factor = np.where(lepton, 1.0, without_lepton) * np.where(jet, 1.0, by_mistake)
        score = np.where(paired, 1.0, by_mistake)[:, None] / factor
        sums = np.cumsum(score, axis=1)
        total = sums[:, -1]
        first = np.searchsorted(leptons.event, np.arange(len(total)))
        drawn = _last_digits(leptons.py[first]) * total
        chosen = np.sum(sums[:, :-1] <= drawn[:, None], axis=1)
        return Choice(
            decays[np.arange(len(decays)), chosen[leptons.event]],
            np.minimum(total / ENOUGH, 1.0),
            np.maximum(total, ENOUGH) / TRIES,
            factor[np.arange(len(total)), chosen],
        )

    def drawn(self, leptons: Leptons, tries: int) -> Index:
        """Places of decays, (N, tries), the same for the same τ; −1 of electrons and muons."""
        least = np.where(self.forced & (leptons.pdg_id == -TAU), self.leptonic, 0)
        last = np.where(self.forced & (leptons.pdg_id == TAU), self.leptonic, self.visible.shape[1])
        start = least + _last_digits(leptons.px) * (last - least - tries)
        places = start.astype(np.int64)[:, None] + np.arange(tries)
        return np.where(leptons.tau[:, None], places, -1)

    def _seen(self, leptons: Leptons, decays: Index, lepton_pt: float) -> NDArray[np.bool_]:
        """Whether what is visible of each lepton, (N, tries), may be selected."""
        own = np.stack([leptons.px, leptons.py, leptons.pz, leptons.energy])[:, :, None]
        px, py, pz, _ = np.where(leptons.tau[:, None], boosted(self.visible[:, decays], own), own)
        pt = np.hypot(px, py)
        least = np.where(decays < self.leptonic, lepton_pt, JET_PT)
        return np.asarray((pt > least) & (np.abs(pz) < np.sinh(ETA) * pt))

    def products(self, leptons: Leptons, decays: Index) -> Particles:
        """The visible particles of decays, (N,), of τ."""
        start = self.start[decays]
        one, place = ranges(start, self.start[decays + 1] - start)
        own = np.stack([leptons.px, leptons.py, leptons.pz, leptons.energy])
        px, py, pz, energy = boosted(self.momenta[:, place], own[:, one])
        kind = self.pdg_id[place]
        turned = (leptons.pdg_id[one] < 0) & ~np.isin(kind, CONJUGATE_TO_THEMSELVES)
        pt = np.hypot(px, py)
        eta = np.arcsinh(pz / np.maximum(pt, 1e-6))
        return Particles(
            leptons.event[one], np.where(turned, -kind, kind), pt, eta, np.arctan2(py, px), energy
        )


def tau_decays(seed: int, *, forced: bool = False) -> TauDecays:
    """A library of 2 `DECAYS`; `seed` is that of Pythia.

    Raises ZenithError if Pythia is not installed.
    """
    _, pythia = configured([*common(seed), *PROCESS])
    pythia.init()
    record = Record(pythia.nextBatch(DECAYS).prt)
    kind = np.abs(record.pdg_id)
    tau = (kind == TAU) & (record.status < 0)
    tau[record.mother[kind == TAU]] = False  # the last copy of each
    places = np.flatnonzero(tau)
    ancestor = np.where(tau, np.arange(len(kind)), record.mother)
    while np.any((further := ancestor[ancestor]) != ancestor):
        ancestor = further
    visible = (record.status > 0) & ~np.isin(kind, NEUTRINOS) & tau[ancestor]
    rank = np.cumsum(tau) - 1
    decay, sign = rank[ancestor[visible]], np.sign(record.pdg_id[ancestor[visible]])
    momenta = np.stack([record.px, record.py, record.pz, record.energy])
    backwards = momenta[:, places] * np.array([-1.0, -1.0, -1.0, 1.0])[:, None]
    at_rest = boosted(momenta[:, visible], backwards[:, decay])
    pdg_id = record.pdg_id[visible]
    pdg_id = np.where(np.isin(pdg_id, CONJUGATE_TO_THEMSELVES), pdg_id, pdg_id * sign)
    lepton = np.isin(kind, (ELECTRON, MUON)) & tau[record.mother]
    leptonic = np.bincount(rank[record.mother[lepton]], minlength=len(places)) > 0
    new = np.argsort(np.argsort(~leptonic, kind="stable"))[decay]
    order = np.argsort(new, kind="stable")
    counts = np.bincount(new, minlength=len(places))
    return TauDecays(
        np.concatenate([[0], np.cumsum(counts)]),
        pdg_id[order],
        at_rest[:, order],
        np.stack([np.bincount(new, part, minlength=len(places)) for part in at_rest]),
        int(leptonic.sum()),
        forced,
    )


def factors(card: LeptonTauCard) -> tuple[float, float]:
    """f without a lepton, and without a jet of a τ."""
    return OF_TAU_PAIRS if card.has_tau_pair else OF_W_BOSONS


def boosted(momenta: Array, tau: Array) -> Array:
    """Momenta, (4, …) as px, py, pz, E, in the frame where their τ at rest has the momentum `tau`.

    p = p* + P (p*·P / (m (E + m)) + e* / m), e = (e* E + p*·P) / m.
    """
    along = np.sum(momenta[:3] * tau[:3], axis=0)
    shift = along / (MASS * (tau[3] + MASS)) + momenta[3] / MASS
    energy = (momenta[3] * tau[3] + along) / MASS
    return np.concatenate([momenta[:3] + tau[:3] * shift, energy[None]])


def _last_digits(momenta: Array) -> Array:
    """Random numbers from 0 to 1: what momenta in GeV have beyond the sixth digit."""
    return np.asarray(momenta * 1e6 % 1.0)
