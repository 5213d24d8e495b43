"""What the bootstrap with fixed selections leaves out: replicas that learn everything again.

    python tests/benchmarks/retrained_bootstrap.py results/zprime [--replicas 5]

In a replica every simulated event has a Poisson-distributed weight of mean 1. Read with what the
events themselves have taught, it says how the significance fluctuates with the selections fixed,
as the quoted errors do; read with trees, responses and efficient scores that the replica has
taught, how it does when the learning fluctuates as well. A replica holds events several times, so
that what it teaches is worse than what as many different events would: the mean of the significance
is lower, the spread is what counts.
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from zenith.artefacts import Columns
from zenith.artefacts.columns import read_columns, write_columns
from zenith.cli import main
from zenith.cli.efficient_scores import read_scores
from zenith.config import Analysis, load
from zenith.config.efficient_score import SCORE
from zenith.config.variants import summarised
from zenith.core.response.efficient_score import EfficientScore
from zenith.optimisation.compare import quoted_significance
from zenith.optimisation.rivals import in_categories
from zenith.training.scores import add_unseen_scores


def significances(
    analysis: Analysis, columns: Mapping[str, Columns], scores: Sequence[EfficientScore]
) -> dict[str, float]:
    """Of boosted trees in categories and of the efficient score, of all events."""
    of_folds = [{SCORE: score} for score in scores]
    scored = {s: add_unseen_scores(own, of_folds, analysis.folds) for s, own in columns.items()}
    return {
        "trees": quoted_significance(*in_categories(analysis, columns, scores)),
        "efficient_score": quoted_significance(summarised(analysis), scored),
    }


def drawn(columns: Columns, rng: np.random.Generator) -> Columns:
    """A replica of simulated events."""
    number = rng.poisson(1.0, len(columns.weight))
    weights = {name: weight * number for name, weight in columns.weights.items()}
    return replace(columns, weight=columns.weight * number, weights=weights)


def learned(
    analysis: Analysis, config: Path, columns: Mapping[str, Columns], folder: Path
) -> list[EfficientScore]:
    """Everything that the efficient scores of all folds need, from these events, by the steps."""
    assert analysis.summary is not None
    network, common = analysis.summary.network, ["--config", str(config), "--input"]
    for sample, own in columns.items():
        write_columns(folder / f"{sample}.h5", own)
        common.append(str(folder / f"{sample}.h5"))
    paths = []
    for fold in map(str, range(analysis.folds.number)):
        response, output = folder / f"response_{fold}.safetensors", folder / "scores" / fold
        of_fold = folder / "mva" / network / f"fold_{fold}"
        steps = {
            "mva": ["--name", network, "--output", str(of_fold)],
            "response": ["--output", str(response)],
            "efficient_score": [
                *("--networks", str(folder / "mva"), "--responses", str(response)),
                *("--output", str(output)),
            ],
        }
        for step, options in steps.items():
            if main([step, "--fold", fold, *common, *options]):
                raise SystemExit(f"{step} of fold {fold} failed")
        paths.append(str(output / "score.safetensors"))
    return read_scores(analysis, paths)


def run() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--replicas", type=int, default=5)
    args = parser.parse_args()
    config = args.results / "config.yaml"
    analysis = load(config)
    columns = {
        name: read_columns(args.results / "columns" / f"{name}.h5")
        for name in analysis.samples
        if not analysis.is_data(name)
    }
    files = sorted((args.results / "efficient_score").glob("fold_*/score.safetensors"))
    fixed = read_scores(analysis, [str(path) for path in files])
    print("all events", significances(analysis, columns, fixed), flush=True)
    rows = []
    for replica in range(args.replicas):
        rng = np.random.default_rng([analysis.seed, replica])
        events = {name: drawn(own, rng) for name, own in columns.items()}
        with tempfile.TemporaryDirectory() as folder:
            again = learned(analysis, config, events, Path(folder))
        both = [significances(analysis, events, scores) for scores in (fixed, again)]
        print(f"replica {replica}: fixed {both[0]}, learned again {both[1]}", flush=True)
        rows.append([[z["trees"], z["efficient_score"]] for z in both])
    table = np.array(rows)
    gain = table[..., 1] - table[..., 0]
    for what, values in {
        "trees": table[..., 0],
        "efficient score": table[..., 1],
        "gain": gain,
    }.items():
        spreads = ", ".join(
            f"{name} {values[:, i].mean():.3f} ± {values[:, i].std(ddof=1):.3f}"
            for i, name in enumerate(("fixed", "learned again"))
        )
        print(f"{what}: mean and spread of replicas {spreads}")


if __name__ == "__main__":
    run()
