"""Events per CPU-second of each process card, from Pythia to the NanoAOD file.

    python tests/benchmarks/bench_simulate.py [--events N] [--multiparton-interactions]

Prints a TSV: card, events, CPU seconds, events per CPU-second (best of three), and the share of the
time that Pythia takes. Start-up and the first call of each library are not counted.
"""

import argparse
import tempfile
import time
from pathlib import Path

from zenith.config.simulation import ProcessCard, TopPairCard, WJetsCard, ZprimeCard
from zenith.simulation.generator import Generator
from zenith.simulation.simulate import simulate

REPEATS = 3
TARGET = 300  # tt̄ events per CPU-second


def cards(events: int, multiparton_interactions: bool) -> dict[str, ProcessCard]:
    common = {"events": events, "multiparton_interactions": multiparton_interactions}
    return {
        "zprime": ZprimeCard(process="zprime", **common),
        "ttbar_semileptonic": TopPairCard(process="ttbar_semileptonic", **common),
        "ttbar_dileptonic": TopPairCard(process="ttbar_dileptonic", **common),
        "ttbar_hadronic": TopPairCard(process="ttbar_hadronic", muon_pt_min=None, **common),
        "wjets": WJetsCard(process="wjets", **common),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--multiparton-interactions", action="store_true")
    args = parser.parse_args()
    print("card\tevents\tCPU seconds\tevents/s\tPythia", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "events.root"
        for name, card in cards(args.events, args.multiparton_interactions).items():
            simulate(card, events=100, seed=1, part=0, output=output)
            whole = min(
                _cpu(simulate, card, events=args.events, seed=1, part=0, output=output)
                for _ in range(REPEATS)
            )
            whole_jets = card.detector.substructure is None
            generator = Generator(card, 1, whole_jets=whole_jets)
            pythia = min(_cpu(generator.batch, args.events) for _ in range(REPEATS))
            rate = args.events / whole
            note = "\tbelow the target" if name == "ttbar_semileptonic" and rate < TARGET else ""
            print(f"{name}\t{args.events}\t{whole:.2f}\t{rate:.0f}\t{pythia / whole:.2f}{note}")
            wanted = "300/s" if name.startswith("ttbar") else "-"
            print(f"claim\tsimulate {name}\t{rate:.0f}/s\t{wanted}\t-", flush=True)


def _cpu(function, *args, **keywords) -> float:  # type: ignore[no-untyped-def]
    start = time.process_time()
    function(*args, **keywords)
    return time.process_time() - start


if __name__ == "__main__":
    main()
