"""Events with one electron or muon and one hadronic τ, as the HiggsML challenge has them.

Jets are anti-kT of R = 0.6 of calorimeter towers above 20 GeV, times √((3 − 0.2 |η|)² / pT + 1),
which makes up for what towers below threshold lose. One of them is tagged as the τ, one isolated
lepton is there, and the missing momentum is that of towers and muons.
"""

from typing import NamedTuple

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from zenith.config.tower_response import TowerResponse
from zenith.simulation.calorimeter import Towers, towers
from zenith.simulation.clustering import cluster
from zenith.simulation.jagged import flat
from zenith.simulation.particles import Array, Index, Particles, number_within
from zenith.simulation.tau_leptons import ETA, LEPTONS, Lepton, lepton, tracks
from zenith.simulation.tau_truth import TauTruth, overlaid

RADIUS, JET_PT = 0.6, 20.0  # pT before the scale, in GeV
TAG_RADIUS, TRACK_PT = 0.2, 1.0
UNDEFINED = -25.0
TRIES = 4  # of a detector's response, which costs a tenth of generating an event
PARTS = ("pt", "eta", "phi")


class Selected(NamedTuple):
    """Events that are selected: their primary features, and how many events each stands for."""

    features: dict[str, Array]
    weight: Array


class Jets(NamedTuple):
    """Jets of all events, (N,), the events in order and the hardest first."""

    event: Index
    pt: Array
    eta: Array
    phi: Array

    def choose(self, mask: NDArray[np.bool_]) -> "Jets":
        """Those of a mask."""
        return Jets._make(values[mask] for values in self)


def reconstruct(
    truth: TauTruth, underlying: Particles, response: TowerResponse, random: np.random.Generator
) -> Selected:
    """The events that are selected; features are in GeV to 1 MeV, −25 undefined.

    `underlying` is what is laid over events that have been generated without it. The response of
    the detector, and what is laid over, are drawn `TRIES` times: an event becomes one of the tries
    in which it is selected, with the weight of their number over that of all.
    """
    charged = truth.particles
    hard = np.isin(charged.kind, LEPTONS) & (charged.pt > 0.8 * response.lepton_pt)
    hard &= np.abs(charged.eta) < ETA
    truth = truth.choose(np.bincount(charged.event[hard], minlength=truth.events) > 0)
    tries = [_selected(truth, underlying, response, random) for _ in range(TRIES)]
    event = np.concatenate([places for places, _, _ in tries])
    weight = np.concatenate([weights for _, weights, _ in tries])
    order = np.argsort(event, kind="stable")
    sums = np.bincount(event, weight, minlength=truth.events).astype(float)
    chosen = order[_one(event[order], weight[order], sums, random)]
    features = {
        name: np.concatenate([found[name] for _, _, found in tries])[chosen] for name in tries[0][2]
    }
    return Selected(features, (truth.weight * sums / TRIES)[event[chosen]])


def _selected(
    truth: TauTruth, underlying: Particles, response: TowerResponse, random: np.random.Generator
) -> tuple[Index, Array, dict[str, Array]]:
    """Which events are selected, how many of one try each stands for, and their features."""
    truth = overlaid(truth, underlying, random)
    found = tracks(truth.particles, random)
    leptons = lepton(truth.particles, found, truth.events, response, random)
    seen = towers(truth.particles.choose(leptons.there[truth.particles.event]), random)
    jets = _apart(_jets(seen, truth.events), leptons)
    probability = _probability(truth, found, jets, response)
    tau, weight = only_one(jets.event, probability, truth.factor, random)
    selected = np.bincount(jets.event[tau], minlength=truth.events) == 1
    features = _features(leptons, seen, jets, tau, selected)
    return np.flatnonzero(selected), weight[selected], features


def _jets(found: Towers, events: int) -> Jets:
    momenta = {
        "px": found.pt * np.cos(found.phi),
        "py": found.pt * np.sin(found.phi),
        "pz": found.pt * np.sinh(found.eta),
        "E": found.energy,
    }
    counts = np.bincount(found.event, minlength=events)
    jets = cluster(ak.unflatten(ak.zip(momenta), counts), RADIUS, JET_PT)
    pt, eta, phi = (flat(jets[part]) for part in PARTS)
    event = np.repeat(np.arange(events), ak.to_numpy(ak.num(jets)))
    pt = pt * jet_scale(pt, eta)
    order = np.lexsort([-pt, event])  # the scale may change which one is leading
    return Jets(event, pt[order], eta[order], phi[order])


