"""What the rules must have, read from their text."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from zenith.source_hash import sources

RULES = {
    match.group(1): match.group(0)
    for file in sorted(Path("workflow/rules").glob("*.smk"))
    for match in re.finditer(r"^rule (\w+):\n(?:    .*\n|\n)*", file.read_text(), re.MULTILINE)
}


# Rules that are another one with other files have its resources.
LIKE = {
    match.group(2): match.group(1)
    for file in sorted(Path("workflow/rules").glob("*.smk"))
    for match in re.finditer(r"^ *use rule (\w+) as (\w+) with:", file.read_text(), re.MULTILINE)
}
COMMON = Path("workflow/rules/common.smk").read_text()
LIGHT = {"summary"}  # run where Snakemake does, and take no time


def test_rules_are_found() -> None:
    analysis = {"simulate", "skim", "columns", "training_set", "histogram", "fit", "summary"}
    categories = {"scored", "categorise", "category_scan", "category_figures"}
    assert analysis | categories <= set(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_says_what_it_needs(rule: str) -> None:
    for section in ("log:", "threads:", "mem_mb=", "runtime=", "conda:", "shell:"):
        assert section in RULES[rule], section
    assert "benchmark:" in RULES[rule] or rule in LIGHT
    assert "config=" in RULES[rule]
    assert "code=" in RULES[rule]
    assert f'code_hash("zenith.cli.{rule}"' in RULES[rule] + COMMON  # by the format of a sample


@pytest.mark.parametrize("rule", RULES)
def test_params_are_tracked(rule: str) -> None:
    """Params from `lambda wildcards, input` are never tracked (snakemake#3895).

    Only where the file of the configuration is must not be: its parts are parameters themselves.
    """
    params = re.search(r"    params:\n((?:        .*\n)+)", RULES[rule])
    assert params is not None
    assert not re.search(r"lambda \w+, ?\w+", params.group(1))
    assert ("configuration=resolved" in params.group(1)) == ("--config " in RULES[rule])


@pytest.mark.parametrize(
    "rule", sorted({"mva", "logits", "tune", "optimise", "categorise"} & set(RULES))
)
def test_rules_on_a_gpu_share_it(rule: str) -> None:
    assert "gpu=1" in RULES[rule]
    assert "zenith-gpu.yaml" in RULES[rule]
    assert "XLA_PYTHON_CLIENT_PREALLOCATE=false" in Path("workflow/Snakefile").read_text()


def test_what_jax_compiles_is_kept() -> None:
    """Figures and the summary read of cuts and factors only what they are called; simulations
    import it for a toy alone, whose densities they evaluate once."""
    uses_jax = {
        rule
        for rule in RULES
        for path in sources(f"zenith.cli.{rule}").values()
        if re.search(r"^ *(import|from) jax\b", path.read_text(), re.MULTILINE)
    } - {"figures", "fakes_figures", "simulate", "summary"}
    assert {"mva", "optimise", "search", "compare", "categorise"} <= uses_jax
    assert {rule for rule, text in RULES.items() if "jax=JAX" in text} == uses_jax
    for rule in uses_jax:
        assert f"{{params.jax}} python -m zenith {rule} " in RULES[rule]
    assert "JAX_COMPILATION_CACHE_DIR=" in Path("workflow/Snakefile").read_text()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads have no names here")
def test_xla_takes_the_threads_of_the_job() -> None:
    """It reads NPROC, which its documentation does not mention."""
    assert 'NPROC="${NPROC:-$OMP_NUM_THREADS}"' in Path("workflow/Snakefile").read_text()
    counted = (
        "import os, jax, jax.numpy as jnp\n"
        "jax.jit(jnp.sum)(jnp.ones(9)).block_until_ready()\n"
        "tasks = '/proc/self/task'\n"
        "names = [open(f'{tasks}/{task}/comm').read() for task in os.listdir(tasks)]\n"
        "print(sum('XLAEigen' in name for name in names))"
    )
    for threads in (1, 3):
        found = subprocess.run(
            [sys.executable, "-c", counted],
            env=os.environ | {"NPROC": str(threads), "JAX_PLATFORMS": "cpu"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert int(found.stdout) == threads


@pytest.mark.slow
def test_simulations_with_the_most_events_begin_first(project) -> None:
    """So that none is left to run alone."""
    options = ("--dry-run", "--configfile", "config/higgsml.yaml", "--until", "simulate")
    status, output = project.snakemake(*options)
    assert status == 0, output
    samples = yaml.safe_load((project.folder / "config/higgsml.yaml").read_text())["samples"]
    parts = {name: sample["simulate"].get("parts", 1) for name, sample in samples.items()}
    events = {name: samples[name]["simulate"]["events"] / parts[name] for name in samples}
    found = re.findall(r"sample=(\w+), part=\d+\n +priority: (\S+)\n", output)
    assert len(found) == sum(parts.values())
    in_order = sorted(found, key=lambda job: float(job[1]), reverse=True)
    assert [sample for sample, _ in in_order] == sorted(
        (sample for sample, _ in found), key=lambda sample: events[sample], reverse=True
    )
    assert all(90 <= float(priority) < 95 for _, priority in found)  # skims go first


def test_htcondor_is_asked_for_what_the_rules_need() -> None:
    """Its executor takes nothing from the rules, so that its profile says it all again."""
    profile = yaml.safe_load(Path("profiles/htcondor/config.yaml").read_text())

    def needs(text: str, resource: str) -> int:
        found = re.search(rf"\b{resource}=(\d+)", text)
        return int(found.group(1)) if found else 0

    wanted = {}
    for rule, text in [*RULES.items(), *((rule, RULES[of]) for rule, of in LIKE.items())]:
        if rule in LIGHT:
            continue
        wanted[rule] = {
            "request_memory": needs(text, "mem_mb"),
            "allowed_execute_duration": 60 * needs(text, "runtime"),
        }
        if gpus := needs(text, "gpu"):
            wanted[rule]["request_gpus"] = gpus
    assert profile["set-resources"] == wanted


@pytest.mark.parametrize("rule", RULES)
def test_a_mistake_is_not_run_again(rule: str) -> None:
    """What may pass is waited for in the step; Snakemake cannot tell it from a wrong key."""
    assert "retries:" not in RULES[rule]


@pytest.mark.parametrize("profile", sorted(Path("profiles").glob("*/config.yaml")))
def test_profiles_run_no_mistake_again(profile: Path) -> None:
    assert "retries" not in yaml.safe_load(profile.read_text())
