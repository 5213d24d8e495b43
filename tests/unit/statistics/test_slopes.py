"""The gradient that Minuit takes, against differences of what it minimises."""

from dataclasses import replace

import numpy as np
import pytest

from zenith.statistics.likelihood import Likelihood, numpy_backend
from zenith.statistics.slopes import together

BINS = {"signal": 3, "control": 2}


def _sample(name, rates, *modifiers):
    return {"name": name, "data": rates, "modifiers": list(modifiers)}


def _modifier(name, kind, data=None):
    return {"name": name, "type": kind, "data": data}


def _spec():
    """Every kind of modifier, and an empty bin."""
    rate = _modifier("rate", "normsys", {"hi": 1.2, "lo": 0.9})
    lumi = _modifier("lumi", "lumi")
    channels = [
        {
            "name": "signal",
            "samples": [
                _sample("signal", [1.0, 3.0, 2.0], _modifier("mu", "normfactor"), lumi),
                _sample(
                    "first",
                    [50.0, 20.0, 0.5],
                    rate,
                    _modifier("simulation", "staterror", [4.0, 3.0, 0.2]),
                    _modifier(
                        "shape",
                        "histosys",
                        {"hi_data": [52.0, 18.0, -0.4], "lo_data": [47.0, 21.0, 0.9]},
                    ),
                ),
                _sample(
                    "second", [10.0, 8.0, 0.1], _modifier("counts", "shapesys", [1.0, 2.0, 0.05])
                ),
            ],
        },
        {
            "name": "control",
            "samples": [
                _sample("first", [80.0, 40.0], rate, _modifier("beside", "staterror", [5.0, 4.0])),
                _sample("second", [30.0, 60.0], lumi, _modifier("free", "shapefactor")),
            ],
        },
    ]
    observed = {"signal": [60.0, 33.0, 0.0], "control": [115.0, 98.0]}
    parameters = [
        {"name": "lumi", "auxdata": [1.0], "sigmas": [0.02], "bounds": [[0.5, 1.5]], "inits": [1.0]}
    ]
    return {
        "version": "1.0.0",
        "channels": channels,
        "observations": [{"name": name, "data": data} for name, data in observed.items()],
        "measurements": [{"name": "fit", "config": {"poi": "mu", "parameters": parameters}}],
    }


@pytest.fixture(scope="module")
def likelihood():
    with numpy_backend():
        yield Likelihood.of(_spec())


def _differences(likelihood, x):
    """Fourth-order central differences of the objective."""
    found = np.zeros(len(x))
    for i in np.flatnonzero(~likelihood.fixed):
        step = np.zeros(len(x))
        step[i] = 1e-3 * likelihood.steps[i]
        value = [likelihood.objective(x + k * step) for k in (-2, -1, 1, 2)]
        found[i] = (value[0] - 8 * value[1] + 8 * value[2] - value[3]) / (12 * step[i])
    return found


@pytest.mark.parametrize("seed", range(4))
def test_the_gradient_is_that_of_what_is_minimised(likelihood, seed):
    rng = np.random.default_rng(seed)
    x = likelihood.nominal + 0.8 * likelihood.steps * rng.uniform(-1, 1, len(likelihood.nominal))
    free = ~likelihood.fixed
    expected = _differences(likelihood, x)
    assert np.abs(expected[free]).min() > 1e-3
    found = likelihood.gradient(x, free)
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)
    held = free.copy()
    held[likelihood.poi] = False
    assert likelihood.gradient(x, held)[likelihood.poi] == 0.0
    np.testing.assert_array_equal(likelihood.gradient(x, held)[held], found[held])


@pytest.mark.parametrize("count", [0.0, 2.0])
def test_where_a_rate_is_below_zero_the_gradient_leads_back_if_there_are_counts(likelihood, count):
    """Flat where there are none."""
    data = likelihood.data.copy()
    config = likelihood.model.config
    last = config.channel_slices["signal"].stop - 1
    data[last] = count
    likelihood = replace(likelihood, data=data)
    x = likelihood.nominal.copy()
    x[config.par_map["shape"]["slice"]] = 1.0
    x[config.par_slice("mu")] = 0.0
    assert likelihood.rates(x)[last] < 0.0
    np.testing.assert_allclose(
        likelihood.gradient(x, ~likelihood.fixed), _differences(likelihood, x), rtol=1e-4, atol=1e-4
    )


def test_parameters_of_one_bin_each_move_together_if_their_bins_are_not_the_same(likelihood):
    """Statistics of the two channels; two modifiers that share bins stay apart."""
    sets = together(likelihood.model)
    names = [{likelihood.names[i].split("[")[0] for i in s.parameters} for s in sets]
    several = [found for found, s in zip(names, sets, strict=True) if len(set(s.parameters)) > 1]
    assert sum(map(len, several)) == 4
    assert len(several) == 2
    for s in sets:
        assert len(set(s.bins)) == len(s.bins)
