"""Show what the workflow has done in this folder, what is stale, and where it is.

Snakemake itself decides what is stale: its own summary is grouped by step here.
"""

import argparse
import csv
import json
import os
import shlex
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from zenith.cli import options

HELP = "what is done, what is stale, where it is"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Define the options."""
    options.add_config(parser)


@dataclass
class Step:
    """The output files of one rule, and why those that exist would be made again."""

    done: int = 0
    stale: int = 0
    missing: int = 0
    newest: str = ""
    files: list[str] = field(default_factory=list)
    reasons: set[str] = field(default_factory=set)

    @property
    def folder(self) -> str:
        """Where the files are."""
        return os.path.commonpath([os.path.dirname(name) for name in self.files])


def steps(rows: Iterable[Mapping[str, str]]) -> dict[str, Step]:
    """Group the rows of `snakemake --detailed-summary` by rule, in the order of the steps."""
    from zenith.config.steps import COMMANDS

    found: dict[str, Step] = {}
    for row in rows:
        step = found.setdefault(row["rule"], Step())
        step.files.append(row["output_file"])
        if row["status"] == "missing":
            step.missing += 1
            continue
        step.newest = max(step.newest, row["date"], key=_moment)
        if row["plan"].startswith("no update"):
            step.done += 1
        else:
            step.stale += 1
            step.reasons.add("an earlier step" if row["status"] == "ok" else row["status"])
    return dict(sorted(found.items(), key=lambda item: (*COMMANDS, item[0]).index(item[0])))


def _moment(date: str) -> float:
    from email.utils import mktime_tz, parsedate_tz

    parsed = parsedate_tz(date)
    return float(mktime_tz(parsed)) if parsed else 0.0


def run(args: argparse.Namespace) -> None:
    """Ask Snakemake, and print a table of the steps."""
    from zenith.cli.workflow import snakemake
    from zenith.config import source_of
    from zenith.config.loading import parse_overrides
    from zenith.errors import InputError
    from zenith.events.datasets import resolve
    from zenith.tables import table

    config = options.configuration(args)
    title = config.name
    if (source := source_of(config)) is not None:
        for sample in source.used_samples:  # a mistake among files is reported here in one line
            if source.samples[sample].from_data is None:
                resolve(source, sample)
    changes = parse_overrides(args.overrides).items()
    changed = [f"{key}={json.dumps(value)}" for key, value in changes]
    chosen = ["--config", *changed] if changed else []
    command = snakemake(args.config, ["--detailed-summary", "--nolock", *chosen])
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise InputError(f"snakemake cannot plan the workflow:\n{result.stderr.strip()}")
    found = steps(csv.DictReader(result.stdout.splitlines(), delimiter="\t"))
    rows = [
        [name, s.done, s.stale, s.missing, s.newest or "never", s.folder, ", ".join(s.reasons)]
        for name, s in found.items()
    ]
    header = ["step", "done", "stale", "missing", "last made", "where", "stale because of"]
    lines = [f"{title}: files of each step", "", table(header, rows, left=len(header)), ""]
    if all(not (s.stale or s.missing) for s in found.values()):
        lines.append(f"Everything is up to date. Read results/{title}/summary.md")
    else:
        again = shlex.join(["zenith", "run", args.config, "--cores", "N", *chosen])
        lines.append(f"Continue with: {again}")
        lines.append("What is done and not stale is kept.")
    print("\n".join(lines))
