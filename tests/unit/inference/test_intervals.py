"""Profile-likelihood intervals: closed forms, pyhf, bounds, and profiles with several minima."""

import json
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pyhf
import pytest
from scipy.optimize import brentq
from scipy.stats import chi2

from zenith.cli import main
from zenith.core.likelihood.histfactory import observed, prepare
from zenith.core.likelihood.workspace import from_workspace
from zenith.errors import InputError
from zenith.inference.intervals import ONE_SIGMA, interval, thresholds
from zenith.inference.workspaces import intervals

LEVELS = [ONE_SIGMA, 0.95]
Q = thresholds(LEVELS)


def test_thresholds_are_quantiles_of_chi_squared() -> None:
    np.testing.assert_allclose(Q, chi2.ppf(LEVELS, 1), rtol=1e-12)
    assert pytest.approx(1.0, rel=1e-12) == Q[0]
    for level in (0.0, 1.0, 68.0):
        with pytest.raises(InputError, match="not between 0 and 1"):
            thresholds([level])


def workspace(samples, counts, parameters=()):
    """One channel; samples are name → (yields, modifiers)."""
    return {
        "version": "1.0.0",
        "channels": [
            {
                "name": "c",
                "samples": [
                    {"name": name, "data": data, "modifiers": modifiers}
                    for name, (data, modifiers) in samples.items()
                ],
            }
        ],
        "observations": [{"name": "c", "data": counts}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": list(parameters)}}],
    }


MU = {"name": "mu", "type": "normfactor", "data": None}


@pytest.fixture(scope="module")
def counting():
    """The intervals of mu for any numbers of events, s = 5 and b = 3, mu from 0 to 4."""
    spec = workspace(
        {"b": ([3.0], []), "s": ([5.0], [MU])},
        [1.0],
        [{"name": "mu", "inits": [1.0], "bounds": [[0.0, 4.0]]}],
    )
    structure, templates, _ = from_workspace(spec)
    model = prepare(structure, templates)

    def of(count):
        data = observed(structure, model, jnp.atleast_1d(count))
        return interval(structure, model, data, structure.parameters.poi, Q)

    return jax.jit(partial(jax.lax.map, of))


def test_counting_experiments_have_closed_forms(counting) -> None:
    """q(μ) = 2 [λ - n - n ln(λ / n)], less that of the best fit within the bounds of 0 and 4."""
    counts = np.array([0.0, 1.0, 3.0, 6.0, 12.0, 22.0, 60.0])
    found = counting(jnp.asarray(counts))
    assert found.converged.all()
    for row, n in enumerate(counts):
        best = min(max((n - 3.0) / 5.0, 0.0), 4.0)
        assert float(found.best[row]) == pytest.approx(best, abs=1e-9)

        def q(mu, n=n):
            rate = 3.0 + 5.0 * mu
            return 2.0 * (rate - n * np.log(rate))

        for k, level in enumerate(Q):

            def above(mu, best=best, level=level, q=q):
                return q(mu) - q(best) - level

            lower_bound, upper_bound = above(0.0) <= 0.0, above(4.0) <= 0.0
            assert bool(found.lower_on_bound[row, k]) == lower_bound
            assert bool(found.upper_on_bound[row, k]) == upper_bound
            lower = 0.0 if lower_bound else brentq(above, 0.0, best, xtol=1e-13)
            upper = 4.0 if upper_bound else brentq(above, best, 4.0, xtol=1e-13)
            assert float(found.lower[row, k]) == pytest.approx(lower, abs=1e-7)
            assert float(found.upper[row, k]) == pytest.approx(upper, abs=1e-7)
    # a Poisson mean of 60 beyond the bound: the interval is the bound, or near it
    assert found.fits.max() < 40


def systematics():
    rate = {"name": "rate", "type": "normsys", "data": {"hi": 1.2, "lo": 0.85}}
    shape = {"hi_data": [54.0, 38.0, 21.0], "lo_data": [47.0, 41.0, 17.0]}
    shape = {"name": "shape", "type": "histosys", "data": shape}
    stat = {"name": "stat", "type": "staterror", "data": [3.0, 3.0, 2.5]}
    samples = {
        "background": ([50.0, 40.0, 20.0], [rate, shape, stat]),
        "signal": ([4.0, 10.0, 12.0], [MU]),
    }
    return workspace(samples, [57.0, 46.0, 33.0])


def test_ends_are_where_fits_of_pyhf_cross_the_levels(tmp_path, capsys) -> None:
    path, output = tmp_path / "workspace.json", tmp_path / "interval.json"
    path.write_text(json.dumps(systematics()))
    arguments = ["--parameter", "mu", "--parameter", "shape", "--output", str(output)]
    assert main(["interval", str(path), *arguments]) == 0
    content = json.loads(output.read_text())
    pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer(tolerance=1e-14))
    written = pyhf.Workspace(systematics())
    model = written.model()
    data = written.data(model)
    init, bounds = model.config.suggested_init(), model.config.suggested_bounds()
    best, least = pyhf.infer.mle.fit(data, model, return_fitted_val=True)
    assert content["twice_nll"] == pytest.approx(float(least), abs=1e-7)
    for parameter in content["parameters"]:
        index = model.config.par_order.index(parameter["name"])
        assert parameter["best"] == pytest.approx(best[index], abs=1e-5)
        assert not parameter["minima"]
        low, high = bounds[index]
        fixed = [k == index for k in range(len(init))]

        def q(value, index=index, fixed=fixed):
            start = [value if k == index else x for k, x in enumerate(init)]
            _, held = pyhf.infer.mle.fit(data, model, start, bounds, fixed, return_fitted_val=True)
            return float(held - least)

        for one, level in zip(parameter["intervals"], Q, strict=True):
            assert not one["others"]
            for end, bound in (("lower", low), ("upper", high)):
                if one[f"{end}_on_bound"]:
                    assert one[end] == bound
                    assert q(bound) < level
                    continue
                near = one[end] - 1e-4, one[end] + 1e-4
                crossing = brentq(lambda x, level=level, q=q: q(x) - level, *near, xtol=1e-8)
                assert one[end] == pytest.approx(crossing, abs=1e-6)
    assert main(["inspect", str(output)]) == 0
    assert "shape" in capsys.readouterr().out


