"""What it is worth to move the head of a network for the profiled significance, on hidden events.

    python tests/benchmarks/head_tuning.py results/vbf_head

Of an analysis with one cut on the score of one network. For each fold, what the climb has made of
the head and of the threshold, with the other folds, stands beside the network as cross-entropy left
it and the threshold that is the best one on all of these other folds. Both then read the fold, of
which neither has seen an event; the error of the difference is that of a bootstrap of its simulated
events, paired. The last line is of all folds together, as the analysis is quoted.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zenith.cli.inputs import read_events, read_selected
from zenith.config import load
from zenith.core.selection.layout import Layout
from zenith.core.selection.objective import Objective, hard_value, stacked
from zenith.optimisation import model
from zenith.optimisation.compare import Row, bootstrap, compare
from zenith.optimisation.selection import Physical
from zenith.statistics.bootstrap import spread

STEP = 0.01  # between thresholds that are tried


def best_threshold(
    start: Physical, name: str, tried: Sequence[float], objective: Objective, events: Layout
) -> Physical:
    """The selection with the threshold of the largest hard significance."""
    found = [{**start, "thresholds": {name: np.float64(t)}} for t in tried]
    values = [float(hard_value(selection, objective, events)) for selection in found]
    return found[int(np.nanargmax(values))]


def run() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    results = parser.parse_args().results
    analysis = load(results / "config.yaml")
    folds, ((name, cut),) = analysis.folds, analysis.tunable_cuts.items()
    low, high = cut.tune or (0.0, 1.0)
    tried = np.linspace(low, high, round((high - low) / STEP) + 1)
    networks = str(results / "mva")
    columns = read_events(analysis, [*map(str, results.glob("columns/*.h5"))], networks)
    climbs = [str(results / f"climb/fold_{k}/selection.json") for k in range(folds.number)]
    moved = read_selected(analysis, columns, networks, climbs)
    objective = model.objective(analysis, quantity="significance")
    cuts, gains = [], []
    for fold, (start, climbed) in enumerate(
        zip(read_selected(analysis, columns, networks), moved, strict=True)
    ):
        given = analysis, columns, start["networks"]
        others, hidden = (model.events(*given, [*of]) for of in (folds.others(fold), [fold]))
        cuts.append(best_threshold(start, name, tried, objective, others))
        both = cuts[-1], climbed
        z = [float(hard_value(selection, objective, hidden)) for selection in both]
        replicas = [
            bootstrap(objective, stacked([hidden]), [selection], analysis.statistics.bootstrap)
            for selection in both
        ]
        gains.append(z[1] - z[0])
        at = [float(selection["thresholds"][name]) for selection in both]
        print(
            f"fold {fold}: {name} {at[0]:.2f}, Z {z[0]:.3f}; head moved, {name} {at[1]:.2f}, "
            f"Z {z[1]:.3f}; difference {gains[-1]:.3f} ± {spread(replicas[1] - replicas[0]):.3f}",
            flush=True,
        )
    print(f"differences: median {np.median(gains):.3f}, mean {np.mean(gains):.3f}")
    rows = {n: Row(analysis, columns, s) for n, s in (("cross-entropy", cuts), ("head", moved))}
    found = compare(rows)
    for row, of in found["expected_significance"].items():
        print(f"all folds, {row}: Z {of['z']:.3f} ± {of['error']:.3f}")
    gain = found["gain"]["head"]
    print(f"difference {gain['difference']:.3f} ± {gain['error']:.3f}")


if __name__ == "__main__":
    run()
