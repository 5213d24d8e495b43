"""Snakemake and Zenith take the commands of the documentation as they are written."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from snakemake.cli import parse_args

from zenith.cli import parser
from zenith.config.steps import STEPS

ROOT = Path(__file__).parents[2]
TEXTS = sorted(
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("config/*.*"), *ROOT.glob("docs/**/*.md")]
    if "_build" not in path.parts
)


def commands(program: str) -> Iterator[tuple[str, list[str]]]:
    """Of a program: each command in a block of the shell or in a comment, and its arguments."""
    for path in TEXTS:
        text = path.read_text(encoding="utf-8").replace("\\\n", "")
        blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        comments = re.findall(r"^# *((?:python|snakemake|zenith) .*)", text, re.MULTILINE)
        for line in "\n".join([*blocks, *comments]).splitlines():
            found = re.match(rf"(?:\.venv/bin/)?(?:python -m )?{program} (.*)", line)
            if found and "…" not in line:
                yield f"{path.relative_to(ROOT)}: {line}", shlex.split(found[1], comments=True)


def test_snakemake_takes_each_command() -> None:
    """An option that takes several words takes the output that follows it as well."""
    found = dict(commands("snakemake"))
    assert len(found) > 15
    for command, arguments in found.items():
        if "profiles/htcondor" in arguments:
            continue  # a plugin that is not among the packages of the tests
        _, options = parse_args(arguments)
        assert len(options.configfile or ()) <= 1, command
        assert all(target.startswith("results/") for target in options.targets), command
        assert {*options.forcerun} <= {*STEPS}, command


def test_zenith_takes_each_command() -> None:
    found = dict(commands("zenith"))
    assert len(found) > 30
    zenith = parser()
    for command, arguments in found.items():
        if "--help" not in arguments:
            assert zenith.parse_args(arguments).step in command


def test_a_target_after_a_configuration_file_would_be_found() -> None:
    _, options = parse_args(["--cores", "2", "--configfile", "a.yaml", "results/a/fit.json"])
    assert len(options.configfile) == 2


def test_a_wrong_option_would_be_found() -> None:
    with pytest.raises(SystemExit, match="2"):
        parser().parse_args(["interval", "workspace.json", "--parameters", "mu"])
