"""H → ττ with one hadronic τ: the features of the HiggsML uncertainty challenge (arXiv:2410.02867).

An event is 16 primary features, numbers by the names of the challenge's files; 12 derived ones
follow from them. What an event lacks, as a second jet, is −25 there: events have None, `primary`
has NaN, and columns −25 again.
"""

from collections.abc import Mapping
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from zenith.errors import InputError
from zenith.events.formats.fields import lookup
from zenith.events.numbers import Numbers
from zenith.events.objects import Objects, shared
from zenith.observable import Observable, observable, shift

Array = NDArray[np.float64]
Features = Mapping[str, Array]
UNDEFINED = -25.0
JETS = ("jet_leading", "jet_subleading")
MOMENTUM = ("pt", "eta", "phi")
EVERY_EVENT = (
    *(f"{name}_{part}" for name in ("lep", "had") for part in MOMENTUM),
    *("n_jets", "jet_all_pt", "met", "met_phi"),
)
OF_JETS = tuple(f"{jet}_{part}" for jet in JETS for part in MOMENTUM)


@shared
def primary(objects: Objects) -> Features:
    """The primary features of events without their prefix, (events,) each; NaN is undefined.

    Raises InputError where one is missing, or undefined where every event has it, and for jets that
    are defined in part, or more than the number of jets says. It may say more: a shift loses jets.
    """
    found = {name: _numbers(objects, f"PRI_{name}") for name in (*EVERY_EVENT, *OF_JETS)}
    for name in EVERY_EVENT:
        _refuse(np.isnan(found[name]), f"PRI_{name} is undefined", "every event has one")
    for number, jet in enumerate(JETS, start=1):
        there = np.stack([~np.isnan(found[f"{jet}_{part}"]) for part in MOMENTUM])
        for part, own in zip(MOMENTUM, there, strict=True):
            known = there.any(axis=0) & ~own
            _refuse(known, f"PRI_{jet}_{part} is undefined", "others of the jet are defined")
        few = there[0] & (found["n_jets"] < number)
        _refuse(few, f"PRI_n_jets is less than {number}", f"PRI_{jet}_pt is defined")
    return found


def _numbers(objects: Objects, name: str) -> Array:
    values = lookup(objects.event, name, "module: higgsml")
    return np.asarray(ak.to_numpy(ak.fill_none(values, np.nan)), np.float64)


def _refuse(wrong: NDArray[np.bool_], what: str, rule: str) -> None:
    if wrong.any():
        raise InputError(
            f"{what} in {wrong.sum()} of {len(wrong)} events, the first of them number "
            f"{wrong.argmax()}: {rule}; correct the file"
        )


def _defined(values: Array) -> Any:
    """None for NaN."""
    return np.ma.masked_where(np.isnan(values), values)


def _primary(name: str, description: str, unit: str = "") -> Observable:
    return Observable(lambda o: _defined(primary(o)[name]), unit, UNDEFINED, description)


PRI_lep_pt = _primary("lep_pt", "Transverse momentum of the electron or muon.", "GeV")
PRI_lep_eta = _primary("lep_eta", "Pseudorapidity of the electron or muon.")
PRI_lep_phi = _primary("lep_phi", "Azimuth of the electron or muon.")
PRI_had_pt = _primary("had_pt", "Transverse momentum of the hadronic τ.", "GeV")
PRI_had_eta = _primary("had_eta", "Pseudorapidity of the hadronic τ.")
PRI_had_phi = _primary("had_phi", "Azimuth of the hadronic τ.")
PRI_jet_leading_pt = _primary("jet_leading_pt", "Transverse momentum of the leading jet.", "GeV")
PRI_jet_leading_eta = _primary("jet_leading_eta", "Pseudorapidity of the leading jet.")
PRI_jet_leading_phi = _primary("jet_leading_phi", "Azimuth of the leading jet.")
PRI_jet_subleading_pt = _primary(
    "jet_subleading_pt", "Transverse momentum of the second jet.", "GeV"
)
PRI_jet_subleading_eta = _primary("jet_subleading_eta", "Pseudorapidity of the second jet.")
PRI_jet_subleading_phi = _primary("jet_subleading_phi", "Azimuth of the second jet.")
PRI_n_jets = _primary("n_jets", "Number of jets.")
PRI_jet_all_pt = _primary("jet_all_pt", "Scalar sum of transverse momenta of all jets.", "GeV")
PRI_met = _primary("met", "Missing transverse momentum.", "GeV")
PRI_met_phi = _primary("met_phi", "Azimuth of the missing momentum.")


