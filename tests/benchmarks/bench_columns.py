"""Events per CPU-second from a skim to columns, without and with the shape variations.

    python tests/benchmarks/bench_columns.py [--input SKIM] [--events N]

The events of a skim (a short simulation unless one is given) are repeated until there are enough
of them. Prints a TSV: shape variations, events, CPU seconds (the best of three) and events per
second. The aim is 100,000 events per second and core without shape variations.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from zenith.config import Analysis, load
from zenith.events import shifts
from zenith.events.columns import make_columns
from zenith.events.formats.writer import Writer
from zenith.events.sample_events import read_skim
from zenith.events.skim import skim
from zenith.simulation.simulate import simulate

SAMPLE = "ttbar_semileptonic"
REPEATS = 3


def simulated(folder: Path, analysis: Analysis) -> Path:
    """The skim of 2000 simulated events."""
    card = analysis.samples[SAMPLE].simulate
    nanoaod, path = folder / "simulated.root", folder / "skim.root"
    simulate(card, events=2000, seed=1, part=0, output=nanoaod, sample=SAMPLE)  # type: ignore[arg-type]
    skim(str(nanoaod), path, analysis, SAMPLE)
    return path


def repeat(original: Path, path: Path, events: int) -> None:
    """Write a skim of at least as many events, those of another one again and again."""
    found = next(read_skim(original, events))
    with Writer(path, found[:0]) as out:
        while out.events < events:
            out.add(found)
        out.finish(
            {
                "run": np.array([1], np.uint32),
                "genEventCount": np.array([out.events]),
                "genEventSumw": np.array([1.0 * out.events]),
            }
        )


def seconds(path: Path, analysis: Analysis) -> tuple[int, float]:
    """The number of events, and the CPU time to make columns of them."""
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        columns = make_columns([path], analysis, SAMPLE)
        times.append(time.process_time() - start)
    return len(columns.weight), min(times)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", type=Path, help="a skim of the sample ttbar_semileptonic")
    parser.add_argument("--events", type=int, default=200_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large.root"
        analysis = load("config/zprime.yaml")
        repeat(args.input or simulated(Path(folder), analysis), large, args.events)
        print("shape variations\tevents\tCPU seconds\tevents/s")
        shapes = [n for n, s in analysis.systematics.items() if s.source == "shape"]
        for overrides in ([f"systematics.{name}=null" for name in shapes], []):
            analysis = load("config/zprime.yaml", overrides)
            events, spent = seconds(large, analysis)
            count = len(shifts.variations(analysis))
            print(f"{count}\t{events}\t{spent:.2f}\t{events / spent:,.0f}")
            wanted = "-" if count else "100,000/s"
            print(f"claim\tcolumns, {count} shape variations\t{events / spent:,.0f}/s\t{wanted}\t-")


if __name__ == "__main__":
    main()
