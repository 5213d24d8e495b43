"""The differentiable core against pyhf: likelihood, fits and significance of all its modifiers."""

import json
from functools import cache
from pathlib import Path

import jax
import jsonpatch
import numpy as np
import pyhf
import pytest
from scipy.optimize import minimize

from zenith.core.likelihood import histfactory
from zenith.core.likelihood.significance import expected, observed_significance
from zenith.core.likelihood.workspace import from_workspace

DATA = Path(__file__).parents[3] / "shared" / "data"


def modifier(type_, name, data=None):
    return {"type": type_, "name": name, "data": data}


def workspace(channels, observations, parameters=(), poi="mu"):
    """`channels`: {channel: {sample: (yields, modifiers)}}."""
    return {
        "version": "1.0.0",
        "channels": [
            {
                "name": channel,
                "samples": [
                    {"name": sample, "data": yields, "modifiers": modifiers}
                    for sample, (yields, modifiers) in samples.items()
                ],
            }
            for channel, samples in channels.items()
        ],
        "observations": [{"name": c, "data": data} for c, data in observations.items()],
        "measurements": [{"name": "m", "config": {"poi": poi, "parameters": list(parameters)}}],
    }


MU = modifier("normfactor", "mu")


def one_bin():
    background = [modifier("normsys", "scale", {"hi": 1.3, "lo": 0.8})]
    samples = {"signal": ([7.0], [MU]), "background": ([20.0], background)}
    return workspace({"c": samples}, {"c": [31.0]})


def uncorrelated():
    """Two shapesys on one sample (two layers), one of them with an empty and an exact bin."""
    shapes = [
        modifier("shapesys", "a", [3.0, 7.0, 2.0, 1.0]),
        modifier("shapesys", "b", [2.0, 0.0, 4.0, 0.5]),
    ]
    other = [modifier("shapesys", "c", [1.0, 2.0, 1.5, 0.0])]
    samples = {
        "signal": ([12.0, 11.0, 3.0, 1.0], [MU]),
        "background": ([50.0, 52.0, 30.0, 0.0], shapes),
        "other": ([5.0, 6.0, 7.0, 4.0], other),
    }
    return workspace({"c": samples}, {"c": [75.0, 70.0, 36.0, 7.0]})


def everything():
    """Two channels, shared and fixed parameters, a name that is a shape and a normalisation."""

    def mods(channel, up, down, stat, *more):
        return [
            modifier("histosys", "jes", {"hi_data": up, "lo_data": down}),
            modifier("normsys", "jes", {"hi": 1.05, "lo": 0.97}),
            modifier("lumi", "lumi"),
            modifier("staterror", f"stat_{channel}", stat),
            *more,
        ]

    ttbar = modifier("normfactor", "ttbar_norm")
    theory = modifier("normsys", "theory", {"hi": 1.2, "lo": 0.7})
    frozen = modifier("normsys", "frozen", {"hi": 1.1, "lo": 0.9})
    one_sided = {"hi_data": [22.0, 11.0, 2.2], "lo_data": [20.5, 10.5, 2.1]}
    signal_region = {
        "signal": ([1.0, 4.0, 6.0], mods("SR", [1.1, 4.2, 6.1], [0.9, 3.9, 5.8], [0.2] * 3, MU)),
        "ttbar": (
            [50.0, 30.0, 8.0],
            mods("SR", [52.0, 31.0, 8.5], [47.0, 29.5, 7.8], [2.0, 1.5, 0.9], ttbar),
        ),
        "wjets": (
            [20.0, 10.0, -0.5],
            [theory, frozen, modifier("histosys", "side", one_sided)],
        ),
    }
    control_region = {
        "ttbar": ([200.0, 0.0], mods("CR", [205.0, 0.0], [190.0, 0.0], [6.0, 0.0], ttbar)),
        "wjets": ([40.0, 5.0], [theory, modifier("staterror", "stat_CR", [3.0, 0.0])]),
    }
    parameters = [
        {
            "name": "lumi",
            "inits": [1.0],
            "bounds": [[0.9, 1.1]],
            "auxdata": [1.0],
            "sigmas": [0.02],
        },
        {"name": "frozen", "fixed": True, "inits": [0.5]},
        {"name": "mu", "bounds": [[-5, 5]]},
        {"name": "theory", "auxdata": [0.2]},
    ]
    return workspace(
        {"SR": signal_region, "CR": control_region},
        {"SR": [75.0, 49.0, 15.0], "CR": [231.0, 6.0]},
        parameters,
    )


def abcd():
    """Data-driven background: its shape is shared by two channels, its rate is free."""
    shape = modifier("shapefactor", "shape")
    transfer = modifier("normfactor", "transfer")
    local = modifier("shapefactor", "local")
    return workspace(
        {
            "SR": {"signal": ([5.0, 9.0], [MU]), "fakes": ([10.0, 10.0], [shape])},
            "CR": {"fakes": ([100.0, 100.0], [shape]), "rare": ([1.0, 2.0], [])},
            "VR": {"fakes": ([50.0, 60.0], [local]), "signal": ([1.0, 1.0], [MU])},
            "norm": {"rare": ([40.0], [transfer])},
        },
        {"SR": [18.0, 16.0], "CR": [120.0, 81.0], "VR": [53.0, 60.0], "norm": [44.0]},
    )


