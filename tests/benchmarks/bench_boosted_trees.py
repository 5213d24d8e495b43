"""Boosted trees in JAX beside LightGBM's own, on the same trees and events.

    python tests/benchmarks/bench_boosted_trees.py [--events N] [--trees N] [--leaves N]

Eighteen features, two classes. Both predict in one process; JAX takes columns as Zenith has them,
features first, LightGBM takes rows, which it reads faster, with one thread and with two. Times are
the best of five calls. The training is that of the step `mva`, with its calibration.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import lightgbm
import numpy as np

from zenith.config.networks.boosted_trees import BoostedTreesSettings
from zenith.training.boosted_trees import taken_over
from zenith.training.examples import Examples
from zenith.training.train import train

FEATURES = tuple(f"x{k}" for k in range(18))


def examples(events: int, seed: int) -> Examples:
    """Two classes whose features differ a little each."""
    random = np.random.default_rng(seed)
    label = random.integers(0, 2, events).astype(np.int32)
    x = random.standard_normal((len(FEATURES), events), np.float32)
    x += np.linspace(0.0, 0.3, len(FEATURES), dtype=np.float32)[:, None] * label
    return Examples(x, label, random.exponential(1.0, events))


def best(call: Callable[[], Any]) -> tuple[float, float]:
    """Wall and CPU seconds of the quickest of five calls."""
    times = []
    for _ in range(5):
        start = time.perf_counter(), time.process_time()
        call()
        times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=220_000)
    parser.add_argument("--trees", type=int, default=200)
    parser.add_argument("--leaves", type=int, default=31)
    args = parser.parse_args()
    shape = f"{args.events} events, {args.trees} trees of {args.leaves} leaves"
    mva = BoostedTreesSettings.model_validate(
        {
            "type": "boosted_trees",
            "classes": {"a": ["a"], "b": ["b"]},
            "features": FEATURES,
            "trees": args.trees,
            "leaves": args.leaves,
        }
    )
    training = examples(45_000, 1)
    options = {"objective": "binary", "num_leaves": args.leaves, "verbose": -1, "num_threads": 1}
    data = lightgbm.Dataset(training.x.T, training.label)
    booster = lightgbm.train(options | {"use_missing": False}, data, args.trees)
    dump = [tree["tree_structure"] for tree in booster.dump_model()["tree_info"]]
    network = taken_over(mva.create(jax.random.key(0)), dump)
    events = examples(args.events, 2).x
    rows, columns = np.ascontiguousarray(events.T), jnp.asarray(events)
    expected = booster.predict(rows, raw_score=True)
    found = np.asarray(network.logits(columns), float)[0]
    print(f"{shape}: largest difference of the logits {np.abs(found - expected).max():.1e}")
    wall, cpu = best(lambda: network.logits(columns).block_until_ready())
    print(f"{'JAX':20} {wall:6.2f} s {cpu:6.2f} CPU s")
    others = []
    for threads in (1, 2):
        other = best(lambda threads=threads: booster.predict(rows, num_threads=threads))
        print(f"{f'LightGBM, threads: {threads}':20} {other[0]:6.2f} s {other[1]:6.2f} CPU s")
        others.append(other)
    quickest = min(others)[0]
    beside = f"LightGBM {lightgbm.__version__}, {quickest:.2f} s"
    print(f"claim\t{shape}: time of JAX / LightGBM\t{wall / quickest:.2f}\tat most 0.7\t{beside}")
    validation = examples(15_000, 3)
    start = time.process_time()
    kept = train("bench", mva, training, validation, seed=1).best_epoch
    cpu = time.process_time() - start
    print(f"claim\ttraining of {kept} trees on 45000 events, CPU s\t{cpu:.1f}\tat most 3\t")


if __name__ == "__main__":
    main()
