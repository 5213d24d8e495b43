"""Warnings of few simulated events and of intervals on bounds, against numbers by hand."""

import pytest

from zenith.core.likelihood.workspace import from_workspace
from zenith.inference.warnings import warnings

CLEAN = ([400.0, 300.0], [20.0, 15.0])  # 400 effective events in each bin


def workspace(background, other=((60.0, 40.0), (3.0, 2.0))):
    """Processes as yields and errors by the number of simulated events, and a signal without."""

    def sample(name, yields, modifiers):
        return {"name": name, "data": list(yields), "modifiers": modifiers}

    def simulated(name, yields, errors):
        data = list(errors)
        return sample(name, yields, [{"type": "staterror", "name": "stat", "data": data}])

    mu = {"type": "normfactor", "name": "mu", "data": None}
    samples = [
        simulated("big", *background),
        simulated("small", *other),
        sample("signal", [20.0, 50.0], [mu]),
    ]
    parameter = {"name": "mu", "bounds": [[-5.0, 10.0]], "inits": [1.0]}
    return from_workspace(
        {
            "version": "1.0.0",
            "channels": [{"name": "c", "samples": samples}],
            "observations": [{"name": "c", "data": [480.0, 390.0]}],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": [parameter]}}],
        }
    )


def interval(level, lower, upper, lower_on_bound=False, upper_on_bound=False):
    ends = {"level": level, "lower": lower, "upper": upper, "others": []}
    return ends | {"lower_on_bound": lower_on_bound, "upper_on_bound": upper_on_bound}


def of_mu(*found):
    return [{"name": "mu", "best": 1.0, "intervals": list(found), "minima": []}]


WELL = of_mu(interval(0.683, 0.6, 1.4), interval(0.95, 0.2, 1.8))


def test_no_warning_where_all_is_well():
    assert warnings(workspace(CLEAN), WELL) == []


def test_bins_of_few_events_are_counted_and_the_fewest_named():
    """Of all processes together, (400 + 60)² / (150² + 15²) = 9.3; the second bin has 11.4."""
    few = workspace(([400.0, 300.0], [150.0, 100.0]), ([60.0, 40.0], [15.0, 10.0]))
    assert warnings(few, WELL) == [
        "few simulated events: 1 of 2 bins have fewer than 10 effective ones, (Σw)² / Σw² "
        "(c bin 1 with 9.3); simulate more, or merge bins"
    ]


def test_a_process_of_few_events_is_named_though_others_fill_its_bins():
    """(6 + 4)² / (4² + 3²) = 4 events of the small one."""
    few = workspace(CLEAN, ([6.0, 4.0], [4.0, 3.0]))
    assert warnings(few, WELL) == [
        "few simulated events: fewer than 10 effective ones in all bins together of small with "
        "4.0; simulate more"
    ]


@pytest.mark.parametrize(
    ("one", "two", "words"),
    [
        ((0.6, 1.4), (-5.0, 7.0, True), "95 % ends at its range"),
        ((0.6, 10.0, False, True), (-5.0, 10.0, True, True), "68.3 % and 95 % is its whole range"),
    ],
)
def test_an_interval_on_a_bound(one, two, words):
    found = of_mu(interval(0.683, *one), interval(0.95, *two))
    assert warnings(workspace(CLEAN), found) == [
        f"interval of mu at {words}, -5 to 10: the data do not limit it; widen the range, or take "
        "more events"
    ]


def test_a_workspace_that_says_nothing_of_its_simulation_has_no_such_warning():
    unknown = workspace(([4.0, 3.0], [0.0, 0.0]), ([1.0, 1.0], [0.0, 0.0]))
    assert warnings(unknown, WELL) == []
