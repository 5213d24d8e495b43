"""Noise teaches nothing, part two: trees, their categories, the efficient score, climbed edges.

Of the features only m(tt̄) knows anything. What is learned from it with noise beside it measures no
better, out of fold, than m(tt̄) itself in fine bins; what has seen its own events does.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from zenith.artefacts import Columns
from zenith.artefacts.comparison import Compared
from zenith.config import Analysis, parse
from zenith.config.efficient_score import SCORE
from zenith.config.variants import in_climbed_categories, summarised
from zenith.core.networks.network import Network
from zenith.core.response.efficient_score import EfficientScore
from zenith.events.folds import hash_of
from zenith.optimisation import ascent, model
from zenith.optimisation.categories import begun
from zenith.optimisation.compare import Row, compare
from zenith.optimisation.rivals import in_categories
from zenith.optimisation.score_categories import begun as begun_by_score
from zenith.optimisation.score_categories import in_bins
from zenith.optimisation.selection import Physical, starts
from zenith.training import response
from zenith.training.efficient_score import summarise
from zenith.training.examples import examples
from zenith.training.scores import add_unseen_scores
from zenith.training.train import train

NOISE = ["sphericity", "aplanarity", "lep_ht", "pt_rel", "chi2", "met", "btag_1", "toptag"]
# Simulated and expected. A quarter of the background leaves bins of categories empty, and few
# events read better than many: categories without information then gain 0.3 σ.
EVENTS = {"zprime": (1800, 60.0), "ttbar": (9600, 2000.0), "wjets": (4800, 1000.0)}
TREES = {
    "type": "boosted_trees",
    "classes": {"signal": ["zprime"], "ttbar": ["ttbar"], "wjets": ["wjets"]},
    "features": ["mtt", *NOISE],
    "trees": 60,
    "patience": 60,
    "leaves": 31,
    "leaf_events": 5,
    "leaf_weight": 1e-3,
}
MTT = {"observable": "mtt", "edges": {"start": 400, "stop": 2800, "bins": 12}}
SUMMARY = {
    "network": "trees",
    "bins": 12,
    "rival": {"categories": 2},
    "responses": {"trees": 10},
}
CATEGORIES = {
    "score": SCORE,
    "number": 2,
    "tune": [0.0, 1.0],
    "width": 0.5,
    "optimise": {"steps": 4, "temperature": [0.2, 0.1], "keep": "last"},
}
WEIGHT = {"type": "weight", "correction": "pileup"}
FOLDS = range(3)


@pytest.fixture(scope="module")
def analyses(toy_configuration: Callable[..., dict[str, Any]]) -> tuple[Analysis, Analysis]:
    """Of m(tt̄) alone, with its summary; and with categories of the trees' score, which move."""
    plain = {"label": "SR", "cuts": ["mtt > 0"], "fit": MTT}
    parts = {"score": "trees:signal", "number": 2, "tune": [0.0, 1.0], "width": 0.05}
    common = {
        "folds": {"number": len(FOLDS)},
        "only_samples": list(EVENTS),
        "systematics": {"pileup": WEIGHT},
        "mva": {"trees": TREES},
        "optimise": {"steps": 4},
        "plotting": {"observables": []},
        "summary": SUMMARY,
        "statistics": {
            "bootstrap": 25,
            "mc_statistics": False,
            "free_normalisations": {"ttbar_norm": ["ttbar"]},
        },
    }
    of_mtt = toy_configuration(**common, regions={"signal": plain}, climbed_categories=CATEGORIES)
    moving = toy_configuration(**common, regions={"signal": {**plain, "categories": parts}})
    return parse(of_mtt), parse(moving)


@pytest.fixture(scope="module")
def columns() -> dict[str, Columns]:
    """Pileup tilts m(tt̄) a little."""
    random, made = np.random.default_rng(11), {}
    for seed, (name, (events, expected)) in enumerate(EVENTS.items()):
        mass = 400.0 + random.exponential(350.0, events)
        values = {"mtt": random.normal(2000.0, 250.0, events) if name == "zprime" else mass}
        values |= {feature: random.normal(size=events) for feature in NOISE}
        weight = np.full(events, expected / events)
        tilt = 0.05 * (values["mtt"] - 1000.0) / 1000.0
        made[name] = Columns(
            {key: array.astype(np.float32) for key, array in values.items()},
            weight,
            hash_of(seed, np.arange(events)),
            weights={"pileup_up": weight * (1 + tilt), "pileup_down": weight * (1 - tilt)},
        )
    return made