def transverse(event: Features, name: str) -> Array:
    """px and py, (2, events), of `lep`, `had`, `met` or a jet; 0 for a jet that is not there."""
    pt = event["met" if name == "met" else f"{name}_pt"]
    phi = event[f"{name}_phi"]
    return np.asarray(np.nan_to_num(pt * np.stack([np.cos(phi), np.sin(phi)])))


def mass(event: Features, one: str, other: str) -> Array:
    """The mass of two massless particles: m² = 2 pT₁ pT₂ (cosh Δη − cos Δφ)."""
    eta, phi = (event[f"{one}_{part}"] - event[f"{other}_{part}"] for part in ("eta", "phi"))
    product = event[f"{one}_pt"] * event[f"{other}_pt"]
    return np.asarray(np.sqrt(2 * product * (np.cosh(eta) - np.cos(phi))))


def higgs(event: Features) -> Array:
    """px and py of τ, lepton and missing momentum together."""
    return transverse(event, "had") + transverse(event, "lep") + transverse(event, "met")


@observable(unit="GeV", missing=UNDEFINED)
def DER_mass_transverse_met_lep(objects: Objects) -> Any:
    """Transverse mass of the lepton and the missing momentum."""
    event = primary(objects)
    together = transverse(event, "met") + transverse(event, "lep")
    square = (event["met"] + event["lep_pt"]) ** 2 - (together**2).sum(axis=0)
    return np.sqrt(np.maximum(square, 0.0))


@observable(unit="GeV", missing=UNDEFINED)
def DER_mass_vis(objects: Objects) -> Any:
    """Mass of the hadronic τ and the lepton."""
    return mass(primary(objects), "had", "lep")


@observable(unit="GeV", missing=UNDEFINED)
def DER_pt_h(objects: Objects) -> Any:
    """Transverse momentum of the hadronic τ, the lepton and the missing momentum together."""
    return np.hypot(*higgs(primary(objects)))


@observable(missing=UNDEFINED)
def DER_deltaeta_jet_jet(objects: Objects) -> Any:
    """|Δη| of the two leading jets; −25 with fewer."""
    event = primary(objects)
    return _defined(np.abs(event["jet_leading_eta"] - event["jet_subleading_eta"]))


@observable(unit="GeV", missing=UNDEFINED)
def DER_mass_jet_jet(objects: Objects) -> Any:
    """Mass of the two leading jets; −25 with fewer."""
    return _defined(mass(primary(objects), *JETS))


@observable(missing=UNDEFINED)
def DER_prodeta_jet_jet(objects: Objects) -> Any:
    """Product of the pseudorapidities of the two leading jets; −25 with fewer."""
    event = primary(objects)
    return _defined(event["jet_leading_eta"] * event["jet_subleading_eta"])


@observable(missing=UNDEFINED)
def DER_deltar_had_lep(objects: Objects) -> Any:
    """ΔR between the hadronic τ and the lepton."""
    event = primary(objects)
    phi = np.abs(event["had_phi"] - event["lep_phi"]) % (2 * np.pi)
    return np.hypot(event["had_eta"] - event["lep_eta"], np.minimum(phi, 2 * np.pi - phi))


@observable(unit="GeV", missing=UNDEFINED)
def DER_pt_tot(objects: Objects) -> Any:
    """Transverse momentum of τ, lepton, missing momentum and the two leading jets together."""
    event = primary(objects)
    return np.hypot(*(higgs(event) + sum(transverse(event, jet) for jet in JETS)))


