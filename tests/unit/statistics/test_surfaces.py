"""Surfaces in the model of an analysis, their export to pyhf, and priors other than Gaussian."""

import jax
import jax.numpy as jnp
import numpy as np
import pyhf
import pytest

from zenith.config import parse
from zenith.core.likelihood.histfactory import prepare, rates
from zenith.core.likelihood.quadratics import monomials, number
from zenith.core.response.surface import Surface
from zenith.errors import FitError
from zenith.statistics.histograms import fill
from zenith.statistics.model import recipe
from zenith.statistics.repair import sanitise
from zenith.statistics.surfaces import deviations
from zenith.statistics.templates import collect
from zenith.statistics.workspace import build

PROCESSES = ("wjets", "ttbar", "signal")
NUISANCES = ("pileup", "jes", "xsec_wjets")


@pytest.fixture(scope="module")
def regions(toy_analysis, toy_columns):
    collected = collect(toy_analysis, fill(toy_analysis, toy_columns))
    minimum = toy_analysis.statistics.minimum_yield
    return [sanitise(region, minimum)[0] for region in collected]


@pytest.fixture(scope="module")
def surface(regions):
    """Every coefficient another; in an order that is neither the model's nor sorted."""
    bins = sum(len(region.edges) - 1 for region in regions)
    shape = number(len(NUISANCES)), len(PROCESSES), bins
    terms = np.random.default_rng(4).normal(0.0, 0.05, shape)
    return Surface(NUISANCES, PROCESSES, terms, np.zeros((shape[0], *shape)), np.zeros((1, *shape)))


def stacked(made, regions):
    varied = [
        [np.concatenate([t.variations[s.name][k] for t in regions], axis=1) for k in (0, 1)]
        for s in made.systematics
    ]
    parts = (
        np.concatenate([getattr(t, k) for t in regions], axis=1) for k in ("nominal", "variance")
    )
    return (*map(jnp.asarray, parts), jnp.asarray(varied))


def test_the_model_has_the_surface_and_pyhf_its_variations(toy_analysis, regions, surface):
    made = recipe(toy_analysis, surface)
    structure = made.structure
    assert structure.surface == ("jes", "pileup", "xsec_wjets")
    assert {s.name for s in made.systematics} == {"generator"}
    templates = made.assembled(*stacked(made, regions))

    @jax.jit
    def expected(theta):
        return rates(structure, prepare(structure, templates), theta)

    spec, _ = build(toy_analysis, regions, surface)
    exported = pyhf.Workspace(spec).model()
    acts = {name: {m.sample for m in structure.modifiers if m.name == name} for name in NUISANCES}
    assert acts["xsec_wjets"] == {"wjets"}
    found = deviations(structure, templates)
    assert len(found) == 3 * 4 + 3 * 4
    for each in found:
        theta = structure.parameters.init.copy()
        pars = np.array(exported.config.suggested_init())
        for name, value in each["parameters"].items():
            theta[structure.parameters.slices[name]] = value
            pars[exported.config.par_slice(name)] = value
        ours = np.asarray(expected(theta))
        for row, process in enumerate(structure.samples):
            at = [each["parameters"].get(n, 0.0) * (process in acts[n]) for n in NUISANCES]
            of = PROCESSES.index(process)
            ratio = np.exp(monomials(np.array(at)) @ surface.coefficients[:, of])
            np.testing.assert_allclose(ours[row], templates.nominal[row] * ratio, rtol=1e-12)
        theirs = exported.main_model.expected_data(pars)
        order = [exported.config.channel_slices[name] for name in structure.slices]
        theirs = np.concatenate([theirs[bins] for bins in order])
        relative = theirs / ours.sum(axis=0) - 1.0
        worst = structure.slices[each["channel"]].start + each["bin"]
        if len(each["parameters"]) == 1 and abs(*each["parameters"].values()) == 1.0:
            assert abs(each["largest"]) < 1e-12
        else:
            assert each["largest"] == pytest.approx(relative[worst], rel=1e-9)
            assert np.abs(relative).max() == pytest.approx(abs(each["largest"]), rel=1e-9)
        pull = np.sqrt((relative**2 * ours.sum(axis=0)).sum())
        assert each["significance"] == pytest.approx(pull, rel=1e-6, abs=1e-9)


def test_surfaces_of_something_else_are_refused(toy_analysis, surface):
    for changed, message in (
        (surface._replace(nuisances=("pileup", "jes", "jer")), "nuisance parameter 'jer'"),
        (surface._replace(processes=("wjets", "ttbar", "zh")), "process 'signal'"),
        (surface._replace(coefficients=surface.coefficients[..., 1:]), "bins, but the fitted"),
    ):
        with pytest.raises(FitError, match=message):
            recipe(toy_analysis, changed)


def test_clipped_and_log_normal_priors_are_those_of_the_workspace(toy_configuration, regions):
    config = toy_configuration()
    config["systematics"]["jes"]["bounds"] = [0.0, 1.6]
    config["systematics"]["xsec_wjets"] |= {"up": 0.25, "prior": "log_normal"}
    analysis = parse(config)
    parameters = recipe(analysis).structure.parameters
    at = parameters.slices["jes"].start
    assert (parameters.init[at], parameters.lower[at], parameters.upper[at]) == (0.0, 0.0, 1.6)
    exported = pyhf.Workspace(build(analysis, regions)[0]).model()
    place = exported.config.par_slice("jes").start
    assert exported.config.suggested_bounds()[place] == [0.0, 1.6]
    row = exported.config.samples.index("wjets")
    pars = np.array(exported.config.suggested_init())
    nominal = exported.main_model.expected_data(pars, return_by_sample=True)[row]
    for nu in (-2.0, -0.5, 0.3, 1.0, 3.0):
        pars[exported.config.par_slice("xsec_wjets")] = nu
        moved = exported.main_model.expected_data(pars, return_by_sample=True)[row]
        np.testing.assert_allclose(moved, nominal * 1.25**nu, rtol=3e-8)
