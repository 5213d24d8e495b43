"""Surfaces in the likelihood: derivatives against finite differences, and closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zenith.core.likelihood.composition import Modifier
from zenith.core.likelihood.curvature import expand
from zenith.core.likelihood.hessian import partition
from zenith.core.likelihood.histfactory import (
    Data,
    asimov,
    deviance,
    prepare,
    rates,
)
from zenith.core.likelihood.quadratics import monomials, number
from zenith.core.likelihood.significance import expected
from zenith.core.likelihood.structure import NO_SURFACE, Structure, Templates
from zenith.errors import FitError

NOMINAL = jnp.array([[3.0, 9.0, 4.0, 6.0], [60.0, 30.0, 20.0, 40.0], [25.0, 30.0, 8.0, 9.0]])


def model(linear=False):
    """Two channels; surfaces of `jes`, which is a histosys elsewhere, `tes`, also a normsys of the
    same sample, and `soft`, in one channel alone; a staterror of the backgrounds."""
    on = {"jes": "szt", "tes": "sz", "soft": "zt"}
    modifiers = [Modifier("normfactor", "mu", c, "s") for c in "ab"]
    modifiers += [Modifier("surface", name, "a", s) for name, of in on.items() for s in of]
    modifiers += [Modifier("surface", name, "b", s) for name in ("jes", "tes") for s in "sz"]
    modifiers += [Modifier("histosys", "jes", "b", "t"), Modifier("normsys", "tes", "a", "z")]
    modifiers += [Modifier("normsys", "rate", c, "t") for c in "ab"]
    modifiers += [Modifier("staterror", f"stat_{c}", c, s) for c in "ab" for s in "zt"]
    structure = Structure((("a", 2), ("b", 2)), ("s", "z", "t"), tuple(modifiers), "mu")
    random = np.random.default_rng(5)
    shapes = (len(structure.histosys), *NOMINAL.shape)
    norms = (len(structure.normsys), 3, 2)
    terms = random.normal(0.0, 0.15, (number(3), *NOMINAL.shape))
    terms[3:] *= 0.0 if linear else 0.4
    templates = Templates(
        NOMINAL,
        NOMINAL * random.uniform(1.0, 1.1, shapes),
        NOMINAL * random.uniform(0.9, 1.0, shapes),
        random.uniform(1.02, 1.1, norms),
        random.uniform(0.9, 0.98, norms),
        np.sqrt(NOMINAL) * random.uniform(0.2, 0.4, (1, *NOMINAL.shape)),
        terms,
    )
    return structure, jax.tree.map(jnp.asarray, templates)


STRUCTURE, TEMPLATES = model()
NAMES = STRUCTURE.parameters.names
MODEL = prepare(STRUCTURE, TEMPLATES)
DATA = asimov(STRUCTURE, MODEL, STRUCTURE.parameters.init)
DATA = Data(DATA.main * np.array([1.05, 0.9, 1.2, 1.0]), DATA.auxiliary)
POINT = STRUCTURE.parameters.init + np.random.default_rng(2).normal(0.0, 0.3, len(NAMES))


def test_rates_are_the_exponential_of_the_polynomial() -> None:
    theta = STRUCTURE.parameters.init.copy()
    values = {"jes": 0.7, "soft": -1.2, "tes": 0.4}
    for name, value in values.items():
        theta[NAMES.index(name)] = value
    found = rates(STRUCTURE, MODEL, jnp.asarray(theta))
    np.testing.assert_allclose(rates(STRUCTURE, MODEL, theta), found, rtol=1e-12)  # of numpy
    terms = monomials(np.array([values[name] for name in ("jes", "soft", "tes")]))
    exactly = NOMINAL[1] * np.exp(terms @ TEMPLATES.surface[:, 1])
    # in channel a all three act on z, which has a normsys as well; in channel b soft does not
    factor = found[1, :2] / exactly[:2]
    assert float(factor[0]) == pytest.approx(float(factor[1]), rel=1e-12)
    without = np.isin(np.arange(9), [0, 2, 3, 5, 8])
    exactly = NOMINAL[1] * np.exp((terms * without) @ TEMPLATES.surface[:, 1])
    np.testing.assert_allclose(found[1, 2:], exactly[2:], rtol=1e-12)


def test_gradient_and_hessian_are_those_of_finite_differences() -> None:
    at = jax.jit(lambda theta: expand(STRUCTURE, MODEL, theta, DATA))
    found = at(jnp.asarray(POINT))
    both = np.concatenate([POINT + 1e-5 * np.eye(len(POINT)), POINT - 1e-5 * np.eye(len(POINT))])
    values, gradients = jax.vmap(lambda theta: at(theta)[:2])(both)
    up, down = np.split(np.asarray(values), 2)
    np.testing.assert_allclose(found.gradient, (up - down) / 2e-5, rtol=1e-6, atol=1e-7)
    up, down = np.split(np.asarray(gradients), 2)
    split, blocks = partition(STRUCTURE), found.hessian
    hessian = np.zeros((len(POINT), len(POINT)))
    hessian[np.ix_(split.dense, split.dense)] = blocks.a
    gammas = split.layer[0]
    hessian[np.ix_(split.dense, gammas)] = blocks.c[:, 0]
    hessian[np.ix_(gammas, split.dense)] = blocks.c[:, 0].T
    hessian[gammas, gammas] = blocks.d[0, 0]
    np.testing.assert_allclose(hessian, (up - down) / 2e-5, rtol=1e-6, atol=1e-6)
    value = deviance(STRUCTURE, MODEL, jnp.asarray(POINT), DATA)
    assert float(found.value) == pytest.approx(float(value), rel=1e-12)


def test_linear_terms_are_exponentials_of_rates_in_closed_form() -> None:
    """One number of events, a background κ^ν of unit Gaussian ν: Z by a scan of ν, its slope."""
    modifiers = (Modifier("normfactor", "mu", "c", "s"), Modifier("surface", "rate", "c", "b"))
    structure = Structure((("c", 1),), ("b", "s"), modifiers, "mu")
    s, b, kappa = 12.0, 30.0, 1.25
    none, ones = jnp.zeros((0, 2, 1)), jnp.ones((0, 2, 1))
    terms = jnp.array([np.log(kappa), 0.0])[:, None, None] * jnp.array([1.0, 0.0])[:, None]
    templates = Templates(jnp.array([[b], [s]]), none, none, ones, ones, none, terms)

    def significance(terms):
        result = expected(structure, templates._replace(surface=terms))
        return result.z, result.parameters

    both = jax.jit(jax.value_and_grad(significance, has_aux=True))
    (z, parameters), slope = both(terms)
    nu = np.linspace(1.0, 1.8, 80_001)
    rate = b * kappa**nu
    scan = rate - (s + b) + (s + b) * np.log((s + b) / rate) + nu**2 / 2
    assert float(z) == pytest.approx(np.sqrt(2 * scan.min()), rel=1e-9)
    pull = float(parameters[structure.parameters.slices["rate"].start])
    assert pull == pytest.approx(nu[scan.argmin()], abs=2e-5)
    # q0 = 2 (rate - n + …): by the envelope theorem it moves with the rate alone
    change = (b * kappa**pull - s - b) / float(z)
    np.testing.assert_allclose(slope[:, 0, 0], [change * pull, change * pull**2], rtol=1e-7)
    with pytest.raises(FitError, match="surfaces of 1 parameters need terms of shape"):
        prepare(structure, templates._replace(surface=NO_SURFACE))
