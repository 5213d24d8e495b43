"""Gradients of the expected significance and precision against central differences."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zenith.core.likelihood import curvature, hessian, histfactory
from zenith.core.likelihood.composition import PER_BIN, Modifier
from zenith.core.likelihood.parameters import Setting
from zenith.core.likelihood.significance import expected_mu_error, expected_significance
from zenith.core.likelihood.structure import Structure, Templates


def model():
    """Every modifier type, two channels, a shape that two channels share, asymmetric variations."""
    everywhere = [(c, s) for c, s in (("SR", "signal"), ("SR", "ttbar"), ("SR", "wjets"))]
    everywhere += [("CR", "ttbar"), ("CR", "wjets")]
    structure = Structure(
        channels=(("CR", 3), ("SR", 4)),
        samples=("fakes", "signal", "ttbar", "wjets"),
        modifiers=(
            Modifier("normfactor", "mu", "SR", "signal"),
            Modifier("normfactor", "ttbar_norm", "SR", "ttbar"),
            Modifier("normfactor", "ttbar_norm", "CR", "ttbar"),
            *(Modifier("histosys", "jes", c, s) for c, s in everywhere),
            *(Modifier("normsys", "jes", c, s) for c, s in everywhere),
            *(Modifier("histosys", "btag", c, s) for c, s in everywhere),
            Modifier("normsys", "theory", "SR", "wjets"),
            *(Modifier("lumi", "lumi", c, s) for c, s in everywhere),
            *(Modifier("staterror", f"stat_{c}", c, s) for c, s in everywhere),
            Modifier("shapesys", "extra", "SR", "wjets"),
            Modifier("shapefactor", "shape", "CR", "fakes"),
            *(Modifier("surface", "tune", c, s) for c, s in everywhere),
            *(Modifier("surface", "btag", "SR", s) for s in ("signal", "wjets")),
        ),
        poi="mu",
        settings=(Setting("lumi", (1.0,), ((0.5, 1.5),), (1.0,), (0.03,)),),
    )
    rng = np.random.default_rng(3)
    nominal = np.array(
        [
            [30.0, 20.0, 10.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 4.0, 9.0, 12.0, 5.0],
            [90.0, 60.0, 30.0, 40.0, 30.0, 20.0, 10.0],
            [20.0, 15.0, 12.0, 25.0, 20.0, 9.0, 6.0],
        ]
    )
    shapes, norms = (len(structure.histosys), *nominal.shape), (len(structure.normsys), 4, 2)
    templates = Templates(
        nominal,
        nominal * (1 + rng.uniform(0.0, 0.15, shapes)),
        nominal * (1 - rng.uniform(0.0, 0.10, shapes)),
        1 + rng.uniform(0.02, 0.1, norms),
        1 - rng.uniform(0.02, 0.2, norms),
        np.sqrt(nominal)[None] * rng.uniform(0.2, 0.4, (len(structure.layers), *nominal.shape)),
        rng.uniform(-0.1, 0.1, (5, *nominal.shape)),
    )
    return structure, Templates(*map(jnp.asarray, templates))


STRUCTURE, TEMPLATES = model()


@pytest.fixture(scope="module", params=[expected_significance, expected_mu_error])
def function(request):
    """The jitted function, and its gradient at the templates."""
    value = jax.jit(partial(request.param, STRUCTURE))
    return value, jax.jit(jax.grad(value))(TEMPLATES)


@pytest.mark.parametrize("field", Templates._fields)
def test_gradient_equals_central_differences(function, field):
    value, gradient = function
    rng = np.random.default_rng(Templates._fields.index(field))
    template = np.asarray(getattr(TEMPLATES, field))
    slope = np.asarray(getattr(gradient, field))
    for _ in range(3):
        # relative changes: what is empty stays empty
        direction = rng.normal(size=template.shape) * template
        h = 1e-4

        def along(t, direction=direction):
            return value(TEMPLATES._replace(**{field: template + t * direction}))

        # five points: the error is of fourth order in h
        near, far = along(h) - along(-h), along(2 * h) - along(-2 * h)
        numerical = (8 * near - far) / (12 * h)
        assert numerical != 0
        assert float((slope * direction).sum()) == pytest.approx(float(numerical), rel=1e-6)


def test_every_element_equals_central_differences(function):
    """Each bin of each sample by itself, so that no sign can cancel in a sum."""
    value, gradient = function
    numerical = np.zeros(TEMPLATES.nominal.shape)
    for index in zip(*np.nonzero(np.asarray(TEMPLATES.nominal)), strict=True):
        h = 1e-3
        up, down = (
            value(TEMPLATES._replace(nominal=TEMPLATES.nominal.at[index].add(s * h)))
            for s in (1, -1)
        )
        numerical[index] = (up - down) / (2 * h)
    filled = np.asarray(TEMPLATES.nominal) > 0
    np.testing.assert_allclose(
        np.asarray(gradient.nominal)[filled], numerical[filled], rtol=1e-5, atol=1e-8
    )


def simulated_statistics_alone():
    """The same model with one factor for all samples of a bin in place of its own per-bin ones."""
    per_bin = [
        Modifier("staterror", f"stat_{channel}", channel, sample)
        for channel, _ in STRUCTURE.channels
        for sample in STRUCTURE.samples
    ]
    others = [m for m in STRUCTURE.modifiers if m.type not in PER_BIN]
    structure = replace(STRUCTURE, modifiers=(*others, *per_bin))
    return structure, TEMPLATES._replace(uncertainty=TEMPLATES.uncertainty[:1])


@pytest.mark.parametrize("whole", [False, True])
def test_analytic_derivatives_equal_automatic_ones(whole):
    """Gradient and Hessian blocks of the likelihood, away from its minimum."""
    structure, templates = simulated_statistics_alone() if whole else (STRUCTURE, TEMPLATES)
    assert hessian.partition(structure).whole == whole
    fitted = jax.jit(histfactory.prepare, static_argnums=0)(structure, templates)
    start = jnp.asarray(histfactory.nominal(structure, 1.0))
    data = histfactory.asimov(structure, fitted, start)
    rng = np.random.default_rng(5)
    theta = start + jnp.asarray(rng.uniform(-0.2, 0.2, start.size))
    theta = theta.at[structure.parameters.slices["btag"].start].set(1.4)

    def deviance(theta):
        return histfactory.deviance(structure, fitted, theta, data)

    slope = jax.jit(jax.grad(deviance))(theta)
    automatic = jax.jit(jax.hessian(deviance))
    expected = np.asarray(automatic(theta))
    expand = jax.jit(curvature.expand, static_argnums=0)
    at = expand(structure, fitted, theta, data)
    np.testing.assert_allclose(at.gradient, slope, rtol=1e-11, atol=1e-11)
    split, layer = hessian.partition(structure), structure.parameters.layer
    padded = np.pad(expected, (0, 1))
    np.testing.assert_allclose(at.hessian.a, expected[np.ix_(split.dense, split.dense)], atol=1e-10)
    np.testing.assert_allclose(
        np.where(split.local, at.hessian.c, 0.0),
        np.where(split.local, padded[split.dense[:, None, None], layer], 0.0),
        atol=1e-10,
    )
    np.testing.assert_allclose(
        np.where(split.local[:, None] & split.local, at.hessian.d, 0.0),
        np.where(split.local[:, None] & split.local, padded[layer[:, None], layer], 0.0),
        atol=1e-10,
    )
    # at the best fit, where the Hessian is positive definite, its blocks solve Newton's system
    right = jnp.asarray(rng.normal(size=theta.size))
    best = expand(structure, fitted, start, data).hessian
    solved = hessian.solve(structure, best, right, fitted.free)
    np.testing.assert_allclose(solved, np.linalg.solve(automatic(start), right), rtol=1e-9)
