"""Noise teaches nothing: no event is judged by what it taught."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from zenith.artefacts import Columns
from zenith.config import Analysis, parse
from zenith.core.networks.network import Network
from zenith.events.folds import hash_of
from zenith.optimisation import ascent, model
from zenith.optimisation.compare import Row, compare
from zenith.optimisation.selection import Physical, configured, physical
from zenith.training.examples import examples
from zenith.training.train import train

NOISE = ["sphericity", "aplanarity", "st", "lep_ht", "pt_rel", "chi2", "met", "btag_1", "toptag"]
EVENTS = {"zprime": (400, 30.0), "ttbar": (400, 1000.0), "wjets": (400, 500.0)}
ANYTHING = -1.0  # a score is above


@pytest.fixture(scope="module")
def analysis(toy_configuration: Callable[..., dict[str, Any]]) -> Analysis:
    cut = {"cut": "net > 0.3", "tune": [0.0, 0.9], "width": 0.1}
    fit = {"observable": "mtt", "edges": [400, 800, 1600, 2800]}
    classes = {"background": ["wjets", "ttbar"], "signal": ["zprime"]}
    network = {"classes": classes, "features": NOISE, "hidden": [64], "batch": 32}
    return parse(
        toy_configuration(
            folds={"number": 3},
            only_samples=list(EVENTS),
            regions={"signal": {"label": "SR", "cuts": [cut], "fit": fit}},
            systematics={},
            mva={"net": {**network, "epochs": 80, "patience": 80, "learning_rate": 0.02}},
            statistics={"bootstrap": 40, "mc_statistics": False},
            optimise={"steps": 8},
            plotting={"observables": []},
        )
    )


@pytest.fixture(scope="module")
def columns() -> dict[str, Columns]:
    random, made = np.random.default_rng(7), {}
    for seed, (name, (events, expected)) in enumerate(EVENTS.items()):
        mass = 400.0 + random.exponential(350.0, events)
        values = {"mtt": random.normal(2000.0, 300.0, events) if name == "zprime" else mass}
        values |= {feature: random.normal(size=events) for feature in NOISE}
        made[name] = Columns(
            {key: array.astype(np.float32) for key, array in values.items()},
            np.full(events, expected / events),
            hash_of(seed, np.arange(events)),
        )
    return made


def trained(
    analysis: Analysis, columns: dict[str, Columns], learning: list[int], validation: list[int]
) -> Network:
    mva, folds = analysis.mva["net"], analysis.folds
    parts = [examples("net", mva, columns, folds, which) for which in (learning, validation)]
    return train("net", mva, *parts, seed=1).network


def climbed(analysis: Analysis, columns: dict[str, Columns], fold: int) -> Physical:
    """Network and threshold of a fold, from the others, as the steps of the workflow find them."""
    folds = analysis.folds
    learning, validation = folds.learning(fold), [folds.validation(fold)]
    networks = {"net": trained(analysis, columns, list(learning), validation)}
    objective = model.objective(analysis)
    events = [model.events(analysis, columns, networks, part) for part in (learning, validation)]
    start = configured(analysis, networks)
    return ascent.climb(analysis, objective, *events, start, ascent.optimiser(analysis)).kept


def test_noise_gains_nothing(analysis: Analysis, columns: dict[str, Columns]) -> None:
    """Out of fold nothing is above the fit without the network; a network that saw them all is."""
    honest = [climbed(analysis, columns, fold) for fold in range(3)]
    everything = {"net": trained(analysis, columns, [0, 1, 2], [0, 1, 2])}
    selections = {
        "without": [{**kept, "thresholds": {"net": np.float64(ANYTHING)}} for kept in honest],
        "climb": honest,
        "leaking": [physical(analysis, {"net": 0.5}, everything)] * 3,
    }
    rows = {name: Row(analysis, columns, chosen) for name, chosen in selections.items()}
    gain = compare(rows)["gain"]
    assert gain["climb"]["difference"] <= 2 * gain["climb"]["error"]
    assert gain["leaking"]["difference"] > 5 * gain["climb"]["error"] > 0.0