MODELS = {f.__name__: f for f in (one_bin, uncorrelated, everything, abcd)}


def published(patch):
    folder = DATA / "likelihoods" / "atlas-sbottom-2019"
    if not folder.exists():
        pytest.skip(f"{folder} is absent")
    background, signal = (
        json.loads((folder / name).read_text())
        for name in ("RegionA-BkgOnly.json", f"patch.sbottom_{patch}.json")
    )
    return jsonpatch.apply_patch(background, signal)


class Reference:
    """Fits by pyhf's likelihood: exact derivatives of its JAX backend, scipy's SLSQP, and then
    Newton steps on the parameters inside of their bounds."""

    def __init__(self, spec):
        pyhf.set_backend("jax")
        wspace, model = pyhf_model(spec)
        self.config = model.config

        def twice_nll(theta, data):
            return -2 * model.logpdf(theta, data)[0]

        functions = twice_nll, jax.grad(twice_nll), jax.hessian(twice_nll)
        self.value, self.slope, self.hessian = map(jax.jit, functions)
        arguments = np.array(self.config.suggested_init()), np.array(wspace.data(model))
        for function in (self.value, self.slope, self.hessian):  # traced while JAX is the backend
            function(*arguments)
        pyhf.set_backend("numpy")

    def fit(self, data, mu=None, start=None):
        """Best fit, -2 log L, its Hessian in the free parameters, and which are free."""
        config, data = self.config, np.asarray(data)
        theta = np.array(config.suggested_init() if start is None else start, float)
        lower, upper = np.array(config.suggested_bounds(), float).T
        fixed = np.array(config.suggested_fixed())
        if mu is not None:
            theta[config.poi_index] = mu
            fixed[config.poi_index] = True
        free = np.flatnonzero(~fixed)
        lower, upper = lower[free], upper[free]

        def at(part):
            full = theta.copy()
            full[free] = part
            return full, data

        part = minimize(
            lambda part: float(self.value(*at(part))),
            theta[free],
            jac=lambda part: np.asarray(self.slope(*at(part)))[free],
            method="SLSQP",
            bounds=list(zip(lower, upper, strict=True)),
            options={"ftol": 1e-14, "maxiter": 1000},
        ).x
        for _ in range(5):
            g = np.asarray(self.slope(*at(part)))[free]
            hessian = np.asarray(self.hessian(*at(part)))[np.ix_(free, free)]
            inside = ~(((part <= lower) & (g > 0)) | ((part >= upper) & (g < 0)))
            step = np.linalg.solve(hessian[np.ix_(inside, inside)], g[inside])
            part[inside] = np.clip(part[inside] - step, lower[inside], upper[inside])
        best = at(part)
        hessian = np.asarray(self.hessian(*best))[np.ix_(free, free)]
        return best[0], float(self.value(*best)), hessian, free


@cache
def reference(name):
    return Reference(MODELS[name]())


def pyhf_model(spec):
    wspace = pyhf.Workspace(spec)
    return wspace, wspace.model()


def asimov(model):
    theta = np.array(model.config.suggested_init())
    theta[model.config.poi_index] = 1.0
    return theta, np.asarray(model.expected_data(theta))