def jet_scale(pt: Array, eta: Array) -> Array:
    """What the momentum of a jet, in GeV, is multiplied by."""
    return np.asarray(np.sqrt((3.0 - 0.2 * np.abs(eta)) ** 2 / pt + 1.0))


def _apart(jets: Jets, leptons: Lepton) -> Jets:
    """Jets without that of the lepton."""
    one = Jets(np.arange(len(leptons.pt)), leptons.pt, leptons.eta, leptons.phi)
    return jets.choose(number_within(jets, one, RADIUS) == 0)


def _probability(truth: TauTruth, found: Particles, jets: Jets, response: TowerResponse) -> Array:
    """That a jet is tagged: by whether a τ is there, and by its tracks; none without a track."""
    taus = truth.hadronic.choose(np.abs(truth.hadronic.eta) < ETA)
    true = number_within(jets, taus, TAG_RADIUS) > 0
    prongs = number_within(jets, found.choose(found.pt > TRACK_PT), TAG_RADIUS)
    one, more = (
        np.where(true, of_tau, of_others)
        for of_tau, of_others in (
            (response.tau_one_prong, response.fake_one_prong),
            (response.tau_three_prong, response.fake_three_prong),
        )
    )
    return np.select([prongs == 1, prongs > 1], [one, more], 0.0)


def only_one(
    event: Index, probability: Array, factor: Array, random: np.random.Generator
) -> tuple[NDArray[np.bool_], Array]:
    """Which jet, (N,), is the only one of its event that is tagged, and weights of (events,).

    That of jet j is p_j Π_{k≠j} (1 − p_k). Where one in `factor`, (events,), of all events was
    kept, it is so many times as likely, which gives as many events as without. Where that is more
    than one event, there is one of so much weight.
    """
    others = np.bincount(event, np.log1p(-probability), minlength=len(factor))
    alone = probability / (1.0 - probability) * np.exp(others)[event] * factor[event]
    weight = np.maximum(np.bincount(event, alone, minlength=len(factor)), 1.0)
    return _one(event, alone, weight, random), weight


def _one(
    event: Index, share: Array, whole: Array, random: np.random.Generator
) -> NDArray[np.bool_]:
    """Which of all, (N,), the events in order, is drawn of its event by its share of the whole."""
    sums = np.cumsum(share)
    before = np.concatenate([[0.0], sums])[np.searchsorted(event, event)]
    drawn = (random.random(len(whole)) * whole)[event]
    return np.asarray((drawn >= sums - share - before) & (drawn < sums - before))


def _features(
    leptons: Lepton,
    seen: Towers,
    jets: Jets,
    tau: NDArray[np.bool_],
    selected: NDArray[np.bool_],
) -> dict[str, Array]:
    number, place = int(selected.sum()), np.cumsum(selected) - 1
    others = jets.choose(~tau & selected[jets.event])
    event = place[others.event]
    counts = np.bincount(event, minlength=number)
    first = np.cumsum(counts) - counts
    found = {f"lep_{part}": getattr(leptons, part)[selected] for part in PARTS}
    found |= {f"had_{part}": getattr(jets.choose(tau), part) for part in PARTS}
    for k, name in enumerate(("jet_leading", "jet_subleading")):
        there = counts > k
        for part in PARTS:
            values = np.full(number, UNDEFINED)
            values[there] = getattr(others, part)[first[there] + k]
            found[f"{name}_{part}"] = values
    found["n_jets"] = counts.astype(float)
    found["jet_all_pt"] = np.bincount(event, others.pt, minlength=number)
    x, y = (
        -muons - np.bincount(seen.event, seen.pt * turn(seen.phi), minlength=len(muons))
        for muons, turn in ((leptons.muon_x, np.cos), (leptons.muon_y, np.sin))
    )
    found["met"], found["met_phi"] = np.hypot(x, y)[selected], np.arctan2(y, x)[selected]
    for name in (name for name in found if name.endswith("phi")):
        turned = (found[name] + np.pi) % (2 * np.pi) - np.pi
        found[name] = np.where(found[name] == UNDEFINED, UNDEFINED, turned)
    return {f"PRI_{name}": np.round(values, 3) for name, values in found.items()}
