"""CPU time of a skim over that of reading the same branches, and its peak memory as files grow.

    python tests/benchmarks/bench_skim.py [--input NANOAOD] [--sample NAME] [--events N]

What a skim costs depends on how the file is compressed and on how much of it is kept and must be
written. Four cases: zlib, quick to read (what Zenith simulates, and much of what groups make
themselves), and LZMA (CMS's own NanoAOD); simulated events with boosted tops, of which most are
kept, and the same drawn so that 3 % are, as of an inclusive sample. All are simulation: many of the
events that are lost are tried under three shape variations, which those of data are not. The first
is the hardest to write, and is also made ten times as large.

The branches that the skim reads are taken from a NanoAOD file (2000 simulated tt̄ events unless one
is given). Events are drawn from it, and all that is not a whole number is moved by a per mille:
values that come again would compress as those of no real file do. Prints a TSV: events in the file,
the share that is kept, CPU seconds of `uproot.iterate` over these branches, of writing the kept
events by uproot from memory, and of the skim (medians, imports not counted), the ratio of skim to
iterate, the same of reading and writing alone (what no skim can be quicker than), and the peak
memory of iterate and of the skim in MiB. Every row and job has a process of its own.

Where ROOT is installed (`pip install ROOT` beside the lock), its RDataFrame skims the default
analysis as well, on one core: the same nominal cuts, counts and branches, also LZ4, compiled just
in time, but without the shape variations under which Zenith tries events that are lost.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import awkward as ak
import numpy as np
import uproot

from zenith.config import Analysis, load
from zenith.events import branches
from zenith.events.folds import event_hash
from zenith.events.formats.nanoaod import NanoAODFormat
from zenith.events.formats.protocol import WEIGHT, Tree
from zenith.events.formats.views import as_events, from_branches
from zenith.events.formats.writer import BATCH, Writer
from zenith.events.skim import skim

PEER = find_spec("ROOT") is not None
JOBS = ("iterate", "write", "skim")
FEW = 0.03  # the share of an inclusive sample that a skim keeps
# compression, share of kept events (None: as simulated), size
CASES = [
    ("zlib", None, 1),
    ("zlib", None, 10),
    ("zlib", FEW, 1),
    ("lzma", None, 1),
    ("lzma", FEW, 1),
]


def simulated(folder: str) -> Path:
    """A NanoAOD file of simulated tt̄ events."""
    path = Path(folder) / "simulated.root"
    command = [sys.executable, "-m", "zenith", "simulate", "--sample", "ttbar_semileptonic"]
    for key, value in {"events": 2000, "parts": 1}.items():
        command += ["--set", f"samples.ttbar_semileptonic.simulate.{key}={value}"]
    subprocess.run([*command, "--part", "0", "--output", str(path)], check=True)
    return path


def used(path: str, tree: Tree, analysis: Analysis, sample: str) -> list[str]:
    """The branches that the skim of a sample reads."""
    era = analysis.eras[analysis.samples[sample].era]
    trigger = analysis.skim.trigger
    wanted = {*branches.kept(tree, analysis, sample, path), *era.event_flags, WEIGHT}
    wanted |= set(trigger.any_of if trigger else ())
    return [name for name in tree.branches if name in wanted]


def enlarge(
    original: Path,
    path: Path,
    events: int,
    analysis: Analysis,
    sample: str,
    compression: str,
    share: float | None,
) -> None:
    """Write a file of events that are drawn from those of another, a share of which is kept."""
    rng = np.random.default_rng(1)
    with NanoAODFormat().open(str(original)) as file:
        tree = file.events
        found = tree.read(used(str(original), tree, analysis, sample))
    chance = np.ones(len(found["run"]))
    if share is not None:
        kept = passing(original, analysis, sample)
        chance = np.where(kept, share / kept.sum(), (1.0 - share) / (~kept).sum())
    nothing = as_events({name: array[:0] for name, array in found.items()})
    with Writer(path, nothing, compression=compression) as out:
        for _ in range(0, events, BATCH):
            drawn = rng.choice(len(chance), BATCH, p=chance / chance.sum())
            batch = {name: array[drawn] for name, array in found.items()}
            for name, array in batch.items():
                flat = ak.flatten(array, axis=None).to_numpy()
                if flat.dtype.kind == "f":
                    flat = flat * rng.normal(1.0, 1e-3, len(flat)).astype(flat.dtype)
                    batch[name] = ak.unflatten(flat, ak.num(array)) if array.ndim > 1 else flat
            out.add(from_branches(batch))
        out.finish({"run": np.array([1], dtype=np.uint32)})


def passing(path: Path, analysis: Analysis, sample: str) -> np.ndarray:
    """Which events of a file the skim keeps, shape (events,)."""
    with tempfile.TemporaryDirectory() as folder:
        output = f"{folder}/skim.root"
        skim(str(path), output, analysis, sample)
        hashes = []
        for name in (path, output):
            with uproot.open(name) as file:
                identity = ["run", "luminosityBlock", "event"]
                hashes.append(event_hash(file["Events"].arrays(identity, library="np")))
    return np.isin(hashes[0], hashes[1])


def measure(job: str, path: str, repeats: int, analysis: Analysis, sample: str) -> dict[str, float]:
    """Do a job a few times; the median of its CPU seconds, and the peak memory in MiB."""
    times, kept = [], 0
    with NanoAODFormat().open(path) as file:
        names = used(path, file.events, analysis, sample)
    with tempfile.TemporaryDirectory() as folder:
        output = f"{folder}/skim.root"
        if job == "write":
            skim(path, output, analysis, sample)
            with uproot.open(output) as file:
                chunks = file["Events"].iterate(step_size=BATCH, how=dict)
                batches = [from_branches(chunk) for chunk in chunks]
        for _ in range(repeats + 1):  # the first imports what is imported late
            Path(output).unlink(missing_ok=True)  # as Snakemake does
            start = time.process_time()
            if job == "skim":
                kept = skim(path, output, analysis, sample)["steps"][-1]["events"]
            elif job == "rdataframe":
                from peer_root import skim as peer

                kept = peer(path, output, names)
            elif job == "write":
                with Writer(Path(output), batches[0]) as out:
                    for batch in batches:
                        out.add(batch)
            else:
                for _ in uproot.iterate({path: "Events"}, names, step_size=analysis.skim.chunk):
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
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3, help="of each job in each turn")
    parser.add_argument("--job", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    analysis = load(args.config, args.overrides)
    if args.job:
        job, path = args.job
        print(json.dumps(measure(job, path, args.repeats, analysis, args.sample)))
        return
    default = args.config == parser.get_default("config") and not args.overrides
    jobs = (*JOBS, "rdataframe") if PEER and default else JOBS
    if not PEER:
        print("ROOT is not installed: without RDataFrame")
    header = (
        "file events kept iterate_s write_s skim_s ratio floor iterate_mib skim_mib rdataframe_s"
    )
    print(*header.split(), sep="\t", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        original = args.input or simulated(folder)
        for compression, share, times in CASES:
            events = times * args.events
            large = Path(folder) / "large.root"
            enlarge(original, large, events, analysis, args.sample, compression, share)
            # In turns: a machine that others use too is quicker at one time than at another.
            turns = [{job: run(job, large) for job in jobs} for _ in range(args.turns)]
            done = {
                job: {key: statistics.median(turn[job][key] for turn in turns) for key in found}
                for job, found in turns[0].items()
            }
            read, write, skimmed = (done[job]["cpu"] for job in JOBS)
            ratio, floor = skimmed / read, 1.0 + write / read
            kept = f"{done['skim']['kept'] / events:.0%}"
            peaks = [f"{done[job]['peak']:.0f}" for job in ("iterate", "skim")]
            numbers = [f"{number:.2f}" for number in (read, write, skimmed, ratio, floor)]
            peer = done["rdataframe"]["cpu"] if "rdataframe" in done else float("nan")
            row = (compression, events, kept, *numbers, *peaks, f"{peer:.2f}")
            print(*row, sep="\t", flush=True)
            if "rdataframe" in done:
                print(
                    f"claim\tskim, {compression}, {events} events, {kept} kept\t"
                    f"{skimmed / peer:.2f} x CPU\t-\tRDataFrame, nominal cuts alone "
                    f"({done['rdataframe']['kept'] / events:.0%} kept)",
                    flush=True,
                )
            print(
                f"claim\tskim, {compression}, {events} events, {kept} kept\t{ratio:.2f} x CPU "
                f"(reading and writing alone {floor:.2f}), {peaks[1]} MiB\t1.5 x, flat"
                "\tbare uproot.iterate",
                flush=True,
            )


def run(job: str, path: Path) -> dict[str, float]:
    """What `measure` returns, in a process of its own."""
    command = [sys.executable, __file__, *sys.argv[1:], "--job", job, str(path)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return dict(json.loads(output))


if __name__ == "__main__":
    main()
