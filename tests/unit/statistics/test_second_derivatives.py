"""Errors of the quoted fit, against the Fisher information in closed form."""

import numpy as np
import pytest

from zenith.statistics.best_fit import best_fit
from zenith.statistics.likelihood import Likelihood, numpy_backend
from zenith.statistics.second_derivatives import curvature

SIGNAL = np.array([7.0, 40.0, 60.0, 130.0])
BACKGROUND = np.array([9000.0, 220000.0, 100000.0, 16000.0])
# Few simulated events stand for many: their error is several times that of the counts, and the
# variations are uneven steps of the same size.
STATERROR = np.array([0.17, 0.034, 0.05, 0.14])
UP = {"tes": [-0.09, 0.006, -0.02, 0.09], "soft": [0.11, 0.007, -0.05, 0.24]}
DOWN = {"tes": [0.18, 0.009, -0.03, 0.04], "soft": [0.03, -0.001, 0.03, -0.14]}


def workspace():
    shapes = [
        {
            "type": "histosys",
            "name": name,
            "data": {
                "hi_data": (BACKGROUND * (1 + np.array(UP[name]))).tolist(),
                "lo_data": (BACKGROUND * (1 + np.array(DOWN[name]))).tolist(),
            },
        }
        for name in UP
    ]
    statistics = {"type": "staterror", "name": "stat", "data": (STATERROR * BACKGROUND).tolist()}
    strength = {"type": "normfactor", "name": "mu", "data": None}
    samples = [
        {"name": "signal", "data": SIGNAL.tolist(), "modifiers": [strength]},
        {"name": "background", "data": BACKGROUND.tolist(), "modifiers": [*shapes, statistics]},
    ]
    parameters = [{"name": "mu", "inits": [1.0], "bounds": [[-50.0, 50.0]]}]
    return {
        "version": "1.0.0",
        "channels": [{"name": "c", "samples": samples}],
        "observations": [{"name": "c", "data": (SIGNAL + BACKGROUND).tolist()}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": parameters}}],
    }


def of_fisher_information():
    """σ(μ)² = 1 / (sᵀ V⁻¹ s), V of counts, simulated events and d = (up - down) / 2 of shapes."""
    half = [BACKGROUND * (np.array(UP[k]) - np.array(DOWN[k])) / 2 for k in UP]
    variance = np.diag(SIGNAL + BACKGROUND + (STATERROR * BACKGROUND) ** 2)
    variance += sum(np.outer(d, d) for d in half)
    return float(1 / np.sqrt(SIGNAL @ np.linalg.solve(variance, SIGNAL)))


@pytest.fixture(scope="module")
def likelihood():
    with numpy_backend():
        yield Likelihood.of(workspace())


def test_errors_where_simulated_events_are_few(likelihood):
    best = best_fit(likelihood)
    assert best.x[likelihood.poi] == pytest.approx(1.0, abs=1e-3)
    assert best.errors[likelihood.poi] == pytest.approx(of_fisher_information(), rel=2e-3)
    assert np.diag(best.correlation) == pytest.approx(np.ones(len(best.x)))
    assert np.abs(best.correlation).max() <= 1.0 + 1e-12
    assert (best.missing, best.reason) == ({}, "")


def test_a_held_parameter_has_no_error_and_narrows_the_others(likelihood):
    x = likelihood.nominal.copy()
    x[likelihood.poi] = 1.0
    held = likelihood.names.index("soft")
    free, narrowed = curvature(likelihood, x, {}), curvature(likelihood, x, {held: 0.0})
    assert narrowed.correlation[held].tolist() == [0.0] * len(x)
    assert narrowed.errors[likelihood.poi] < free.errors[likelihood.poi]


def test_nothing_where_two_parameters_do_the_same():
    spec = workspace()
    twin = {"type": "normfactor", "name": "twin", "data": None}
    spec["channels"][0]["samples"][0]["modifiers"].append(twin)
    with numpy_backend():
        likelihood = Likelihood.of(spec)
        assert curvature(likelihood, likelihood.nominal, {}) is None
