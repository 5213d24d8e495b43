"""From Pythia's event record to what a detector could see, and to what its jets are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

PARTICLE_PT, PARTICLE_ETA = 0.3, 4.7  # what reaches the calorimeters: pT in GeV, |η|
HADRON_PT = 5.0  # heavy hadrons above this give a jet its flavour, in GeV
PARTON_PT = 2.0  # partons above this can give a jet its flavour, in GeV
LEPTON_PT = 5.0  # muons and electrons above this can be reconstructed, in GeV
TOP, ELECTRON, MUON, TAU, HIGGS = 6, 11, 13, 15, 25
GLUON = 21
NEUTRINOS = (12, 14, 16)
RESONANCE, OUTGOING = 22, 23  # status codes of the hard process
RADIATED = 43  # by the initial state
STRING = 71  # partons as they are put together to strings
PROMPT, HARD, FROM_HARD, FIRST_COPY, LAST_COPY = 1, 1 << 7, 1 << 8, 1 << 12, 1 << 13


@dataclass(frozen=True)
class Truth:
    """Jagged arrays of a batch of events, momenta in GeV.

    Attributes
    ----------
    particles
        Visible particles in acceptance: `pt eta phi pdgId`, and `px py pz E`.
    muons, electrons
        Stable leptons: `pt eta phi pdgId` and `prompt`: from a W or τ, not from a hadron.
    b_hadrons, c_hadrons
        Heavy hadrons: `pt eta phi pdgId`.
    tops
        For t and for t̄: the three quarks of its decay (`eta phi` …) if that is hadronic, else none.
    partons
        Quarks and gluons at the end of the shower, as strings are made of them: `pt eta phi pdgId`.
    hard_process
        The collection `GenPart`: resonances and final particles of the hard process, and the last
        copy of each top quark, after the shower, which decays.
    met_x, met_y
        Sum of the neutrinos' momenta, shape (events,).
    weight
        Generator weight, shape (events,).
    shower_weights
        Weights of other scales of the shower over `weight`, shape (events, variations).
    """

    particles: Any
    muons: Any
    electrons: Any
    b_hadrons: Any
    c_hadrons: Any
    tops: tuple[Any, Any]
    partons: Any
    hard_process: Any
    met_x: Any
    met_y: Any
    weight: Any
    shower_weights: NDArray[np.float64]


def truth(batch: Any, shower_variations: Sequence[int] = ()) -> Truth:
    """Read a batch that `Generator.batch` made; `shower_variations` is that of the generator."""
    record = Record(batch.prt)
    kind = abs(record.pdg_id)
    parent = record.pdg_id[record.mother]
    stable = record.status > 0
    neutrino = stable & np.isin(kind, NEUTRINOS)
    visible = stable & ~neutrino & (record.pt > PARTICLE_PT)
    visible &= abs(record.pz) < np.sinh(PARTICLE_ETA) * record.pt
    heavy = (kind > 100) & (record.pt > HADRON_PT)
    lepton = stable & (record.pt > LEPTON_PT)
    # Status 91 and above is the decay of a hadron or a τ (Pythia manual, "Particle Properties").
    prompt = (record.status < 91) | (abs(parent) == TAU)
    coloured = (kind <= 5) | (kind == GLUON)
    parton = coloured & (record.code == STRING) & (record.pt > PARTON_PT)
    quarks = (record.code == OUTGOING) & (kind <= 5)  # from the decays of t and W

    def hadronic_top(sign: int) -> Any:
        from_w = quarks & (parent == 24 * sign)
        hadronic = np.repeat(record.count(from_w) == 2, record.counts)
        return record.select((from_w | (quarks & (parent == 6 * sign))) & hadronic)

    weights = ak.to_numpy(batch.info.weights)
    return Truth(
        particles=record.select(visible, px=record.px, py=record.py, pz=record.pz, E=record.energy),
        muons=record.select(lepton & (kind == MUON), prompt=prompt),
        electrons=record.select(lepton & (kind == ELECTRON), prompt=prompt),
        b_hadrons=record.select(heavy & _contains(kind, 5)),
        c_hadrons=record.select(heavy & _contains(kind, 4)),
        tops=(hadronic_top(1), hadronic_top(-1)),
        partons=record.select(parton),
        hard_process=_hard_process(record),
        met_x=record.count(neutrino, record.px),
        met_y=record.count(neutrino, record.py),
        weight=weights[:, 0],
        shower_weights=weights[:, list(shower_variations)] / weights[:, :1],
    )


def _hard_process(record: "Record") -> Any:
    hard = (record.code == RESONANCE) | (record.code == OUTGOING)
    top = abs(record.pdg_id) == TOP
    last_top = top.copy()
    last_top[record.mother[top]] = False
    mask = hard | last_top
    copy = np.where(hard, FIRST_COPY | HARD, 0) | np.where(last_top | ~top, LAST_COPY, 0)
    rank = np.cumsum(mask) - 1
    first = np.cumsum(record.count(mask)) - record.count(mask)
    rank -= np.repeat(first, record.counts)
    mother = record.mother[mask]
    # Up past the copies that the shower makes, to a particle of the hard process or the start.
    while np.any(on_the_way := ~mask[mother] & (record.mother[mother] != mother)):
        mother[on_the_way] = record.mother[mother[on_the_way]]
    index = np.full(len(mask), -1)
    index[mask] = np.where(mask[mother], rank[mother], -1)
    return record.select(
        mask,
        mass=record.mass,
        status=record.code,
        statusFlags=PROMPT | FROM_HARD | copy,
        genPartIdxMother=index,
    )


class Record:
    """The event record as flat numpy arrays: ten times faster than as jagged ones."""

    def __init__(self, record: Any) -> None:
        self.counts = ak.to_numpy(ak.num(record))
        start = np.repeat(np.cumsum(self.counts) - self.counts, self.counts)
        self.event = np.repeat(np.arange(len(self.counts)), self.counts)
        self.pdg_id = _flat(record.id)
        self.status = _flat(record.status)
        self.code = abs(self.status)
        self.mass = _flat(record.m)
        self.mother = _flat(record.mother1) + start
        self.px, self.py = _flat(record.p.px), _flat(record.p.py)
        self.pz, self.energy = _flat(record.p.pz), _flat(record.p.e)
        self.pt = np.hypot(self.px, self.py)

    def count(self, mask: NDArray[Any], weights: NDArray[Any] | None = None) -> NDArray[Any]:
        """For each event the number, or the sum of weights, of the particles selected."""
        weights = None if weights is None else weights[mask]
        return np.bincount(self.event[mask], weights, minlength=len(self.counts))

    def select(self, mask: NDArray[Any], **more: NDArray[Any]) -> Any:
        """The particles selected, jagged."""
        pt = self.pt[mask]
        fields = {
            "pt": pt,
            "eta": np.arcsinh(self.pz[mask] / np.maximum(pt, 1e-6)),
            "phi": np.arctan2(self.py[mask], self.px[mask]),
            "pdgId": self.pdg_id[mask],
        }
        fields |= {name: field[mask] for name, field in more.items()}
        return ak.unflatten(ak.zip(fields), self.count(mask))


def _flat(jagged: Any) -> NDArray[Any]:
    return np.asarray(ak.to_numpy(ak.flatten(jagged)))


def _contains(kind: NDArray[Any], quark: int) -> NDArray[np.bool_]:
    """Whether hadrons hold a quark: the heaviest one is the digit of the hundreds in the PDG code
    of a meson, of the thousands in that of a baryon."""
    return np.asarray(((kind // 100) % 10 == quark) | ((kind // 1000) % 10 == quark))
