"""Run every benchmark, one after the other, and gather what each claims in one table.

A benchmark states a claim in a line `claim<TAB>what<TAB>measured<TAB>wanted<TAB>beside`; the rest
of its output is shown as it comes.

    python tests/benchmarks/all.py [NAME …]     # bench_NAME.py; default: all of them
"""

import subprocess
import sys
from pathlib import Path

HEADER = ("what", "measured", "wanted", "beside")


def claims(benchmark: Path) -> list[tuple[str, ...]]:
    """The claims of one benchmark, after showing its output; it must not fail."""
    print(f"\n=== {benchmark.stem}", flush=True)
    found = []
    with subprocess.Popen([sys.executable, benchmark], stdout=subprocess.PIPE, text=True) as run:
        for line in run.stdout or ():
            if line.startswith("claim\t"):
                found.append(tuple(line.rstrip("\n").split("\t")[1:]))
            else:
                print(line, end="", flush=True)
    if run.returncode:
        sys.exit(f"{benchmark.name} failed")
    return found


def main() -> None:
    here = Path(__file__).parent
    names = sys.argv[1:] or sorted(p.stem.removeprefix("bench_") for p in here.glob("bench_*.py"))
    rows = [HEADER, *(row for name in names for row in claims(here / f"bench_{name}.py"))]
    widths = [max(len(row[k]) for row in rows) for k in range(len(HEADER))]
    print()
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)))


if __name__ == "__main__":
    main()
