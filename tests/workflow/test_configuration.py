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


def test_networks_that_read_objects_learn_from_training_sets(project) -> None:
    """What they make of all events is what the steps that read columns wait for, in each fold."""
    (project.folder / "config/objects.yaml").write_text(
        "base: config/test.yaml\nname: objects\nsummary: null\nclimbed_categories: null\n"
        "mva:\n  processes: null\n"
        "  wjets_vs_ttbar: {type: deep_sets, objects: {jet: {fields: [pt, btag], leading: 4}}}\n"
        "tune: {network: wjets_vs_ttbar, space: {width: [8, 16]}, trials: 2}\n"
    )
    options = ("--dry-run", "--configfile", "config/objects.yaml")
    status, output = project.snakemake(*options, "--forceall")
    assert status == 0, output
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", output, re.MULTILINE))
    assert (jobs["logits"], jobs["mva"], jobs["tune"]) == ("3", "3", "1")
    assert jobs["training_set"] == jobs["columns"]
    rules = re.findall(r"^rule (\w+):\n    input: (.*)\n    output: (.*)\n", output, re.MULTILINE)
    read = {rule: (inputs, outputs) for rule, inputs, outputs in rules}
    for rule in ("mva", "mva_figures", "tune"):
        assert "training_sets/wjets.h5" in read[rule][0]
        assert "columns" not in read[rule][0]
    assert "logits.h5" in read["optimise"][0]
    assert "networks/" not in read["optimise"][1]
    assert "logits.h5" in read["histogram"][0]