@observable(unit="GeV", missing=UNDEFINED)
def DER_sum_pt(objects: Objects) -> Any:
    """Scalar sum of the transverse momenta of τ, lepton and all jets."""
    event = primary(objects)
    return event["had_pt"] + event["lep_pt"] + event["jet_all_pt"]


@observable(missing=UNDEFINED)
def DER_pt_ratio_lep_had(objects: Objects) -> Any:
    """Transverse momentum of the lepton over that of the hadronic τ."""
    event = primary(objects)
    return event["lep_pt"] / event["had_pt"]


@observable(missing=UNDEFINED)
def DER_met_phi_centrality(objects: Objects) -> Any:
    """√2 where the missing momentum halves the angle of lepton and τ, 1 where it is along one."""
    event = primary(objects)
    lep, had, met = (event[f"{name}_phi"] for name in ("lep", "had", "met"))
    sign = np.sign(np.sin(had - lep))
    a, b = sign * np.sin(met - lep), sign * np.sin(had - met)
    with np.errstate(invalid="ignore"):  # of lepton and τ along one line
        return _defined((a + b) / np.hypot(a, b))


@observable(missing=UNDEFINED)
def DER_lep_eta_centrality(objects: Objects) -> Any:
    """exp(−4 (η − η̄)² / (η₁ − η₂)²) of the lepton between two jets; −25 with fewer."""
    event = primary(objects)
    first, second = (event[f"{jet}_eta"] for jet in JETS)
    off = event["lep_eta"] - (first + second) / 2
    with np.errstate(divide="ignore", invalid="ignore"):  # of jets at one η
        return _defined(np.exp(-4 * (off / (first - second)) ** 2))


@observable()
def vbf_jets(objects: Objects) -> Any:
    """1 with jets as of vector-boson fusion, above 50 and 30 GeV; else 0."""
    return _has_vbf_jets(primary(objects))


@observable()
def vbf_or_boosted(objects: Objects) -> Any:
    """1 with jets as of vector-boson fusion, or with 100 GeV of pT(H); else 0."""
    event = primary(objects)
    return _has_vbf_jets(event) | (np.hypot(*higgs(event)) >= 100.0)


def _has_vbf_jets(event: Features) -> NDArray[np.bool_]:
    return (event["jet_leading_pt"] > 50.0) & (event["jet_subleading_pt"] > 30.0)


JET_THRESHOLD = 26.0  # GeV


@shift(tes=1.0, jes=1.0, soft_met=0.0)
def challenge(events: Numbers, tes: float, jes: float, soft_met: float) -> Features:
    """The scales of τ and jets, and a Gaussian in GeV in both components of missing momentum.

    The missing momentum takes up what τ and the two leading jets gain. Then all is rounded to
    1 MeV, and jets of 26 GeV and less are lost. A τ of 26 GeV and a lepton of 20 GeV are cuts of
    the regions.
    """
    before = {name: events[f"PRI_{name}"] for name in (*EVERY_EVENT, *OF_JETS)}
    scales = {"had": tes} | dict.fromkeys(JETS, jes)
    met = transverse(before, "met")
    if soft_met != 0.0:
        met += soft_met * np.stack([events.normal(0), events.normal(1)])
    met -= sum((scale - 1.0) * transverse(before, name) for name, scale in scales.items())
    after = {f"{name}_pt": scale * before[f"{name}_pt"] for name, scale in scales.items()}
    after |= {"met": np.hypot(*met), "met_phi": np.arctan2(met[1], met[0])}
    after |= {"jet_all_pt": jes * before["jet_all_pt"], "n_jets": before["n_jets"]}
    after = {name: np.round(values, 3) for name, values in after.items()}
    for jet in JETS:
        pt = after[f"{jet}_pt"]
        lost = pt <= JET_THRESHOLD  # never one that is not there: NaN
        after["n_jets"] = after["n_jets"] - lost
        after["jet_all_pt"] = np.round(after["jet_all_pt"] - np.where(lost, pt, 0.0), 3)
        for name in (f"{jet}_{part}" for part in MOMENTUM):
            after[name] = np.where(lost, np.nan, after.get(name, before[name]))
    return {f"PRI_{name}": values for name, values in after.items()}
