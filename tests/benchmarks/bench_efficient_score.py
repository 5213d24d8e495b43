"""The efficient score beside boosted trees in categories: the same events, the same trees.

    python tests/benchmarks/bench_efficient_score.py [--events N]

A resonance on two falling backgrounds, with five features that part the three, cross-fitted in
three folds. The normalisation of one background is free, the rate of the other is known to 20 %,
and two weights are uncertain, one of which bends m(tt̄) towards the resonance. What people do:
categories of the trees' signal score with optimal edges, each fitted in twelve bins of m(tt̄).
Beside it the efficient score in 25 bins, its coefficients tuned. Z is pyhf's, with all events, each
read with what other folds have taught; the error of the difference is paired. Times are CPU
seconds.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from zenith.artefacts import Columns
from zenith.config import Analysis, parse
from zenith.config.efficient_score import SCORE
from zenith.config.variants import summarised
from zenith.core.response.efficient_score import EfficientScore
from zenith.events.folds import hash_of
from zenith.optimisation.coefficients import tuned
from zenith.optimisation.compare import Row, compare
from zenith.optimisation.rivals import in_categories
from zenith.training import response
from zenith.training.efficient_score import rebinned, summarise
from zenith.training.examples import examples
from zenith.training.scores import add_unseen_scores
from zenith.training.train import train

FEATURES = ("mtt", "met", "btag_1", "toptag", "lep_ht", "chi2")
# share of the events, expected events, and the means of the features but m(tt̄), of unit width
PROCESSES = {
    "zprime": (0.15, 60.0, (0.8, 0.6, 0.8, 0.5, 0.0)),
    "ttbar": (0.55, 2500.0, (0.0, 0.6, 0.4, 0.0, 0.0)),
    "wjets": (0.30, 2500.0, (0.0, -0.8, -0.4, 0.3, 0.6)),
}
T = TypeVar("T")


def configuration() -> Analysis:
    source = {"files": ["absent.root"], "era": "2016", "cross_section": 1.0}
    signal = "zprime"
    weight = {"type": "weight", "correction": "pileup"}
    corrections = {
        name: {"file": "absent.json", "correction": name, "inputs": ["variation"]}
        for name in ("pileup", "slope")
    }
    fit = {"observable": "mtt", "edges": {"start": 400, "stop": 2800, "bins": 12}}
    return parse(
        {
            "name": "benchmark",
            "module": "zprime",
            "eras": {
                "2016": {
                    "luminosity": 1.0,
                    "luminosity_uncertainties": {"lumi": {"size": 0.02}},
                    "corrections": corrections,
                }
            },
            "processes": {
                name: {"role": "signal" if name == signal else "background", "label": name}
                for name in PROCESSES
            },
            "samples": {name: {"process": name, **source} for name in PROCESSES},
            "skim": {"branches": {"keep": ["HLT_Mu50"]}},
            "objects": {name: {"collection": name} for name in ("Muon", "Jet", "FatJet")},
            "observables": {"mtt": {"label": "m", "edges": [400, 2800]}},
            "regions": {"signal": {"label": "SR", "cuts": ["mtt > 0"], "fit": fit}},
            "systematics": {
                "pileup": weight,
                "slope": {**weight, "correction": "slope"},
                "xsec_wjets": {"type": "normalisation", "processes": ["wjets"], "up": 0.2},
            },
            "statistics": {"free_normalisations": {"ttbar_norm": ["ttbar"]}},
            "mva": {
                "trees": {
                    "type": "boosted_trees",
                    "classes": {name: [name] for name in PROCESSES},
                    "features": list(FEATURES),
                }
            },
            "folds": {"number": 3},
            "summary": {"network": "trees", "bins": 25, "rival": {"categories": 6}},
        }
    )


def columns(events: int) -> dict[str, Columns]:
    """Both weights tilt: one of them with m(tt̄), the other with a feature."""
    random, made = np.random.default_rng(1), {}
    for seed, (name, (share, expected, means)) in enumerate(PROCESSES.items()):
        number = int(share * events)
        mass = 400.0 + random.exponential(350.0, number)
        values = {"mtt": random.normal(1800.0, 200.0, number) if name == "zprime" else mass}
        for feature, mean in zip(FEATURES[1:], means, strict=True):
            values[feature] = random.normal(mean, 1.0, number)
        weight = np.full(number, expected / number)
        tilts = {
            "slope": 0.1 * np.tanh((values["mtt"] - 1000.0) / 800.0) * (name == "ttbar"),
            "pileup": 0.05 * np.tanh(values["met"]),
        }
        made[name] = Columns(
            {key: array.astype(np.float32) for key, array in values.items()},
            weight,
            hash_of(seed, np.arange(number)),
            weights={
                f"{key}_{side}": weight * (1 + sign * tilt)
                for key, tilt in tilts.items()
                for side, sign in (("up", 1), ("down", -1))
            },
        )
    return made


class Clock:
    """CPU seconds by what they were for."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    def __call__(self, what: str, function: Callable[..., T], *arguments: Any, **more: Any) -> T:
        began = time.process_time()
        result = function(*arguments, **more)
        self.spent[what] = self.spent.get(what, 0.0) + time.process_time() - began
        return result


def score_of(
    analysis: Analysis, events: dict[str, Columns], fold: int, clock: Clock
) -> EfficientScore:
    """As the steps make it."""
    mva, summary, folds = analysis.mva["trees"], analysis.summary, analysis.folds
    assert summary is not None
    parts = [
        examples("trees", mva, events, folds, chosen)
        for chosen in (folds.learning(fold), [folds.validation(fold)])
    ]
    trees = clock("trees", train, "trees", mva, *parts, seed=1).network
    found = clock("responses", response.learn_all, analysis, events, summary, mva, fold)
    nominal = response.simulated_events(analysis, events, mva)
    made = clock(
        "projection",
        summarise,
        analysis,
        summary,
        mva,
        trees,
        response.together(mva.features, found),
        {name: one.scale for name, one in found.items()},
        nominal,
        fold,
    )
    score, *_ = clock("tuning", tuned, analysis, events, made.score, fold)
    return rebinned(analysis, summary, score, nominal.of([folds.validation(fold)]))[0]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=60_000)
    arguments = parser.parse_args()
    analysis, events, clock = configuration(), columns(arguments.events), Clock()
    scores = [score_of(analysis, events, f, clock) for f in range(analysis.folds.number)]
    rival = clock("categories", in_categories, analysis, events, scores)
    scored = {
        name: add_unseen_scores(own, [{SCORE: score} for score in scores], analysis.folds)
        for name, own in events.items()
    }
    rows = {"trees": Row.fixed(*rival), "efficient": Row.fixed(summarised(analysis), scored)}
    found = compare(rows)
    for name, row in found["expected_significance"].items():
        print(f"{name:<10} Z {row['z']:.3f} ± {row['error']:.3f}")
    for what, seconds in clock.spent.items():
        print(f"{what:<10} {seconds:6.1f} CPU s")
    gain = found["gain"]["efficient"]
    measured = f"{gain['difference']:.2f} ± {gain['error']:.2f}"
    beside = "boosted trees, 6 categories × 12 bins of m(tt̄)"
    print(f"claim\tZ of the efficient score over trees\t{measured}\t3 errors\t{beside}")
    spent = clock.spent
    ratio = sum(spent.values()) - spent["categories"]
    ratio /= spent["trees"] + spent["categories"]
    print(f"claim\tCPU time of the efficient score\t{ratio:.1f} x\t-\t{beside}")


if __name__ == "__main__":
    main()
