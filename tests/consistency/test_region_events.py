"""The events of a region as scored events: the yields and variations of the histograms."""

import json

import numpy as np
import pytest

from zenith.artefacts import Columns
from zenith.categorisation.region_events import region_events
from zenith.config import Analysis
from zenith.errors import InputError
from zenith.statistics.histograms import fill
from zenith.statistics.selections import Selections

THRESHOLDS = {"btag_1": 0.4}


def test_events_of_a_region_are_those_of_its_histograms(
    toy_analysis: Analysis, toy_columns: dict[str, Columns]
) -> None:
    arrays, attributes = region_events(
        toy_analysis, toy_columns, THRESHOLDS, "signal", ["mtt"], range(5)
    )
    histograms = fill(toy_analysis, toy_columns, Selections.of(toy_analysis, THRESHOLDS))
    edges = np.asarray(toy_analysis.regions["signal"].fit.edges.edges)
    # the first and last bin of the fit take what is outside of the axis
    values = np.clip(arrays["scores"][:, 0], edges[0], np.nextafter(edges[-1], 0.0))
    weights = {"nominal": arrays["weight"]} | {
        name.removeprefix("weight_variations/"): array
        for name, array in arrays.items()
        if name.startswith("weight_variations/")
    }
    assert set(weights) == {"nominal", "pileup_up", "pileup_down"}
    for label, process in enumerate(attributes["label_names"]):
        mine = arrays["label"] == label
        for name, weight in weights.items():
            found, _ = np.histogram(values[mine], edges, weights=weight[mine])
            expected = histograms[f"signal/{process}/{name}"].values()
            np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert [attributes["label_names"][a] for a in attributes["signal_labels"]] == ["signal"]
    sizes = json.loads(attributes["normalisation_uncertainties"])
    assert sizes["xsec_wjets"] == {"wjets": 0.2}
    assert set(sizes["lumi"]) == {"wjets", "ttbar", "signal"}


def test_folds_stand_for_the_whole_luminosity(
    toy_analysis: Analysis, toy_columns: dict[str, Columns]
) -> None:
    arguments = (toy_analysis, toy_columns, THRESHOLDS, "signal", ["mtt", "met"])
    one, _ = region_events(*arguments, [4])
    two, _ = region_events(*arguments, range(4))
    assert one["scores"].shape[1] == 2
    assert len(one["weight"]) == pytest.approx(len(two["weight"]) / 4, rel=0.05)
    assert one["weight"].sum() == pytest.approx(two["weight"].sum(), rel=0.05)


@pytest.mark.parametrize(
    ("region", "scores", "message"),
    [
        ("signl", ["mtt"], "no region 'signl'; there is signal, control"),
        ("signal", ["score"], "no score 'score'; there is mtt, met, btag_1"),
    ],
)
def test_what_is_not_there_is_named(
    toy_analysis: Analysis,
    toy_columns: dict[str, Columns],
    region: str,
    scores: list[str],
    message: str,
) -> None:
    with pytest.raises(InputError, match=message):
        region_events(toy_analysis, toy_columns, THRESHOLDS, region, scores, [0])


def test_a_region_without_events_is_refused(
    toy_analysis: Analysis, toy_columns: dict[str, Columns]
) -> None:
    with pytest.raises(InputError, match="no simulated event passes"):
        region_events(toy_analysis, toy_columns, {"btag_1": 2.0}, "signal", ["mtt"], [0])
