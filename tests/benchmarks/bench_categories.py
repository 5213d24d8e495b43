"""What categories reach and what they cost, beside the exact method and gato-hep.

    python tests/benchmarks/bench_categories.py [--seeds N] [--bins K …]

Four tables, then claims:

- one score, 400,000 events: Z of the exact method, and what the gradient misses at worst;
- three classes, 1,200,000 events: trained on a tenth, Z on the other nine tenths. Every seed draws
  another tenth, and other starts;
- what no regions can exceed: cells of another toy in whichever category they are worth most;
- CPU seconds of a step, on cells and on all events.

gato-hep (arXiv:2601.07756) runs on the same events where it is installed (the extra `gato`). Else
its figures are quoted as they were measured on its own toys: what it misses of the exact optimum
for one score; 0.15 CPU s of a step with 400,000 events and 10 bins, 0.48 with 120,000 events in 10
categories; Z of three classes of 0.573 and 0.614 in 5 and 10 categories.
"""

import argparse
import time
from importlib.util import find_spec

import jax
import jax.numpy as jnp
import numpy as np

from zenith.categorisation import categorise as steps
from zenith.categorisation.ascent import climb
from zenith.categorisation.many_scores import FINER
from zenith.categorisation.one_score import position
from zenith.categorisation.scored import Scored, report
from zenith.categorisation.starts import mixture_starts
from zenith.core.categories.cells import Cells
from zenith.core.categories.clustering import partition
from zenith.core.categories.counting import Counting, Requirements
from zenith.core.categories.exact import Spectrum
from zenith.core.categories.task import Task
from zenith.core.categories.yields import Tallied
from zenith.core.selection.memberships import Categories, Edges, Mixture
from zenith.simulation.toys import toy

MEASURED = find_spec("gatohep") is not None
QUOTED = "gato-hep, quoted"
BESIDE = "gato-hep, this run" if MEASURED else QUOTED
GATO_MISSES = {2: "-", 3: "0.1 to 0.3 %", 5: "0.6 %", 10: "0.6 to 1.4 %", 20: "4.2 %"}
GATO_STEP = {"one score, 10 bins": 0.15, "three classes, 10 categories": 0.48}
GATO_THREE = {5: 0.573, 10: 0.614}
FLOOR = Task(Counting(), Requirements(5.0))


def claim(what: str, measured: str, wanted: str, beside: str) -> None:
    print(f"claim\t{what}\t{measured}\t{wanted}\t{beside}", flush=True)


def scored(name: str, seed: int, fraction: float = 1.0) -> Scored:
    """A toy as the command line reads it."""
    made = toy(name, seed, fraction)
    return Scored(
        made.scores.astype(float), made.weight, made.label, tuple(made.signal_labels), name
    )


def sound(result: steps.Result, task: Task) -> bool:
    """Whether no category is empty and all meet what is required."""
    found = result.report
    return bool(
        min(found["events"]) > 0
        and min(found["yields"]["background"]) >= task.requirements.background
    )


def one_score(events: Scored, bins: list[int], seeds: int, peer_steps: dict[str, float]) -> bool:
    """The table of the gradient against the exact method. Whether all results are sound."""
    print("bins\tfloor\texact_z\tworst_z\tmissing_percent\tgato_hep\texact_cpu_s\tcpu_s")
    fine = True
    for number in bins:
        missing, peer = [], GATO_MISSES.get(number, "-")
        if MEASURED:
            peer = gato_misses(events, number, seeds, peer_steps)
        for floor in (1.0, 5.0):
            task = Task(Counting(), Requirements(floor))
            began = time.process_time()
            exact = steps.categorise(events, number, task, "exact").report["z"]
            middle = time.process_time()
            found = [
                steps.categorise(events, number, task, "gradient", steps.Settings(seed=s))
                for s in range(seeds)
            ]
            each = (time.process_time() - middle) / seeds
            worst = min(result.report["z"] for result in found)
            missing.append(100 * (1 - worst / exact))
            fine &= all(sound(result, task) for result in found)
            print(
                f"{number}\t{floor:g}\t{exact:.5f}\t{worst:.5f}\t{missing[-1]:.3f}\t"
                f"{peer}\t{middle - began:.2f}\t{each:.2f}",
                flush=True,
            )
            if number == max(bins) and floor == 1:
                claim(
                    f"exact method, {len(events.label)} events, {number} bins",
                    f"{middle - began:.1f} CPU s",
                    "10 s",
                    "-",
                )
        claim(
            f"gradient, {number} bins of one score, worst of {seeds} seeds and 2 floors",
            f"{max(missing):.3f} % below the exact method",
            "0.2 %",
            f"{BESIDE}: {peer}",
        )
    return fine


