"""Shuffled events per CPU-second from training sets: by blocks, and one by one.

    python tests/benchmarks/bench_training_sets.py [--events N]

Two files of made-up events, 10 features and at most 16 objects of 5 fields each, in lzf. The loader
reads them block by block, as sets that do not fit into memory; beside it, h5py picks the rows of
each mini-batch by index. Prints a TSV: how, events, CPU seconds (the best of three), events per
second. The aim is 500,000 events per CPU-second by blocks.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from zenith.artefacts.training_set import Layout, training_set_writer
from zenith.config import parse
from zenith.config.inputs import TrainingSetFields
from zenith.training.loader import Loader
from zenith.training.sets import opened

FEATURES = [f"x{k}" for k in range(10)]
FIELDS = ["pt", "eta", "phi", "mass", "btag"]
LEADING, BATCH, REPEATS = 16, 512, 3
EVENTS = np.dtype([*((name, "<f4") for name in FEATURES), ("weight", "<f8"), ("label", "<i4")])
OBJECTS = np.dtype([*((name, "<f4") for name in FIELDS), ("valid", "?")])
CONFIG = {
    "name": "benchmark",
    "inputs": {"training_set": {}},
    "mva": {
        "sets": {
            "type": "deep_sets",
            "classes": {"a": ["a"], "b": ["b"]},
            "features": FEATURES,
            "objects": {"jet": {"fields": FIELDS, "leading": LEADING}},
        }
    },
}


def written(path: Path, events: int, label: int) -> str:
    """A set of events of one class, six objects each on average."""
    random = np.random.default_rng(label)
    layouts = {"events": Layout(EVENTS), "jet": Layout(OBJECTS, LEADING)}
    with training_set_writer(path, layouts, {"classes": "a,b"}) as add:
        for start in range(0, events, 50_000):
            size = min(50_000, events - start)
            rows, jets = np.zeros(size, EVENTS), np.zeros((size, LEADING), OBJECTS)
            rows["label"], rows["weight"] = label, 1.0
            jets["valid"] = np.arange(LEADING) < random.poisson(6.0, size)[:, None]
            for name in FEATURES:
                rows[name] = random.normal(size=size)
            for name in FIELDS:
                jets[name][jets["valid"]] = random.normal(size=int(jets["valid"].sum()))
            add({"events": rows, "jet": jets})
    return str(path)


def by_blocks(paths: list[str]) -> int:
    """One epoch of the loader; the number of events."""
    mva = parse(CONFIG).mva["sets"]
    with opened(paths, mva, TrainingSetFields()) as sources:
        loader = Loader(sources, BATCH, seed=1)
        return sum(len(events.label) for events in loader.epoch(0))


def one_by_one(paths: list[str]) -> int:
    """A few mini-batches by the indices of their rows, from one of the files."""
    read = 0
    with h5py.File(paths[0]) as file:
        order = np.random.default_rng(1).permutation(len(file["events"]))
        for start in range(0, 8 * BATCH, BATCH):
            rows = np.sort(order[start : start + BATCH])
            read += len(file["events"][rows])
            _ = file["jet"][rows]
    return read


def best(read: Callable[[list[str]], int], paths: list[str]) -> tuple[int, float]:
    """The number of events, and the least CPU time of several."""
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        events = read(paths)
        times.append(time.process_time() - start)
    return events, min(times)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=400_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        halves = args.events // 2
        paths = [written(Path(folder) / f"{k}.h5", halves, k) for k in (0, 1)]
        size = sum(Path(path).stat().st_size for path in paths) / args.events
        print(f"{size:.0f} bytes per event")
        print("how\tevents\tCPU seconds\tevents/s")
        rates = []
        for how, read in (("by blocks", by_blocks), ("one by one", one_by_one)):
            events, spent = best(read, paths)
            rates.append(events / spent)
            print(f"{how}\t{events}\t{spent:.2f}\t{rates[-1]:,.0f}")
        beside = f"h5py, row by row {rates[1]:,.0f}/s"
        print(f"claim\tshuffled events of a training set\t{rates[0]:,.0f}/s\t500,000/s\t{beside}")


if __name__ == "__main__":
    main()
