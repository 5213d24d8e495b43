"""The bias by noise of surfaces, against best fits of models that have drawn it."""

import jax.numpy as jnp
import numpy as np
import pytest

from zenith.core.likelihood.composition import Modifier
from zenith.core.likelihood.parameters import Setting
from zenith.core.likelihood.structure import Structure, Templates
from zenith.core.likelihood.workspace import Workspace
from zenith.inference.surface_noise import bias, worst
from zenith.inference.warnings import warnings

BACKGROUND = np.array([300.0, 900.0, 1500.0, 900.0, 300.0])
SIGNAL = np.array([5.0, 20.0, 60.0, 90.0, 40.0])
LINEAR = np.array([-0.08, -0.03, 0.01, 0.04, 0.06])
SQUARE = np.array([0.004, 0.0, -0.002, 0.001, 0.002])
TRUTH = np.array([1.0, 2.0])  # μ, t


def model(bound: float = 5.0) -> tuple[Structure, Templates]:
    modifiers = (Modifier("normfactor", "mu", "c", "s"), Modifier("surface", "t", "c", "b"))
    settings = (Setting("mu", bounds=((-5.0, 10.0),)), Setting("t", bounds=((-5.0, bound),)))
    structure = Structure((("c", 5),), ("b", "s"), modifiers, "mu", settings)
    terms, nothing = np.zeros((2, 2, 5)), np.zeros((0, 2, 5))
    terms[:, 0] = LINEAR, SQUARE
    factors = np.ones((0, 2, 1))
    arrays = (np.stack([BACKGROUND, SIGNAL]), nothing, nothing, factors, factors, nothing, terms)
    return structure, Templates(*map(jnp.asarray, arrays))


def noise(size: float) -> np.ndarray:
    """Of the background, and of a signal that no surface acts on."""
    drawn = size * np.random.default_rng(2).normal(size=(30, 2, 2, 5)) / np.sqrt(30)
    drawn[:, 1] /= 4.0
    drawn[..., 1] -= drawn.sum(axis=-1)  # what leaves a bin enters another
    return drawn


def best_fits(drawn: np.ndarray, number: int) -> np.ndarray:
    """Of Asimov data of the truth in models with noise, by Fisher's scoring, (number, 2)."""
    random = np.random.default_rng(3)
    terms = np.stack([LINEAR, SQUARE]) + np.einsum(
        "ng,gfb->nfb", random.normal(size=(number, len(drawn))), drawn[:, :, 0]
    )
    mu, t = (np.full((number, 1), value) for value in TRUTH)
    data = TRUTH[0] * SIGNAL + BACKGROUND * np.exp(LINEAR * TRUTH[1] + SQUARE * TRUTH[1] ** 2)
    for _ in range(12):
        moved = BACKGROUND * np.exp(terms[:, 0] * t + terms[:, 1] * t**2)
        counts = mu * SIGNAL + moved
        slope = (terms[:, 0] + 2 * terms[:, 1] * t) * moved
        slopes = np.stack([np.broadcast_to(SIGNAL, slope.shape), slope], axis=1)
        gradient = np.einsum("nab,nb->na", slopes, (data - counts) / counts)
        gradient[:, 1] -= t[:, 0] - TRUTH[1]  # the auxiliary measurement is at the truth
        seen = np.einsum("nab,ncb,nb->nac", slopes, slopes, 1 / counts) + np.diag([0.0, 1.0])
        step = np.linalg.solve(seen, gradient[..., None])[..., 0]
        mu, t = mu + step[:, :1], t + step[:, 1:]
    return np.concatenate([mu, t], axis=1)


def test_noise_moves_best_fits_as_models_that_have_drawn_it() -> None:
    structure, templates = model()
    drawn = noise(0.01)
    found = bias(structure, templates, drawn, TRUTH)
    fits = best_fits(drawn, 20_000) - TRUTH
    counts = SIGNAL + BACKGROUND * np.exp(LINEAR * 2.0 + SQUARE * 4.0)
    slope = (LINEAR + 4.0 * SQUARE) * (counts - SIGNAL)
    slopes = np.stack([SIGNAL, slope])
    error = np.sqrt(np.diag(np.linalg.inv(slopes / counts @ slopes.T + np.diag([0.0, 1.0]))))
    moved, by_chance = fits.mean(axis=0) / error, fits.std(axis=0) / error / np.sqrt(len(fits))
    assert by_chance.max() < 0.005
    assert np.abs(moved).max() > 0.25
    np.testing.assert_allclose(found, moved, rtol=0.12, atol=0.005)
    # of no noise, and where all of it vanishes
    assert not bias(structure, templates, 0.0 * drawn, TRUTH).any()
    assert bias(structure, templates, drawn, np.array([1.0, 0.0])) == pytest.approx(0.0, abs=0.02)


def test_intervals_warn_of_noise_that_moves_their_parameter() -> None:
    structure, templates = model()
    found = worst(structure, templates, noise(0.015), 0)
    assert (found.name, abs(found.value)) == ("t", 2.0)
    at = np.array([1.0, found.value])
    assert found.bias == bias(structure, templates, noise(0.015), at)[0]
    assert worst(*model(bound=0.5), noise(0.015), 0).value in (-2.0, 0.5)
    workspace = Workspace(structure, templates, BACKGROUND + SIGNAL)
    of_mu = [{"name": "mu", "best": 1.0, "intervals": [], "minima": []}]
    (line,) = warnings(workspace, of_mu, noise(0.015))
    assert line.startswith(f"few shifted events: where t is {found.value:g}, noise of response")
    assert f"moves mu by {found.bias:+.2f} of its error" in line
    assert not warnings(workspace, of_mu, noise(0.003))
    assert not warnings(workspace, of_mu)
