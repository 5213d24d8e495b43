"""Decays of τ from a library: those of Pythia, and events that are drawn without bias."""

from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy.stats import ks_2samp

from zenith.config.simulation import SimulationCard

pytest.importorskip("pythia8mc", reason="Pythia 8 is the optional extra `simulate`")

from zenith.simulation import tau_decays as module
from zenith.simulation.generator import LEPTONIC, Generator
from zenith.simulation.particles import Array, Particles
from zenith.simulation.pythia import common, configured
from zenith.simulation.tau_decays import ETA, JET_PT, MASS, Leptons, TauDecays, boosted, tau_decays
from zenith.simulation.tau_truth import tau_truth
from zenith.simulation.truth import NEUTRINOS, Record


@pytest.fixture(scope="module")
def decays() -> TauDecays:
    return tau_decays(1)


def card(process: str, **keys: Any) -> Any:
    settings = {"process": process, "events": 100, "expected": 1.0, **keys}
    return TypeAdapter(SimulationCard).validate_python(settings)


def taus(number: int, sign: int, pt: float = 40.0, seed: int = 2) -> Leptons:
    """One in each event, within |η| < 2."""
    random = np.random.default_rng(seed)
    pt_of, eta = random.exponential(pt, number) + 5.0, random.uniform(-2, 2, number)
    phi = random.uniform(-np.pi, np.pi, number)
    px, py, pz = pt_of * np.cos(phi), pt_of * np.sin(phi), pt_of * np.sinh(eta)
    energy = np.sqrt(px**2 + py**2 + pz**2 + MASS**2)
    return Leptons(np.arange(number), np.full(number, 15 * sign), px, py, pz, energy)


def test_the_boost_is_that_of_lorentz() -> None:
    """Λ of a velocity β along n: Λ₀₀ = γ, Λ₀ᵢ = γβnᵢ, Λᵢⱼ = δᵢⱼ + (γ − 1) nᵢ nⱼ."""
    tau = taus(1, 1)
    p = np.array([tau.px[0], tau.py[0], tau.pz[0], tau.energy[0]])
    momentum = np.linalg.norm(p[:3])
    direction, gamma, shift = p[:3] / momentum, p[3] / MASS, momentum / MASS
    at_rest = np.array([0.3, -0.2, 0.5, 0.9])
    along = direction @ at_rest[:3]
    space = at_rest[:3] + ((gamma - 1) * along + shift * at_rest[3]) * direction
    expected = [*space, gamma * at_rest[3] + shift * along]
    np.testing.assert_allclose(boosted(at_rest, p), expected, rtol=1e-10)


def test_the_library(decays: TauDecays) -> None:
    """Branching fraction, neutrinos that are missing, no direction, and charges of τ⁻."""
    number = decays.visible.shape[1]
    assert number == 2 * module.DECAYS == len(decays.start) - 1
    error = np.sqrt(LEPTONIC * (1 - LEPTONIC) / number)
    assert abs(decays.leptonic / number - LEPTONIC) < 4 * error
    mass = np.sqrt(np.maximum(decays.visible[3] ** 2 - (decays.visible[:3] ** 2).sum(axis=0), 0.0))
    assert mass.max() < MASS
    spread = np.sqrt((decays.visible[:3] ** 2).mean(axis=1) / number)
    assert (np.abs(decays.visible[:3].mean(axis=1)) < 4 * spread).all()
    own = Particles(np.zeros_like(decays.pdg_id), decays.pdg_id, *np.zeros((4, len(decays.pdg_id))))
    charge = np.add.reduceat(own.charge, decays.start[:-1])
    assert (charge == -1).all()
    kinds = np.abs(decays.pdg_id)[decays.start[:-1]]
    assert np.isin(kinds[: decays.leptonic], (11, 13)).all()


def fractions(leptons: Leptons, event: Array, energy: Array) -> Array:
    return np.bincount(event, energy, minlength=len(leptons.event)) / leptons.energy