@pytest.mark.parametrize("name", MODELS)
def test_likelihood_equals_pyhf(name):
    spec = MODELS[name]()
    wspace, model = pyhf_model(spec)
    structure, templates, counts = from_workspace(spec)
    assert structure.parameters.names == tuple(model.config.par_names)
    ours = jax.jit(histfactory.prepare, static_argnums=0)(structure, templates)
    rates = jax.jit(histfactory.rates, static_argnums=0)
    deviance = jax.jit(histfactory.deviance, static_argnums=0)
    assert (~np.asarray(ours.free)).tolist() == model.config.suggested_fixed()
    assert structure.parameters.init.tolist() == model.config.suggested_init()
    data = histfactory.observed(structure, ours, counts)
    rng = np.random.default_rng(1)
    for spread in (0.0, 0.3, 1.5):  # interpolation below and above one standard deviation
        theta = structure.parameters.init + spread * rng.uniform(-1, 1, len(model.config.par_names))
        theta = np.clip(theta, structure.parameters.lower + 0.01, structure.parameters.upper)
        yields = rates(structure, ours, theta).sum(0)
        np.testing.assert_allclose(yields, model.expected_actualdata(theta), rtol=1e-13)
        twice_nll = 2 * deviance(structure, ours, theta, data)
        twice_nll += histfactory.perfect_twice_nll(structure, ours, data)
        pyhf_twice_nll = -2 * model.logpdf(theta, wspace.data(model))[0]
        assert float(twice_nll) == pytest.approx(pyhf_twice_nll, rel=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_expected_significance_equals_pyhf(name):
    spec = MODELS[name]()
    _, model = pyhf_model(spec)
    structure, templates, _ = from_workspace(spec)
    result = jax.jit(expected, static_argnums=0)(structure, templates)
    theta, data = asimov(model)
    best, twice_nll, _, _ = reference(name).fit(data, mu=0.0)
    q0 = twice_nll + 2 * model.logpdf(theta, data)[0]
    assert result.converged
    assert float(result.z) == pytest.approx(np.sqrt(q0), rel=1e-8)
    np.testing.assert_allclose(result.parameters, best, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_observed_significance_and_fit_equal_pyhf(name):
    spec = MODELS[name]()
    wspace, model = pyhf_model(spec)
    structure, templates, counts = from_workspace(spec)
    result = jax.jit(observed_significance, static_argnums=0)(structure, templates, counts)
    data = wspace.data(model)
    free_fit, twice_nll, hessian, free = reference(name).fit(data)
    background, twice_nll_0, _, _ = reference(name).fit(data, mu=0.0)
    assert result.converged
    np.testing.assert_allclose(result.parameters, free_fit, atol=1e-5)
    np.testing.assert_allclose(result.background_only, background, atol=1e-5)
    assert float(result.twice_nll) == pytest.approx(twice_nll, abs=1e-9)
    assert float(result.z) == pytest.approx(np.sqrt(twice_nll_0 - twice_nll), rel=1e-8)
    covariance = np.linalg.inv(hessian / 2)
    np.testing.assert_allclose(
        np.asarray(result.covariance)[np.ix_(free, free)], covariance, rtol=1e-6, atol=1e-10
    )


def test_deficit_has_no_observed_significance():
    spec = one_bin()
    spec["measurements"][0]["config"]["parameters"] = [{"name": "mu", "bounds": [[-2, 5]]}]
    spec["observations"][0]["data"] = [15.0]
    structure, templates, counts = from_workspace(spec)
    result = jax.jit(observed_significance, static_argnums=0)(structure, templates, counts)
    # the constraint and the count are both met exactly
    assert float(result.mu_hat) == pytest.approx(-5 / 7)
    assert float(result.z) == 0.0


@pytest.mark.parametrize("patch", ["700_300_170", "900_650_60"])
def test_published_likelihood(patch):
    """Expected significance, and observed on counts with signal, at minima of pyhf's likelihood
    that are at least as deep as the ones that pyhf's own fit finds."""
    spec = published(patch)
    _, model = pyhf_model(spec)
    structure, templates, _ = from_workspace(spec)
    theta, data = asimov(model)
    pyhf_fit = Reference(spec).fit
    result = jax.jit(expected, static_argnums=0)(structure, templates)
    assert result.converged
    at_one = float(-2 * model.logpdf(theta, data)[0])
    q0 = float(-2 * model.logpdf(np.asarray(result.parameters), data)[0]) - at_one
    assert float(result.z) == pytest.approx(np.sqrt(q0), rel=1e-9)
    best, polished, _, _ = pyhf_fit(data, mu=0.0, start=result.parameters)
    np.testing.assert_allclose(result.parameters, best, atol=1e-5)
    assert float(result.z) == pytest.approx(np.sqrt(polished - at_one), rel=1e-8)
    pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer(tolerance=1e-10))
    _, found = pyhf.infer.mle.fixed_poi_fit(0.0, data, model, return_fitted_val=True)
    pyhf.set_backend("numpy")
    assert q0 <= found - at_one + 1e-8

    theta[model.config.poi_index] = 1.5
    counts = np.round(model.expected_data(theta, include_auxdata=False))
    observed = jax.jit(observed_significance, static_argnums=0)(structure, templates, counts)
    data = [*counts, *model.config.auxdata]
    best, deepest, _, _ = pyhf_fit(data, start=observed.parameters)
    _, background, _, _ = pyhf_fit(data, mu=0.0, start=observed.background_only)
    assert observed.converged
    np.testing.assert_allclose(observed.parameters, best, atol=1e-5)
    assert float(observed.z) == pytest.approx(np.sqrt(background - deepest), rel=1e-8)
    assert float(observed.twice_nll) == pytest.approx(deepest, abs=1e-8)


@pytest.mark.parametrize(
    ("files", "twice_nll", "mu_hat", "mu_error"),
    [
        # 2NLL: no higher than cabinetry's; strength and error of an independent exact Newton
        ("1-file", 141.33364, None, None),
        ("5-files", 109.65094 + 5e-6, 0.95331, 0.09194),
    ],
)
def test_analysis_grand_challenge(files, twice_nll, mu_hat, mu_error):
    path = DATA / "agc" / f"workspace-{files}.json"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    structure, templates, counts = from_workspace(json.loads(path.read_text()))
    result = jax.jit(observed_significance, static_argnums=0)(structure, templates, counts)
    assert result.converged
    assert float(result.twice_nll) <= twice_nll
    if mu_hat:
        assert float(result.mu_hat) == pytest.approx(mu_hat, abs=1e-5)
        assert float(result.mu_error) == pytest.approx(mu_error, abs=1e-5)
