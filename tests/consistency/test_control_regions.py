"""The control regions of the default analysis stay beside its signal region, where that moves."""

import jax
import numpy as np
import pytest
from makers.default import only

from zenith.artefacts import Columns
from zenith.config import Analysis, load
from zenith.core.selection.cuts import soft_weight
from zenith.events.folds import hash_of
from zenith.statistics.histograms import fill
from zenith.statistics.selections import Selections
from zenith.statistics.thresholds import initial_thresholds, region_cuts

MOVED = {"met": 90.0, "lep_ht": 260.0, "btag_1": 0.7, "toptag": 0.4, "fatjet_1_pt": 550.0}
BESIDE = {"wjets_control": ("btag_1",), "ttbar_control": ("toptag",)}  # what each turns round
UNCUT = {"wjets_control": ("toptag",), "ttbar_control": ()}


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    wanted = ["only_samples=[zprime_2000, wjets]", "plotting.observables=[]"]
    return load("config/zprime.yaml", [*wanted, *only()])


@pytest.fixture(scope="module")
def values() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    scales = {"met": 150, "lep_ht": 400, "fatjet_1_pt": 800, "btag_1": 1, "toptag": 1, "mtt": 2000}
    drawn = {name: rng.uniform(0, 2 * s if s > 1 else 1, 4000) for name, s in scales.items()}
    ones = dict.fromkeys(("n_muon", "n_fatjet", "wjets_vs_ttbar"), np.ones(4000))
    return {name: array.astype(np.float32) for name, array in (drawn | ones).items()}


def expected(region: str, values: dict[str, np.ndarray], thresholds: dict[str, float]) -> int:
    cuts = {n: t for n, t in thresholds.items() if n not in UNCUT[region]}
    passes = np.ones(len(values["met"]), bool)
    for name, threshold in cuts.items():
        above = values[name] > np.float32(threshold)
        passes &= ~above if name in BESIDE[region] else above
    return int(passes.sum())


@pytest.mark.parametrize("region", BESIDE)
def test_histograms_follow_the_thresholds_of_the_signal_region(
    analysis: Analysis, values: dict[str, np.ndarray], region: str
) -> None:
    identity = hash_of(np.arange(4000))
    columns = {s: Columns(values, np.ones(4000), identity) for s in ("zprime_2000", "wjets")}
    initial = {n: t for n, t in initial_thresholds(analysis).items() if n in MOVED}
    counts = []
    for thresholds in (initial, MOVED):
        histograms = fill(analysis, columns, Selections.of(analysis, thresholds))
        found = histograms[f"{region}/wjets/nominal"].sum().value
        counts.append(expected(region, values, thresholds))
        assert found == counts[-1]
    assert 0 < counts[1] < counts[0]


@pytest.mark.parametrize("region", BESIDE)
def test_the_climb_sees_how_they_move(
    analysis: Analysis, values: dict[str, np.ndarray], region: str
) -> None:
    """The soft reading tends to the hard one, and each shared threshold has a derivative."""
    cuts = region_cuts(analysis, region)
    hard = expected(region, values, MOVED)
    soft = soft_weight(cuts, values, {**initial_thresholds(analysis), **MOVED}, 1e-3)
    assert float(soft.sum()) == pytest.approx(hard, rel=0.01)

    def total(thresholds: dict[str, float]) -> jax.Array:
        return soft_weight(cuts, values, thresholds, 1.0).sum()

    gradient = jax.grad(total)({**initial_thresholds(analysis), **MOVED})
    for name in set(MOVED) - set(UNCUT[region]):
        sign = 1 if name in BESIDE[region] else -1
        assert sign * float(gradient[name]) > 0.0, name