def test_other_minima_and_regions_are_found() -> None:
    """Both variations raise the background: pulls of either sign fit, and zero does not."""
    tune = {"hi_data": [125.0, 116.0], "lo_data": [122.0, 122.0]}
    samples = {
        "b": ([100.0, 100.0], [{"name": "tune", "type": "histosys", "data": tune}]),
        "s": ([1.0, 1.0], [MU]),
    }
    spec = workspace(
        samples,
        [125.0, 117.0],
        [{"name": "mu", "inits": [0.0], "bounds": [[0.0, 1.0]], "fixed": True}],
    )
    content = intervals(from_workspace(spec), ["tune"])
    # the same by a scan of the likelihood of this one parameter
    alpha = np.linspace(-5.0, 5.0, 200_001)
    even = np.where(
        np.abs(alpha) < 1, alpha**2 * (15 + alpha**2 * (3 * alpha**2 - 10)), 8 * np.abs(alpha)
    )
    up, down = (np.array(tune[key]) for key in ("hi_data", "lo_data"))
    rate = 100.0 + np.outer(alpha, (up - down) / 2) + np.outer(even, (up + down - 200.0) / 16)
    counts = np.array([125.0, 117.0])
    q = 2 * (rate - counts * np.log(rate)).sum(1) + alpha**2
    q -= q.min()
    (found,) = content["parameters"]
    assert found["best"] == pytest.approx(alpha[q.argmin()], abs=1e-4)
    assert len(found["minima"]) == 1
    assert found["minima"][0] == pytest.approx(alpha[:100_000][q[:100_000].argmin()], abs=0.1)
    for one, level in zip(found["intervals"], Q, strict=True):
        below = np.flatnonzero(np.diff((q < level).astype(int)))
        edges = alpha[below]
        mine = sorted(
            [one["lower"], one["upper"], *(x for each in one["others"] for x in each.values())]
        )
        np.testing.assert_allclose(mine, edges, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--parameter", "jes"], "parameter 'jes' is not in the model; it has"),
        (["--level", "95"], "level 95 is not between 0 and 1"),
        (["--level", "0.9", "--level", "0.9"], "each once"),
    ],
)
def test_wrong_questions_are_refused(arguments, message, tmp_path, capsys) -> None:
    path, output = tmp_path / "workspace.json", tmp_path / "interval.json"
    path.write_text(json.dumps(systematics()))
    assert main(["interval", str(path), *arguments, "--output", str(output)]) == 1
    assert message in capsys.readouterr().err
    assert not output.exists()
