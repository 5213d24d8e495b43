"""CPU time of a skim over that of reading the same branches, and its peak memory as files grow.

    python tests/benchmarks/bench_skim.py [--input NANOAOD] [--sample NAME] [--events N]

The branches that the skim reads are taken from a NanoAOD file (2000 simulated events unless one is
given); events are drawn from it until there are N and 10 N, with momenta moved by a per mille so
that they compress as real ones do. Prints a TSV: events in the file, events kept, CPU seconds of
`uproot.iterate` over these branches and of the skim (medians, imports not counted), their ratio,
and the peak memory of either in MiB. Every row and job has a process of its own.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import awkward as ak
import numpy as np
import uproot

from zenith.config import Analysis, load
from zenith.events import branches, source
from zenith.events.nanoaod import as_events
from zenith.events.runs import WEIGHT
from zenith.events.skim import skim
from zenith.events.writer import BATCH, Writer

COMPRESSION = {"zlib": uproot.ZLIB(1), "lzma": uproot.LZMA(4), "zstd": uproot.ZSTD(1)}


def simulated(folder: str) -> Path:
    """A NanoAOD file of simulated tt̄ events."""
    path = Path(folder) / "simulated.root"
    command = [sys.executable, "-m", "zenith", "simulate", "--sample", "ttbar_semileptonic"]
    for key, value in {"events": 2000, "parts": 1}.items():
        command += ["--set", f"samples.ttbar_semileptonic.simulate.{key}={value}"]
    subprocess.run([*command, "--part", "0", "--output", str(path)], check=True)
    return path


def used(path: str, tree: uproot.TTree, analysis: Analysis, sample: str) -> list[str]:
    """The branches that the skim of a sample reads."""
    era = analysis.eras[analysis.samples[sample].era]
    trigger = analysis.skim.trigger
    wanted = {*branches.kept(tree, analysis, sample, path), *era.event_flags, WEIGHT}
    wanted |= set(trigger.any_of if trigger else ())
    return [name for name in tree.keys() if name in wanted]  # noqa: SIM118


def enlarge(original: Path, path: Path, events: int, args: argparse.Namespace) -> None:
    """Write a file of many events that are drawn from those of another file."""
    rng = np.random.default_rng(1)
    analysis = load(args.config, args.overrides)
    with uproot.open(original) as file:
        tree = file["Events"]
        found = tree.arrays(used(str(original), tree, analysis, args.sample), how=dict)
    nothing = as_events({name: array[:0] for name, array in found.items()})
    with Writer(path, nothing, compression=COMPRESSION[args.compression]) as out:
        for _ in range(0, events, BATCH):
            drawn = rng.integers(0, len(found["run"]), BATCH)
            batch = {name: array[drawn] for name, array in found.items()}
            for name in (name for name in batch if name.endswith("_pt")):
                flat = ak.flatten(batch[name], axis=None).to_numpy()
                flat = flat * rng.normal(1.0, 1e-3, len(flat)).astype(np.float32)
                jagged = batch[name].ndim > 1
                batch[name] = ak.unflatten(flat, ak.num(batch[name])) if jagged else flat
            out.add(as_events(batch))
        out.finish({"run": np.array([1], dtype=np.uint32)})


def measure(job: str, path: str, repeats: int, analysis: Analysis, sample: str) -> dict[str, float]:
    """Do a job a few times; the median of its CPU seconds, and the peak memory in MiB."""
    times, kept = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(repeats + 1):  # the first imports what is imported late
            start = time.process_time()
            if job == "skim":
                steps = skim(path, f"{folder}/skim.root", analysis, sample)["steps"]
                kept = steps[-1]["events"]
            else:
                with source.open_file(path) as file:
                    tree = source.tree(file, path)
                    names = used(path, tree, analysis, sample)
                    for _ in tree.iterate(names, step_size=analysis.skim.chunk):
                        pass
            times.append(time.process_time() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cpu": statistics.median(times[1:]), "kept": kept, "peak": peak}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default="config/zprime.yaml")
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    parser.add_argument("--sample", default="ttbar_semileptonic")
    parser.add_argument("--input", type=Path, help="NanoAOD whose events are repeated")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--compression", choices=COMPRESSION, default="zlib")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--job", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job:
        analysis = load(args.config, args.overrides)
        print(json.dumps(measure(*args.job, args.repeats, analysis, args.sample)))
        return
    print("events\tkept\titerate_s\tskim_s\tratio\titerate_mib\tskim_mib", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        original = args.input or simulated(folder)
        for events in (args.events, 10 * args.events):
            large = Path(folder) / "large.root"
            enlarge(original, large, events, args)
            done = {}
            for job in ("iterate", "skim"):
                command = [sys.executable, __file__, *sys.argv[1:], "--job", job, str(large)]
                output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
                done[job] = json.loads(output)
            times = [done[job]["cpu"] for job in ("iterate", "skim")]
            peaks = [f"{done[job]['peak']:.0f}" for job in ("iterate", "skim")]
            ratio = times[1] / times[0]
            row = [events, done["skim"]["kept"], *(f"{t:.2f}" for t in (*times, ratio)), *peaks]
            print(*row, sep="\t", flush=True)
            print(
                f"claim\tskim, {events} events, {done['skim']['kept']} kept\t{ratio:.2f} x CPU, "
                f"{peaks[1]} MiB\t1.5 x, flat\tbare uproot.iterate",
                flush=True,
            )


if __name__ == "__main__":
    main()