def gato_misses(events: Scored, number: int, seeds: int, peer_steps: dict[str, float]) -> str:
    """What gato-hep misses of the exact optimum, best and worst seed.

    It is given no floor: the exact method is asked for the lowest background of its bins. A bin
    without background is merged with the one on its left.
    """
    from peer_gato import edges

    missing = []
    for seed in range(seeds):
        found, seconds = edges(events, number, seed)
        while True:
            category = np.searchsorted(found, events.scores[:, 0], side="right")
            peer = report(category, len(found) + 1, events, Task(Counting()))
            background = np.asarray(peer["yields"]["background"])
            if background.min() > 0:
                break
            found = np.delete(found, max(int(background.argmin()) - 1, 0))
        floor = Task(Counting(), Requirements(float(background.min())))
        best = steps.categorise(events, number, floor, "exact").report
        missing.append(100 * (1 - peer["z"] / best["z"]))
        if number == 10:
            peer_steps["one score, 10 bins"] = seconds
    return f"{min(missing):.2f} to {max(missing):.2f} %"


def step_cost(starts: Categories, cells: Cells, temperature: tuple[float, float]) -> float:
    """CPU seconds of a step: of a long climb, less those of a short one, compiled before."""
    length, more = 5, 20 if cells.x.shape[1] > 50_000 else 200
    times = {}
    for count in (length, length + more):
        settings = steps.Settings(steps=count)
        for _ in range(2):
            began = time.process_time()
            jax.block_until_ready(
                climb(starts, cells, Task(Counting(), Requirements(1.0)), settings, temperature)
            )
            times[count] = time.process_time() - began
    return (times[length + more] - times[length]) / more


def costs(one: Scored, three: Scored, peer_steps: dict[str, float]) -> None:
    """The table of CPU seconds of a step of one start, on cells and on all events."""
    print("\nstep\tevents\tcells\tcpu_s\tgato_hep_cpu_s\tratio")
    spectrum = Spectrum.of(one.scores[:, 0], Tallied.of(one.weight, one.signal))
    place = position(spectrum)
    edges = Edges.at(np.linspace(0, 1, 11)[1:-1])
    x, tallied = three.scores[:, :2].T, Tallied.of(three.weight, three.signal)
    few = steps.Settings().cells
    first = mixture_starts(Cells.of(x, tallied, few), 10, 1, 0, FLOOR)
    start = Mixture.of(*first[0])
    settings = steps.Settings()
    for name, events, begin, small, large, temperature in (
        (
            "one score, 10 bins",
            one,
            edges,
            Cells.along(spectrum, place, few),
            Cells.along(spectrum, place, len(place)),
            settings.edges_temperature,
        ),
        (
            "three classes, 10 categories",
            three,
            start,
            Cells.of(x, tallied, FINER * few),
            Cells.of(x, tallied, len(three.label)),
            settings.mixture_temperature,
        ),
    ):
        stacked = jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], begin)
        for cells in (small, large):
            cost, peer = step_cost(stacked, cells, temperature), peer_steps[name]
            number = cells.x.shape[1]
            print(
                f"{name}\t{len(events.label)}\t{number}\t{cost:.5f}\t{peer:.3f}\t{peer / cost:.1f}",
                flush=True,
            )
            kind = "as in a climb, on cells" if cells is small else "on all events"
            claim(
                f"step, {name}, {len(events.label)} events, {kind}",
                f"{cost:.4f} CPU s, {peer / cost:.0f} x fewer",
                "10 x fewer" if cells is small else "-",
                f"{BESIDE if peer != GATO_STEP[name] else QUOTED}: {peer:.2f} CPU s",
            )


def part(events: Scored, which: np.ndarray) -> Scored:
    """Some of the events, at the luminosity of all: weights are scaled label by label."""
    weight = events.weight[which].copy()
    for label in np.unique(events.label):
        mine = events.label[which] == label
        weight[mine] *= events.weight[events.label == label].sum() / weight[mine].sum()
    return Scored(events.scores[which], weight, events.label[which], events.signal_labels)


