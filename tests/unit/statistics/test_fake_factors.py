"""Fake factors in bins, against lines of numpy, and the pulls of what they predict."""

import numpy as np
import pytest
from makers.fakes import EDGES, FEATURES, leptons, pulls, region, stepped

from zenith.errors import InputError
from zenith.statistics.fake_factors import (
    FIXED,
    LESS,
    MORE,
    NOMINAL,
    Counted,
    bins_of,
    closure,
    components,
    measured,
    require_below,
    require_loose,
    versions,
)

ONE_BIN = (np.array([0.0, 1.0]),)


def of_numbers(
    tight: float, loose: float, prompt_tight: float, prompt_loose: float, at: float = 0.5
) -> Counted:
    """One feature; four events of given weights: data tight and loose, simulation likewise."""
    weight = np.array([tight, loose, -prompt_tight, -prompt_loose])
    x = np.full((1, 4), at, np.float32)
    return Counted(x, weight, np.array([1, 0, 1, 0], bool), np.array([1, 1, 0, 0], bool))


def test_the_factor_is_the_ratio_of_differences_and_varies_with_the_prompt_simulation() -> None:
    events = of_numbers(50.0, 100.0, 20.0, 30.0)
    found = measured(events, versions(events, 0.1, 4, np.random.default_rng(1)), ONE_BIN, "x", "")
    assert found.values[:FIXED, 0] == pytest.approx([30 / 70, 28 / 67, 32 / 73])
    assert (NOMINAL, MORE, LESS) == (0, 1, 2)


def test_events_beyond_an_axis_are_in_its_first_or_last_bin() -> None:
    x = np.array([[-9.0, 30.0, 40.0, 9e9], [0.0, 1.3, 1.2, 9.0]], np.float32)
    assert bins_of(x, EDGES).tolist() == [0, 1, 3, 3]


def test_the_bootstrap_has_the_errors_of_the_counts() -> None:
    """var(F) = (T + F² L + Σw² of the simulation …) / L², of independent sums of weights."""
    rng = np.random.default_rng(5)
    events = region(rng, 3000, 18.0, stepped)
    found = measured(events, versions(events, 0.1, 4000, rng), EDGES, FEATURES, "")
    index = bins_of(events.x, EDGES)
    for bin_ in range(4):
        here = index == bin_
        t, loose = here & events.tight, here & ~events.tight
        total = events.weight[loose].sum()
        factor = events.weight[t].sum() / total
        variance = (events.weight[t] ** 2).sum() + factor**2 * (events.weight[loose] ** 2).sum()
        assert found.values[NOMINAL, bin_] == pytest.approx(factor)
        error = found.values[FIXED:, bin_].std()
        assert error == pytest.approx(np.sqrt(variance) / total, rel=0.04)


def test_nuisance_parameters_have_the_variance_of_the_yield_and_all_of_what_has_their_rank() -> (
    None
):
    rng = np.random.default_rng(2)
    deviations = rng.normal(size=(200, 2)) @ rng.normal(size=(2, 30))
    total = np.arange(30) < 12
    found, kept = components(deviations, total, 1)
    assert (found[0, total].sum()) ** 2 == pytest.approx(deviations[:, total].sum(1).var(ddof=1))
    assert 0.1 < kept < 0.999
    found, kept = components(deviations, total, 3)
    assert found.T @ found == pytest.approx(np.cov(deviations.T))
    assert found[2] == pytest.approx(0.0, abs=1e-6)
    assert kept == pytest.approx(1.0)


def test_pulls_of_the_predicted_yield_are_centred_and_one_wide() -> None:
    found = pulls(
        lambda events, multipliers, toy: measured(events, multipliers, EDGES, FEATURES, ""),
        stepped,
        range(400),
        measured=1500.0,
        replicas=60,
    )
    assert found.mean() == pytest.approx(0.0, abs=0.15)
    assert found.std(ddof=1) == pytest.approx(1.0, abs=0.1)


def test_closure_is_what_is_predicted_beside_what_is_there() -> None:
    rng = np.random.default_rng(8)
    events, other = (region(rng, 4000, scale, stepped) for scale in (18.0, 25.0))
    factor = measured(events, versions(events, 0.1, 50, rng), EDGES, FEATURES, "")
    same = closure(events, factor(events.x), bins_of(events.x, EDGES), 4)
    assert same.predicted == pytest.approx(same.observed)  # where it was measured
    found = closure(other, factor(other.x), bins_of(other.x, EDGES), 4)
    for bin_ in range(4):
        here = bins_of(other.x, EDGES) == bin_
        loose = other.weight[here & ~other.tight]
        assert found.loose[bin_] == pytest.approx(loose.sum())
        rows = factor.values[:, bin_]
        assert found.predicted[bin_] == pytest.approx(loose.sum() * rows[NOMINAL])
        variance = (loose**2).sum() * rows[NOMINAL] ** 2 + loose.sum() ** 2 * rows[FIXED:].var(
            ddof=1
        )
        assert found.predicted_variance[bin_] == pytest.approx(variance)
        tight = other.weight[here & other.tight]
        assert found.observed[bin_] == pytest.approx(tight.sum())
        assert found.observed_variance[bin_] == pytest.approx((tight**2).sum())
    difference = found.predicted - found.observed
    error = np.sqrt(found.predicted_variance + found.observed_variance)
    assert (np.abs(difference / error) < 3.0).all()


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((5.0, 0.0, 0.0, 0.0), "R: 1 loose events of data minus 1 of prompt simulation are 0"),
        ((5.0, 20.0, 0.0, 30.0), "not above 0: check the cross-sections of the prompt samples"),
    ],
)
def test_a_loose_region_with_nothing_left_is_an_error(
    numbers: tuple[float, float, float, float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        require_loose(of_numbers(*numbers), "R")


def test_a_loose_region_without_events_is_an_error() -> None:
    events = of_numbers(5.0, 1.0, 1.0, 1.0)
    with pytest.raises(InputError, match="R: no loose event of data: loosen its cuts"):
        require_loose(events.take(events.tight), "R")


def test_a_bin_with_nothing_left_is_named() -> None:
    rng = np.random.default_rng(1)
    events = region(rng, 500, 18.0, stepped)
    edges = (np.array([25.0, 400.0, 1000.0]), EDGES[1])
    with pytest.raises(InputError, match=r"R: loose data .* in the bin pt 400 to 1000, abs_eta 0"):
        measured(events, versions(events, 0.1, 2, rng), edges, FEATURES, "R")
    less = events._replace(weight=np.where(events.tight & ~events.data, -9.0, events.weight))
    with pytest.raises(
        InputError, match=r"R: tight data minus prompt simulation are -.* events in"
    ):
        measured(less, versions(less, 0.1, 2, rng), EDGES, FEATURES, "R")


def test_a_factor_above_its_maximum_is_an_error() -> None:
    x = leptons(np.random.default_rng(1), 100, 20.0)
    require_below(stepped(*x), 0.26, "samples.fakes")
    with pytest.raises(InputError, match=r"samples.fakes.maximum: the fake factor is up to 0.25"):
        require_below(stepped(*x), 0.2, "samples.fakes")
