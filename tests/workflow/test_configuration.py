"""Snakemake takes configurations as the commands do, though it reads YAML in its own way."""

import re

import pytest

pytestmark = pytest.mark.slow


def test_a_configuration_is_what_was_written(project) -> None:
    """YAML 1.1, which Snakemake reads, takes 12:30 for 750, 1e3 for text and `no` for false."""
    file = project.folder / "config/mine.yaml"
    file.write_text(
        "base: config/test.yaml\nskim: {chunk: 1e3}\nplotting: {status: no}\nseed: 12:30\n"
        "systematics:\n  one: &n {type: normalisation, processes: [wjets], up: 010e-2}\n"
        "  two: {<<: *n, up: 0.2}\n"
    )
    status, output = project.snakemake(
        "--dry-run", "--configfile", str(file), "--config", "unknown=1"
    )
    assert status == 1
    found = [line for line in output.splitlines() if "mine.yaml: " in line]
    assert [re.sub(r".*mine\.yaml: (\w+): .*", r"\1", line) for line in found] == [
        "seed",
        "unknown",
    ]
    assert "not '12:30'" in found[0]
    assert "(line 4)" in found[0]