class Learned(NamedTuple):
    trees: Network
    score: EfficientScore


def learned(analysis: Analysis, columns: dict[str, Columns], fold: int, *, leak: bool) -> Learned:
    """Trees and efficient score of a fold, as the steps make them; or trees of its own events."""
    folds, mva, summary = analysis.folds, analysis.mva["trees"], analysis.summary
    assert summary is not None
    own = [[fold], [fold]] if leak else [folds.learning(fold), [folds.validation(fold)]]
    parts = [examples("trees", mva, columns, folds, chosen) for chosen in own]
    trees = train("trees", mva, *parts, seed=1).network
    found = response.learn_all(analysis, columns, summary, mva, fold)
    made = summarise(
        analysis,
        summary,
        mva,
        trees,
        response.together(mva.features, found),
        {name: one.scale for name, one in found.items()},
        response.simulated_events(analysis, columns, mva),
        fold,
    )
    return Learned(trees, made.score)


def climbed(analysis: Analysis, columns: dict[str, Columns], trees: Network, fold: int) -> Physical:
    folds, networks = analysis.folds, {"trees": trees}
    start = begun(analysis, columns, networks, fold)
    parts = [folds.learning(fold), [folds.validation(fold)]]
    events = [model.events(analysis, columns, networks, part) for part in parts]
    first, objective = next(starts(analysis, start)), model.objective(analysis)
    return ascent.climb(analysis, objective, *events, first, ascent.optimiser(analysis)).kept


def of_score(
    analysis: Analysis, columns: dict[str, Columns], score: EfficientScore, fold: int
) -> EfficientScore:
    """The score of a fold with its bins the categories that a climb has found."""
    start = begun_by_score(analysis, columns, score, fold)
    seen = [analysis.folds.validation(fold)]
    events = model.events(analysis, start.columns, start.start["networks"], seen)
    objective, transform = model.objective(analysis), ascent.optimiser(analysis)
    climb = ascent.climb(analysis, objective, events, events, start.start, transform)
    return start.settled(analysis, climb.kept, fold)


@pytest.fixture(scope="module")
def compared(analyses: tuple[Analysis, Analysis], columns: dict[str, Columns]) -> Compared:
    of_mtt, moving = analyses
    rows = {"mtt": Row.fixed(of_mtt, columns)}

    def scored(scores: list[EfficientScore]) -> dict[str, Columns]:
        of_folds = [{SCORE: score} for score in scores]
        return {s: add_unseen_scores(own, of_folds, of_mtt.folds) for s, own in columns.items()}

    for leak in (False, True):
        of_folds = [learned(of_mtt, columns, fold, leak=leak) for fold in FOLDS]
        scores = [own.score for own in of_folds]
        after = "_leaking" if leak else ""
        rows[f"trees{after}"] = Row.fixed(*in_categories(of_mtt, columns, scores))
        rows[f"efficient_score{after}"] = Row.fixed(summarised(of_mtt), scored(scores))
        kept = [climbed(moving, columns, own.trees, fold) for fold, own in enumerate(of_folds)]
        rows[f"climb{after}"] = Row(moving, columns, kept)
        parted = in_climbed_categories(of_mtt)
        moved = [of_score(parted, columns, score, fold) for fold, score in enumerate(scores)]
        rows[f"categories{after}"] = Row.fixed(in_bins(parted), scored(moved))
    return compare(rows)


@pytest.mark.parametrize("method", ["trees", "efficient_score", "climb", "categories"])
def test_noise_beside_the_mass_gains_nothing(compared: Compared, method: str) -> None:
    gain = compared["gain"][method]
    assert gain["error"] > 0.0
    assert gain["difference"] <= 2 * gain["error"]


@pytest.mark.parametrize("method", ["trees", "efficient_score", "climb", "categories"])
def test_a_leak_would_be_seen(compared: Compared, method: str) -> None:
    gain, honest = compared["gain"][f"{method}_leaking"], compared["gain"][method]
    assert gain["difference"] > 5 * honest["error"]
