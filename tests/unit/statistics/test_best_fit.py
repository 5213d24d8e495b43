"""The quoted fit at its edges: parameters on bounds, empty bins, and what has no error."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from zenith.errors import FitError
from zenith.statistics.best_fit import best_fit, goodness_of_fit
from zenith.statistics.expected import expected_significance
from zenith.statistics.likelihood import Likelihood, numpy_backend
from zenith.statistics.minimiser import minimum

MU = {"type": "normfactor", "name": "mu", "data": None}


def factor(name):
    return {"type": "normfactor", "name": name, "data": None}


def workspace(samples, data, low=0.0, high=10.0):
    """One channel; samples are (yields, modifiers)."""
    listed = [
        {"name": f"s{i}", "data": yields, "modifiers": modifiers}
        for i, (yields, modifiers) in enumerate(samples)
    ]
    parameters = [{"name": "mu", "bounds": [[low, high]]}]
    return {
        "version": "1.0.0",
        "channels": [{"name": "c", "samples": listed}],
        "observations": [{"name": "c", "data": data}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": parameters}}],
    }


def fitted(*arguments, **options):
    with numpy_backend():
        likelihood = Likelihood.of(workspace(*arguments, **options))
        return likelihood, best_fit(likelihood)


def twice_nll(rates, counts):
    """-2 log of Poisson probabilities; rates below zero count as zero."""
    rates, counts = np.maximum(rates, 0.0), np.asarray(counts, float)
    logs = [n * math.log(r) if n else 0.0 for n, r in zip(counts, rates, strict=True)]
    factorials = [math.lgamma(n + 1) for n in counts]
    return 2 * float((rates - logs + factorials).sum())


def test_nothing_seen_puts_the_strength_on_its_bound():
    """2 (b + mu s) is least at the bound: no Hessian there is an error."""
    _, best = fitted([([3.0], [MU]), ([1.5], [])], [0])
    assert best.x.tolist() == [0.0]
    assert best.twice_nll == pytest.approx(3.0, rel=1e-9)
    assert best.at_bound.tolist() == [True]
    assert np.isnan(best.errors).all()
    assert best.missing[0] == "the parameter is on its bound, 0 of 0 to 10"


def test_the_upper_bound_is_one_too():
    _, best = fitted([([1.0], [MU]), ([5.0], [])], [57])
    assert (best.x[0], best.at_bound[0]) == (10.0, True)


def test_errors_of_the_others_are_those_with_the_bound_held():
    """Free background from a control bin: n ± sqrt(n), as if there were no signal bin."""
    likelihood, best = fitted(
        [([4.0, 0.0], [MU]), ([0.0, 100.0], [factor("norm")]), ([2.0, 0.0], [])], [0, 121]
    )
    norm = likelihood.names.index("norm")
    assert best.at_bound.tolist() == [name == "mu" for name in likelihood.names]
    assert best.x[norm] == pytest.approx(1.21, rel=1e-5)
    assert best.errors[norm] == pytest.approx(0.11, rel=1e-3)
    assert best.correlation[norm, norm] == pytest.approx(1.0)
    assert best.correlation[likelihood.poi].tolist() == [0.0, 0.0]


def test_a_minimum_beside_a_bound_keeps_its_error():
    """mu = 0.002 ± 0.05 of 0 to 10: closer than a thousandth of the range, but not on the bound."""
    _, best = fitted([([1e4], [MU]), ([250_000.0], [])], [250_020])
    assert not best.at_bound[0]
    assert best.x[0] == pytest.approx(0.002, abs=5e-5)
    assert best.errors[0] == pytest.approx(0.05, rel=0.1)


def least_twice_nll(signal, background, counts):
    """The minimum in mu from -5 to 10, by a scan that is refined where it is least."""
    s, b = np.array(signal), np.array(background)
    seen = np.array(counts) > 0
    low, high = max((-b / s)[seen], default=-5.0) + 1e-9, 10.0
    low = max(low, -5.0)
    for _ in range(6):
        scan = np.linspace(low, high, 401)
        i = int(np.argmin([twice_nll(b + mu * s, counts) for mu in scan]))
        low, high = scan[max(i - 2, 0)], scan[min(i + 2, 400)]
    return twice_nll(b + scan[i] * s, counts)


yields = st.floats(0.5, 20.0)
some_bins = st.lists(
    st.tuples(yields, yields, st.sampled_from([0, 0, 0, 1, 4, 12])), min_size=1, max_size=6
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(some_bins)
@example([(3.0, 1.5, 0)])
@example([(3.0, 1.5, 0), (2.0, 4.0, 0)])
@example([(3.0, 1.5, 0), (2.0, 4.0, 3), (1.0, 6.0, 5)])
@example([(3.0, 1.5, 0), (2.0, 4.0, 0), (4.0, 6.0, 2)])
def test_rates_below_zero_count_as_zero(bins):
    """The minimum of a scan, where empty bins bend the likelihood or end it."""
    signal, background, counts = (list(column) for column in zip(*bins, strict=True))
    likelihood, best = fitted([(signal, [MU]), (background, [])], counts, low=-5.0)
    least = least_twice_nll(signal, background, counts)
    assert best.twice_nll == pytest.approx(least, rel=1e-6, abs=1e-5)
    seen, s = np.array(counts) > 0, np.array(signal)
    rates = likelihood.rates(best.x)
    if best.at_bound[0]:
        assert best.x[0] in (-5.0, 10.0)
    elif not seen.any():  # any mu below is as good; it is the one where the last rate reaches zero
        assert best.x[0] == pytest.approx(min(-np.array(background) / s), abs=1e-3)
    elif np.isnan(best.errors[0]):
        assert np.abs(rates[~seen]).min() < 1e-2
        assert "rate of zero" in best.reason
    else:
        slopes = (np.array(counts) * s**2 / rates**2)[seen].sum()
        assert best.errors[0] == pytest.approx(slopes**-0.5, rel=0.02)


def test_a_parameter_that_changes_nothing_has_no_error_and_harms_no_fit():
    """pyhf's wrapper of Minuit ends there without a covariance, in an AttributeError."""
    samples = [([5.0, 8.0], [MU]), ([50.0, 60.0], [])]
    _, alone = fitted(samples, [57, 66])
    likelihood, best = fitted([*samples, ([0.0, 0.0], [factor("idle")])], [57, 66])
    poi, idle = likelihood.poi, likelihood.names.index("idle")
    assert best.x[poi] == pytest.approx(alone.x[0], abs=1e-4)
    assert best.errors[poi] == pytest.approx(alone.errors[0], rel=1e-3)
    assert best.missing == {idle: "the likelihood does not depend on the parameter"}
    with numpy_backend():
        assert minimum(likelihood, {poi: 0.0}).x[idle] == 1.0