def test_decays_are_those_of_pythia(decays: TauDecays) -> None:
    """The same τ from Z, decayed by Pythia and from the library."""
    _, pythia = configured(
        [
            *common(3),
            "WeakSingleBoson:ffbar2gmZ = on",
            "23:onMode = off",
            "23:onIfAny = 15",
            "PartonLevel:ISR = off",
            "PartonLevel:FSR = off",
            "PartonLevel:MPI = off",
            "TauDecays:mode = 0",
        ]
    )
    pythia.init()
    record = Record(pythia.nextBatch(3000).prt)
    last = (np.abs(record.pdg_id) == 15) & (record.status < 0)
    last[record.mother[np.abs(record.pdg_id) == 15]] = False
    place = np.flatnonzero(last)
    found = Leptons(
        np.arange(len(place)),
        *(column[place] for column in (record.pdg_id, record.px, record.py, record.pz)),
        record.energy[place],
    )
    mother = np.arange(len(record.mother))
    for _ in range(9):
        mother = np.where(last[mother], mother, record.mother[mother])
    visible = (record.status > 0) & ~np.isin(np.abs(record.pdg_id), NEUTRINOS) & last[mother]
    event = np.searchsorted(place, mother[visible])
    direct = np.isin(np.abs(record.pdg_id), (11, 13)) & last[record.mother]
    to_lepton = np.isin(place, record.mother[direct])
    charged = np.abs(Particles(event, record.pdg_id[visible], *[event * 1.0] * 4).charge)
    theirs = fractions(found, event, record.energy[visible]), np.bincount(event, charged)

    assert len(place) >= 6000  # hadrons give a few more

    chosen = decays.drawn(found, 1)[:, 0]
    products = decays.products(found, chosen)
    assert (np.sign(np.bincount(products.event, products.charge)) == -np.sign(found.pdg_id)).all()
    tracks = np.bincount(products.event, np.abs(products.charge))
    ours = fractions(found, products.event, products.energy), tracks
    own = chosen < decays.leptonic
    for mine, other in zip(ours, theirs, strict=True):
        for side in (True, False):
            assert ks_2samp(mine[own == side], other[to_lepton == side]).pvalue > 0.001
    assert ours[0].max() < 1 + 1e-9


def test_τ_of_z_decay_to_a_lepton_and_to_hadrons() -> None:
    forced = tau_decays(1, forced=True)
    assert (forced.drawn(taus(500, 1), 3) < forced.leptonic).all()
    assert (forced.drawn(taus(500, -1), 3) >= forced.leptonic).all()
    electrons = taus(5, 1)._replace(pdg_id=np.full(5, 11))
    assert (forced.drawn(electrons, 3) == -1).all()


@pytest.mark.parametrize("process", ["htautau", "ttbar"])
def test_tries_are_without_bias(decays: TauDecays, process: str) -> None:
    """Events that are kept stand for as many as there would be of single decays."""
    number = 6000
    one, other = taus(number, 1), taus(number, -1, seed=3)
    both = Leptons._make(
        np.stack(columns, axis=1).ravel() for columns in zip(one, other, strict=True)
    )
    choice = decays.choose(both, np.ones(number, bool), card(process))
    assert (choice.probability <= 1.0).all()
    expected = choice.probability * choice.weight

    single = decays.drawn(both, 1)[:, 0]
    momenta = np.stack([both.px, both.py, both.pz, both.energy])
    px, py, pz, _ = boosted(decays.visible[:, single], momenta)
    pt, eta = np.hypot(px, py), np.abs(np.arcsinh(pz / np.hypot(px, py)))
    leptonic = single < decays.leptonic
    lepton = ((pt > 19.0) & (eta < ETA) & leptonic).reshape(-1, 2).any(axis=1)
    jet = ((pt > JET_PT) & (eta < ETA) & ~leptonic).reshape(-1, 2).any(axis=1)
    without_lepton, by_mistake = module.factors(card(process))
    assert by_mistake == {"htautau": 10.0, "ttbar": 3.0}[process]
    kinds = {1.0: lepton & jet, by_mistake: lepton & ~jet}
    if process == "ttbar":
        kinds |= {without_lepton: ~lepton & jet, without_lepton * by_mistake: ~lepton & ~jet}
    for factor, there in kinds.items():
        ours = expected * factor * (choice.factor == factor)
        error = np.hypot(ours.std(), there.std()) / np.sqrt(number)
        assert abs(ours.mean() - there.mean()) < 4 * error, factor


@pytest.mark.parametrize("process", ["ztautau", "ttbar"])
def test_the_filter_and_the_record_choose_the_same(process: str) -> None:
    generator = Generator(card(process), 3)
    assert generator.tau_decays is not None
    found = tau_truth(generator.batch(100), card(process), generator.tau_decays)
    assert found.weight.sum() == pytest.approx(generator._filter.kept[1], rel=1e-12)
    assert len(set(found.factor)) > 1
