"""Zenith as a module of another workflow, with its configuration under a key of the other's."""

import re

import h5py
import pytest
import yaml

pytestmark = pytest.mark.slow
OUTER = """\
configfile: "outer.yaml"


module zenith:
    snakefile:
        "workflow/Snakefile"
    config:
        config["search"]


use rule * from zenith as zenith_*


rule use:
    default_target: True
    input:
        columns="results/inner/columns/zprime_2000.h5",
        configuration=rules.zenith_configuration.output,
    output:
        "used.txt",
    shell:
        "echo {input.columns} > {output}"


rule everything:
    input:
        rules.zenith_all.input,
"""
SEARCH = {
    "base": "config/test.yaml",
    "name": "inner",
    "samples": {"zprime_2000": {"simulate": {"events": 20}}},
}


def rules(output: str) -> set[str]:
    return set(re.findall(r"^(?:local)?rule (\w+):", output, re.MULTILINE))


@pytest.fixture(scope="module")
def outer(project):
    """Runs the other workflow on its own file of configuration, whose other keys are not ours."""
    (project.folder / "outer.smk").write_text(OUTER)

    def run(*options: str, **search: object) -> str:
        content = {"elsewhere": 1, "search": {**SEARCH, **search}}
        (project.folder / "outer.yaml").write_text(yaml.safe_dump(content))
        status, output = project.snakemake("--snakefile", "outer.smk", "--cores", "1", *options)
        assert status == 0, output
        return output

    return run


def test_the_whole_workflow_is_planned(outer) -> None:
    planned = rules(outer("--dry-run", "everything"))
    assert planned >= {"zenith_configuration", "zenith_simulate", "zenith_fit", "zenith_summary"}
    assert {rule for rule in planned if not rule.startswith("zenith_")} == {"everything"}


def test_rules_run_and_run_again_where_their_keys_change(project, outer) -> None:
    outer()
    results = project.folder / "results/inner"
    assert (project.folder / "used.txt").read_text() == "results/inner/columns/zprime_2000.h5\n"
    with h5py.File(results / "columns/zprime_2000.h5") as file:
        assert file.attrs["events_generated"] == 20
    assert yaml.safe_load((results / "config.yaml").read_text())["name"] == "inner"
    assert "Nothing to be done" in outer("--dry-run")
    # the configuration is another, and of the rules those run again that it concerns
    labelled = outer("--dry-run", regions={"signal": {"label": "Here"}})
    assert rules(labelled) == {"zenith_configuration", "use"}
    moved = outer("--dry-run", met="MET")
    assert rules(moved) == {"zenith_configuration", "zenith_skim", "zenith_columns", "use"}