def argmax(events: Scored, bins: int) -> float:
    """Z of equal bins of each signal's score, from 0.33 to 1, where it is the largest."""
    largest = events.scores.argmax(axis=1)
    each = []
    for a, label in enumerate(events.signal_labels):
        mine, signal = largest == a, events.label == label
        s, b = (
            np.histogram(events.scores[m, a], bins, (0.33, 1.0), weights=events.weight[m])[0]
            for m in (mine & signal, mine & ~signal)
        )
        each.append(np.sum(2 * ((s + b) * np.log1p(s / b) - s)))
    return float(np.prod(each) ** 0.25)


def three_classes(events: Scored, seeds: int, peer_steps: dict[str, float]) -> bool:
    """The table of Z on events that were not trained on. Whether all results are sound."""
    print("\ncategories\tseed\tfound\ttrain_z\ttest_z\tgato_hep_z\tratio\targmax_z\tcpu_s")
    fine = True
    for number, steps_of_argmax in ((5, 2), (10, 5)):
        ours, peers, seconds = [], [], []
        for seed in range(seeds):
            tenth = np.random.default_rng(seed).random(len(events.label)) < 0.1
            train, test = part(events, tenth), part(events, ~tenth)
            began = time.process_time()
            result = steps.categorise(train, number, FLOOR, settings=steps.Settings(seed=seed))
            seconds.append(time.process_time() - began)
            fine &= sound(result, FLOOR)
            count = len(result.report["events"])
            ours.append(report(result.category(test), count, test, FLOOR)["z"])
            peer = GATO_THREE[number]
            if MEASURED:
                from peer_gato import categories

                category, step = categories(train, test, number, seed)
                peer = report(category, number, test, FLOOR)["z"]
                peer_steps[f"three classes, {number} categories"] = step
            peers.append(peer)
            print(
                f"{number}\t{seed}\t{count}\t{result.report['z']:.4f}\t{ours[-1]:.4f}\t{peer:.4f}\t"
                f"{ours[-1] / peer:.3f}\t{argmax(test, steps_of_argmax):.4f}\t{seconds[-1]:.1f}",
                flush=True,
            )
        claim(
            f"three classes, {number} categories, Z on unseen events, {seeds} seeds",
            f"worst {min(ours):.4f}, median {np.median(ours):.4f}",
            f"{np.median(peers):.3f}",
            f"{BESIDE}: worst {min(peers):.4f}, median {np.median(peers):.4f}",
        )
        claim(
            f"three classes, {number} categories, 120,000 events trained on",
            f"{max(seconds):.0f} CPU s",
            "60 s",
            "-",
        )
    return fine


def limits() -> None:
    """The table of what cells reach that each are in the category that suits them best."""
    print("\ncategories\tfloor\tz_of_free_cells")
    events = scored("three_classes", 7, 2.0)
    cells = Cells.of(events.scores[:, :2].T, Tallied.of(events.weight, events.signal), 4096)
    keys = jax.random.split(jax.random.key(0), 16)
    for number in GATO_THREE:
        for task in (Task(Counting()), FLOOR):
            found = jax.vmap(
                lambda key, n=number, t=task: partition(cells.sums, key, n, cells.tally, t)
            )(keys)
            best = float(found.merit.max())
            print(f"{number}\t{task.requirements.background:g}\t{best:.4f}", flush=True)
        claim(
            f"three classes, {number} categories, Z of the best partition of cells",
            f"{best:.4f}",
            "-",
            "no regions exceed it but by chance",
        )


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--bins", type=int, nargs="+", default=[2, 3, 5, 10, 20])
    args = parser.parse_args()
    one = scored("one_score", 1)
    peer_steps = dict(GATO_STEP)
    fine = one_score(one, args.bins, args.seeds, peer_steps)
    three = scored("three_classes", 42)
    fine &= three_classes(three, args.seeds, peer_steps)
    limits()
    tenth = np.random.default_rng(0).random(len(three.label)) < 0.1
    costs(one, part(three, tenth), peer_steps)
    claim("categories: none empty, none below its floor", "yes" if fine else "NO", "yes", "-")


if __name__ == "__main__":
    main()