def test_parameters_that_only_their_product_determines_have_no_errors():
    _, best = fitted([([5.0, 8.0], [MU, factor("other")]), ([50.0, 60.0], [])], [57, 66])
    assert np.prod(best.x) == pytest.approx(25 / 26, rel=1e-3)
    assert np.isnan(best.errors).all()
    assert best.correlation is None
    assert not best.at_bound.any()
    assert "do not determine every parameter" in best.reason


def test_a_fit_that_holds_all_there_is_needs_no_minimiser():
    """One parameter: Z of a counting experiment, arXiv:1007.1727, equation 97."""
    with numpy_backend():
        likelihood = Likelihood.of(workspace([([5.0], [MU]), ([20.0], [])], [27]))
        z = math.sqrt(2 * (25 * math.log(25 / 20) - 5))
        assert expected_significance(likelihood) == pytest.approx(z, rel=1e-6)


@pytest.mark.parametrize("sides", [(54.0, 64.0), (46.0, 55.0)])
def test_equal_variations_are_left_at_their_saddle(sides):
    """Up and down equal: with mu = 0 the likelihood has two minima, and a saddle between them."""
    shape = {"hi_data": list(sides), "lo_data": list(sides)}
    tune = {"type": "histosys", "name": "tune", "data": shape}
    with numpy_backend():
        likelihood = Likelihood.of(
            workspace([([5.0, 8.0], [MU]), ([50.0, 60.0], [tune])], [57, 66])
        )
        truth = likelihood.nominal
        asimov = likelihood.with_asimov(truth)
        held = minimum(asimov, {likelihood.poi: 0.0})
        alphas = np.linspace(-3.0, 3.0, 1201)
        points = np.repeat(truth[None], len(alphas), 0)
        points[:, likelihood.poi] = 0.0
        points[:, likelihood.names.index("tune")] = alphas
        assert held.twice_nll <= min(asimov.twice_nll(x) for x in points) + 1e-6


def test_goodness_of_fit_needs_degrees_of_freedom():
    likelihood, best = fitted([([5.0], [MU]), ([20.0], [])], [27])
    with numpy_backend():
        assert goodness_of_fit(likelihood, best.twice_nll) is None


def test_an_impossible_fit_is_still_an_error():
    """Counts where the model expects nothing, whatever its parameters."""
    with pytest.raises(FitError, match="did not converge"):
        fitted([([5.0, 0.0], [MU]), ([20.0, 0.0], [])], [27, math.inf])
