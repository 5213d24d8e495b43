"""What categories reach and what they cost: the gradient, the exact method, and gato-hep's figures.

`python tests/benchmarks/bench_categories.py [--quick]` prints three TSV tables:

- one score, 400,000 events: Z of the exact method, the worst of five seeds of the gradient, and
  what it misses; gato-hep's was measured to miss 0.1 to 0.3 % (3 bins), 0.6 % (5), 0.6 to 1.4 %
  (10) and 4.2 % (20);
- CPU seconds of a step, and of the exact method;
- three classes: trained on a tenth of the events, Z on the other nine tenths, at 5 and 10
  categories, beside gato-hep's 0.573 and 0.614 and the argmax's 0.380 and 0.466.

gato-hep is not run here: its figures are quoted. `--quick` takes fewer bins and seeds.
"""

import argparse
import time

import jax
import jax.numpy as jnp
import numpy as np

from zenith.core.binning import Spectrum
from zenith.core.categories import Categories, Edges, Mixture
from zenith.core.cells import Cells
from zenith.core.counting import Counting, Requirements
from zenith.core.tally import Tallied
from zenith.events.toys import toy
from zenith.learning import categorise as steps
from zenith.learning.bins import position
from zenith.learning.climb import climb
from zenith.learning.scored import Scored, report
from zenith.learning.starts import mixture_starts

GATO_STEP = {"one score, 10 bins": 0.15, "three classes, 10 categories": 0.48}
GATO_THREE = {5: 0.573, 10: 0.614}
ARGMAX_THREE = {5: 0.380, 10: 0.466}


def scored(name: str, seed: int) -> Scored:
    """A toy as the command line reads it."""
    made = toy(name, seed)
    return Scored(
        made.scores.astype(float), made.weight, made.label, tuple(made.signal_labels), name
    )


def one_score(events: Scored, bins: list[int], seeds: int) -> None:
    """Print the table of the gradient against the exact method."""
    print("bins\tfloor\texact_z\tworst_z\tmissing_percent\tlowest_background\texact_cpu_s\tcpu_s")
    for number in bins:
        for floor in (1.0, 5.0):
            need = Requirements(floor)
            began = time.process_time()
            exact = steps.categorise(events, number, need, Counting(), "exact").report["z"]
            middle = time.process_time()
            found = [
                steps.categorise(
                    events, number, need, Counting(), "gradient", steps.Settings(seed=seed)
                ).report
                for seed in range(seeds)
            ]
            each = (time.process_time() - middle) / seeds
            worst = min(result["z"] for result in found)
            lowest = min(result["yields"]["background"].min() for result in found)
            print(
                f"{number}\t{floor:g}\t{exact:.5f}\t{worst:.5f}\t{100 * (1 - worst / exact):.3f}\t"
                f"{lowest:.3f}\t{middle - began:.2f}\t{each:.2f}",
                flush=True,
            )


def step_cost(starts: Categories, cells: Cells, temperature: tuple[float, float]) -> float:
    """CPU seconds of a step: of a long climb, less those of a short one, compiled before."""
    times = {}
    for length in (10, 210):
        settings = steps.Settings(steps=length)
        for _ in range(2):
            began = time.process_time()
            jax.block_until_ready(
                climb(starts, cells, Counting(), Requirements(1.0), settings, temperature)
            )
            times[length] = time.process_time() - began
    return (times[210] - times[10]) / 200


def costs(one: Scored, three: Scored) -> None:
    """Print the table of CPU seconds of a step, on cells and on all events."""
    print("\nstep\tcells\tcpu_s\tgato_hep_cpu_s\tratio")
    spectrum = Spectrum.of(one.scores[:, 0], Tallied.of(one.weight, one.signal))
    place = position(spectrum)
    edges = jax.tree.map(lambda leaf: leaf[None], Edges.at(np.linspace(0, 1, 11)[1:-1]))
    x = three.scores[:, :2].T
    for cells in (4096, 1 << 20):
        rows = {"one score, 10 bins": (edges, Cells.along(spectrum, place, cells), (0.03, 0.001))}
        small = Cells.of(x, Tallied.of(three.weight, three.signal), cells)
        start = Mixture.of(*mixture_starts(small, 10, 1, 0, Counting(), Requirements(5.0))[0])
        start = jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], start)
        rows["three classes, 10 categories"] = (start, small, (1.0, 0.05))
        for name, (starts, inside, temperature) in rows.items():
            cost = step_cost(starts, inside, temperature)
            print(
                f"{name}\t{inside.x.shape[1]}\t{cost:.5f}\t{GATO_STEP[name]}\t"
                f"{GATO_STEP[name] / cost:.1f}",
                flush=True,
            )


def part(events: Scored, which: np.ndarray) -> Scored:
    """Some of the events, at the luminosity of all: weights are scaled label by label."""
    weight = events.weight[which].copy()
    for label in np.unique(events.label):
        mine = events.label[which] == label
        weight[mine] *= events.weight[events.label == label].sum() / weight[mine].sum()
    return Scored(events.scores[which], weight, events.label[which], events.signal_labels)


def three_classes(train: Scored, test: Scored, seeds: int) -> None:
    """Print the table of Z on events that were not trained on."""
    print("\ncategories\tseed\tfound\ttrain_z\ttest_z\tgato_hep_z\tratio\targmax_z\tcpu_s")
    need = Requirements(5.0)
    for number in (5, 10):
        for seed in range(seeds):
            began = time.process_time()
            result = steps.categorise(
                train, number, need, Counting(), settings=steps.Settings(seed=seed)
            )
            cpu = time.process_time() - began
            count = len(result.report["events"])
            unseen = report(result.category(test), count, test, Counting(), need)
            print(
                f"{number}\t{seed}\t{count}\t{result.report['z']:.4f}\t{unseen['z']:.4f}\t"
                f"{GATO_THREE[number]}\t{unseen['z'] / GATO_THREE[number]:.3f}\t"
                f"{ARGMAX_THREE[number]}\t{cpu:.1f}",
                flush=True,
            )


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    one = scored("one_score", 1)
    one_score(one, [3, 10] if quick else [2, 3, 5, 10, 20], 1 if quick else 5)
    three = scored("three_classes", 42)
    tenth = np.random.default_rng(0).random(len(three.label)) < 0.1
    train, test = part(three, tenth), part(three, ~tenth)
    costs(one, train)
    three_classes(train, test, 1 if quick else 3)


if __name__ == "__main__":
    main()
