"""The workflow's own rules on a Slurm cluster, through the profile that users take."""

import re
import runpy
import subprocess
from pathlib import Path

import pytest

SLURM = runpy.run_path(str(Path(__file__).with_name("slurm_cluster.py")))
CONFIG = """
base: config/test.yaml
name: slurm
mva:
  signal_vs_wjets:
    classes: {wjets: [wjets], signal: [zprime_2000]}
    features: [met, lep_ht]
    epochs: 2
tune:
  network: signal_vs_wjets
  space: {learning_rate: [0.003, 0.01]}
  trials: 2
"""
# The cluster of the test keeps no accounts and forgets no job; its queue is asked often.
OPTIONS = [
    *("--slurm-status-command", "squeue"),
    *("--slurm-init-seconds-before-status-checks", "2"),
    *("--seconds-between-status-checks", "2"),
    *("--latency-wait", "10", "--retries", "0"),
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(SLURM["missing"]()), reason=SLURM["missing"]()),
]


def test_the_rules_run_on_a_cluster(project) -> None:
    (project.folder / "config/slurm.yaml").write_text(CONFIG)
    network = "results/slurm/mva/signal_vs_wjets/fold_0/initial.safetensors"
    tuned = "results/slurm/tune/fold_0/best.yaml"
    with SLURM["cluster"]() as environment:
        status, output = project.snakemake(
            *("--profile", "profiles/slurm", "--configfile", "config/slurm.yaml"),
            *(*OPTIONS, "--", network, tuned),
            environment=environment,
        )
        assert status == 0, output
        listing = subprocess.run(
            ["scontrol", "show", "jobs", "--oneliner", "--details"],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    assert all((project.folder / file).is_file() for file in (network, tuned))

    jobs = {}
    for line in listing.splitlines():
        job = dict(re.findall(r"(\S+?)=(\S*)", line))
        assert job["JobState"] == "COMPLETED", line
        jobs[job["Comment"].removeprefix("rule_").replace("_wildcards", "")] = job
    samples = ("zprime_2000", "wjets")
    assert set(jobs) == {
        *(f"{rule}_{sample}_0" for rule in ("simulate", "skim") for sample in samples),
        *(f"columns_{sample}" for sample in samples),
        "mva_signal_vs_wjets_0",
        "tune_0",
    }
    granted = {name: job["JOB_GRES"] for name, job in jobs.items() if job["JOB_GRES"] != "(null)"}
    assert granted == {"mva_signal_vs_wjets_0": "gpu:1", "tune_0": "gpu:1"}
    # what the rules ask for
    requests = {name: (job["MinMemoryNode"], job["TimeLimit"]) for name, job in jobs.items()}
    assert requests["simulate_wjets_0"] == ("2000M", "01:00:00")
    assert requests["columns_wjets"] == ("4000M", "02:00:00")
    assert requests["mva_signal_vs_wjets_0"] == ("4000M", "01:00:00")
    assert requests["tune_0"] == ("4000M", "10:00:00")
