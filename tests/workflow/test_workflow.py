"""The whole workflow on few events, and what runs again after a change."""

import json
import os
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import h5py
import numpy as np
import pytest

from zenith.artefacts.tensors import read_tensors
from zenith.config import Analysis, load
from zenith.config.dependencies import step_config
from zenith.config.steps import STEPS
from zenith.reporting.codecs import codecs_of
from zenith.reporting.inspection import describe

pytestmark = pytest.mark.slow
RESULTS = Path("results/test")
TRAINING_SET = str(RESULTS / "training_sets/zprime_2000.h5")  # made where it is asked for
ANALYSIS = ("--configfile", "config/test.yaml")
# the signal, two parts of a background, two more backgrounds, two parts of the pseudo-data
SIMULATED = 7
FOLDS = range(3)
CATEGORIES = {"scored", "categorise", "category_scan", "category_figures"}
FROM_DATA = {"fakes", "fakes_figures"}  # no process of the default analysis is
OF_OBJECTS = {"logits"}  # no network of it reads any
SETTINGS = {"tune"}  # and no settings are searched
# nor intervals asked for
INFERENCE = {"surface", "interval", "pseudo_experiments", "coverage", "inference_figures"}


# Keys that steps read (globs) though what they make does not depend on them.
NOT_USED = {
    # of a nuisance parameter, what people call it, and the group that it is quoted in
    **dict.fromkeys(
        (
            "systematics.*.label",
            "systematics.*.group",
            "eras.*.luminosity_uncertainties.*.label",
            "statistics.free_normalisations.*.label",
            "processes.*.label",
        ),
        "response efficient_score optimise search compare optimisation_figures histogram fit "
        "scored",
    ),
    # what the summary has in place of regions is made of its own keys
    "regions.efficient_score.*": "efficient_score compare histogram fit figures summary",
    "regions.category_*": "compare",
    "regions.cell.*": "compare",
    # nor are climbed categories, and their climb is that of other jobs
    "regions.categories.*": "compare optimise",
    "regions.categories_*": "compare optimise",
    "climbed_categories.optimise.*": "compare",
    # which are made of these
    "climbed_categories.*": "optimise summary",
    "observables.efficient_score.*": "figures",
    "summary.label": "efficient_score compare histogram fit",
    # expected results are blind whatever these say
    "statistics.blind": "efficient_score compare optimise",
    "regions.*.blind": "efficient_score compare optimise",
    "regions.*.in_fit": "efficient_score",  # which of them are blind
    # replaced by `truth` in pseudo-data; elsewhere compared with Pythia's, for a warning
    "samples.*.cross_section": "simulate",
    "samples.*.k_factor": "simulate",
    "samples.*.simulate.pt_hat_bias": "simulate",  # none in pseudo-data
    "samples.*.simulate.shower_variations": "simulate",  # nor these
    # whether it has files, which are inputs then; fakes are read where there are templates
    "samples.*.from_data": "simulate skim columns training_set mva mva_figures "
    "optimisation_figures figures category_figures summary",
    # whether it is data, a kind of job
    "samples.*.process": "skim",
    "samples.*.files": "skim",  # what the other files are, to refuse an output that is one
    "eras.*.corrections.*.file": "columns",  # that a skim or data do not take: the same
    # for what `averaged_branches` says of them
    # and whether one acts on the sample at all
    "systematics.*.branches": "skim columns",
    "systematics.*.normalise": "skim columns",
    "systematics.*.weight": "skim columns",
    "systematics.*.processes": "skim columns training_set",
    "systematics.*.sides": "skim columns",
    "weights.*.processes": "columns training_set",
    "skim.chunk": "columns training_set",  # how many events are in memory
    # what networks learn from, which is a key of its own: `learnt`
    **dict.fromkeys(("mva.*.cuts", "mva.*.features", "mva.*.objects"), "training_set"),
    **dict.fromkeys(("mva.*.loss*", "mva.*.regressions", "mva.*.sliced"), "training_set"),
    # the climb of categories reads an efficient score, which is made again for these
    **dict.fromkeys(("mva.processes.cuts", "summary.network"), "optimise"),
    # names of scores, which are no columns; of which class a loss reads what is learnt
    "mva.*.classes": "columns mva_figures training_set",
    "mva.*.threads": "mva",  # how fast
    "processes.*.role": "mva_figures",  # whether a class has all backgrounds, for its name
    # of the luminosity of files, which is a parameter of the rule columns
    **dict.fromkeys(
        ("only_samples", "max_files", "samples.*.dataset", "eras.*.luminosity"),
        "columns training_set mva mva_figures efficient_score_figures optimisation_figures figures "
        "category_figures summary",
    ),
    # and what its era says is there
    "samples.*.era": "columns training_set mva mva_figures simulate skim category_figures",
    # hard cuts have no width, and nothing is tuned here
    "regions.*.cuts.*.tune": "histogram compare fit figures scored",
    "regions.*.cuts.*.width": "histogram compare fit figures scored",
    # that no two parameters of the fit have one name
    "statistics.free_normalisations*": "histogram response",
    "statistics.signal_strength*": "histogram response",
    "systematics.*.smooth": "histogram response efficient_score efficient_score_figures",
    "systematics.*.bounds": "histogram response efficient_score_figures",  # those of the fit
    "optimise.checkpoint_every": "optimise",
    "categorise": "summary",  # whether there are categories, whose file is an input then
}


def planned(project, *options: str) -> list[tuple[str, str]]:
    """The jobs that would run, but `all`: rule and wildcards."""
    status, output = project.snakemake(*ANALYSIS, "--dry-run", "--cores", "1", *options)
    assert status == 0, output
    jobs = re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)*)", output, re.MULTILINE)
    assert bool(jobs) != ("Nothing to be done" in output), output
    found = [(rule, re.search(r"^    wildcards: (.*)", text, re.MULTILINE)) for rule, text in jobs]
    return [(rule, match.group(1) if match else "") for rule, match in found if rule != "all"]


@contextmanager
def edited(file: Path, old: str, new: str) -> Iterator[None]:
    """Replace a text in a file for as long as the block lasts."""
    before = file.read_text()
    assert old in before, f"{file} does not contain {old!r}"
    file.write_text(before.replace(old, new, 1))
    try:
        yield
    finally:
        file.write_text(before)


@pytest.fixture(scope="module")
def project(project_with_blanks):
    """All of this in a folder with a blank in its name, with steps that note what they read."""
    folder = project_with_blanks.folder
    shutil.copy(Path(__file__).parent / "reads.py", folder / "src/zenith/__main__.py")
    return project_with_blanks


@dataclass(frozen=True)
class Run:
    interrupted: str
    output: str


@pytest.fixture(scope="module")
def run(project) -> Run:
    """The workflow, interrupted after its first simulation and started again."""
    process = project.start(*ANALYSIS, "--cores", "2")
    assert process.stdout is not None
    output = ""
    for line in process.stdout:
        output += line
        if re.match(r"Finished jobid: \d+ \(Rule: simulate\)", line):
            os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C does
            break
    output += project.rest(process)
    assert process.returncode != 0, output
    interrupted = output
    status, output = project.snakemake(*ANALYSIS, "--cores", "2", "all", TRAINING_SET)
    assert status == 0, output
    return Run(interrupted, output)


def keys_of(part: object, key: str = "") -> set[str]:
    """The keys in what a step depends on, down to where there are no more."""
    items = part.items() if isinstance(part, dict) else []
    if isinstance(part, list) and any(isinstance(item, dict) for item in part):
        items = enumerate(part)
    inner = [keys_of(item, f"{key}.{name}" if key else str(name)) for name, item in items]
    return set().union(*inner) if inner else {key}


def unmarked(project, analysis: Analysis) -> tuple[set[str], set[tuple[str, str]]]:
    """The steps that have run, and the keys that they read and do not depend on.

    `reads.py` has noted what was read of the configuration, in every job.
    """
    steps, unexpected = set(), set()
    for file in (project.folder / "reads").iterdir():
        job = json.loads(file.read_text())
        step, name = job["step"], job["name"]
        steps.add(step)
        part = keys_of(json.loads(step_config(analysis, step, name)))
        if step == "summary":  # its input is made again where they change
            part |= keys_of(json.loads(step_config(analysis, "fit")))
        for key in job["keys"]:
            marked = any(known == key or known.startswith(f"{key}.") for known in part)
            allowed = (s for glob, s in NOT_USED.items() if fnmatchcase(key, glob))
            if not marked and step not in " ".join(allowed).split():
                unexpected.add((step, key))
    return steps, unexpected


def test_steps_depend_on_every_key_that_they_read(project, run) -> None:
    steps, unexpected = unmarked(project, load(project.folder / RESULTS / "config.yaml"))
    assert steps == {*STEPS} - CATEGORIES - FROM_DATA - OF_OBJECTS - SETTINGS - INFERENCE
    assert not sorted(unexpected)


def test_the_default_profile_is_loaded_by_itself(run) -> None:
    assert "Using workflow specific profile profiles/default" in run.output


def test_the_summary_holds_the_result(project, run) -> None:
    summary = json.loads((project.folder / RESULTS / "summary.json").read_text())
    assert summary["fit"]["mu_error"] > 0
    learned = ("climb", "cma_es", "tpe", "categories")
    rows = ("initial", "loosest", *learned, "categories_start", "trees", "default")
    for name in rows:
        row = summary["expected_significance"][name]
        assert row["z"] > 0
        assert {"error", "difference_to_trees", "difference_error"} <= row.keys()
        assert (row["evaluations"] > 0) == (name in learned)
    quoted = json.loads((project.folder / RESULTS / "efficient_score/fit.json").read_text())
    default = summary["expected_significance"]["default"]
    assert default["z"] == quoted["significance"]["expected"]
    assert default["cpu_seconds"] > summary["expected_significance"]["trees"]["cpu_seconds"] >= 0
    assert summary["folds"] == {"number": 3, "salt": 1}
    assert summary["gain_of_categories"]["error"] > 0
    # of so few events that one on an edge, which counts half, is some per cent
    assert 0 <= summary["soft_hard_gap_of_categories"] < 0.1
    assert len(summary["upper_limit"]["expected"]) == 5
    assert set(summary["yields"]) == {"efficient_score"}
    assert summary["timing"]["simulate"]["jobs"] == SIMULATED
    assert summary["timing"]["skim"]["jobs"] == SIMULATED
    assert summary["timing"]["columns"]["jobs"] == 5


def test_every_artefact_is_read_by_its_type_and_shown(project, run) -> None:
    kinds = set()
    for path in (project.folder / RESULTS).rglob("*"):
        if path.suffix in (".root", ".h5", ".json", ".safetensors"):
            kinds |= {codec.name for codec in codecs_of(path)[1]}
            assert describe(path)
    assert kinds == {
        *("trees", "columns", "training set", "histograms", "network", "workspace"),
        "history of a climb",
        *("cutflow of a skim", "cutflow of regions", "result of a fit", "evaluation of a network"),
        *("result of a climb", "result of a search", "comparison of selections", "summary"),
        "efficient score",
    }


def test_the_report_shows_the_figures(project, run) -> None:
    report = (project.folder / RESULTS / "report.html").read_text()
    for heading in ("Control plots", "Fit regions", "Systematic variations", "Networks"):
        assert heading in report
    assert 'src="http' not in report  # it opens offline


def test_the_report_opens_on_the_summary(project, run) -> None:
    """Its description is what Snakemake's report shows first, and here it begins with the page."""
    folder = project.folder / RESULTS
    page, report = ((folder / f"{name}.html").read_text() for name in ("summary", "report"))
    (description,) = re.findall(r"^ *var workflow_desc = (.*);$", report, re.MULTILINE)
    assert 0 <= json.loads(description).find(page.strip()) < 100
    assert 'src="data:image/png;base64,' in page  # the fitted region


def test_nothing_is_left_to_do(project, run) -> None:
    assert planned(project) == []


def test_one_rule_runs_again_on_demand(project, run) -> None:
    target = str(RESULTS / "initial/fit.json")
    assert planned(project, target, "--forcerun", "fit") == [("fit", "selection=initial")]


def test_an_interrupted_run_resumes(run) -> None:
    # by Snakemake's account: a file whose job was not yet noted as finished is made again
    finished = len(re.findall(r"^Finished jobid: \d+ \(Rule: simulate\)", run.interrupted, re.M))
    assert 0 < finished < SIMULATED
    jobs = re.findall(r"^(?:local)?rule (\w+):", run.output, re.MULTILINE)
    assert jobs.count("simulate") == SIMULATED - finished
    assert jobs.count("skim") == SIMULATED


def test_a_changed_bin_edge_runs_the_histograms_again(project, run) -> None:
    regions = "regions: {signal: {fit: {edges: {bins: 7}}}}\n"
    with edited(project.folder / "config/test.yaml", "name: test\n", f"name: test\n{regions}"):
        rules = {rule for rule, _ in planned(project)}
    assert not {"simulate", "skim", "columns", "mva"} & rules
    assert {"histogram", "fit", "figures", "summary"} <= rules


def test_labels_draw_figures_only(project, run) -> None:
    labels = "regions: {signal: {label: Here}}\nobservables: {met: {label: Missing}}\n"
    config, scale = project.folder / "config/test.yaml", "systematics:\n  jes: {label: Scale}\n"
    with (
        edited(config, "name: test\n", f"name: test\n{labels}"),
        edited(config, "systematics:\n", scale),
    ):
        rules = {rule for rule, _ in planned(project)}
    drawn = {f"{step}figures" for step in ("", "mva_", "efficient_score_", "optimisation_")}
    assert rules == {"configuration", *drawn, "summary"}


def test_settings_of_the_fit_only_fit_again(project, run) -> None:
    with edited(project.folder / "config/test.yaml", "scan_points: 7", "scan_points: 8"):
        rules = {rule for rule, _ in planned(project)}
    assert rules == {"configuration", "fit", "figures", "summary"}


def test_a_climb_writes_nothing_to_the_folder_of_trained_networks(project, run) -> None:
    trained = project.folder / RESULTS / "mva/wjets_vs_ttbar"
    files = {"initial.safetensors", "network.onnx", "metrics.json"}
    assert {path.name for path in trained.iterdir()} == {"figures", *(f"fold_{f}" for f in FOLDS)}
    for fold in FOLDS:
        assert {path.name for path in (trained / f"fold_{fold}").iterdir()} == files
        climb = project.folder / RESULTS / f"climb/fold_{fold}"
        selection = json.loads((climb / "selection.json").read_text())
        assert selection["networks"] == {"wjets_vs_ttbar": "networks/wjets_vs_ttbar.safetensors"}
        assert (climb / selection["networks"]["wjets_vs_ttbar"]).exists()


def test_nothing_that_reads_a_fold_was_taught_by_it(project, run) -> None:
    """Each network, selection and result of a search records the folds that taught it."""
    results = project.folder / RESULTS
    found = 0
    for path in results.rglob("*fold_*/**/*"):
        if path.suffix == ".json":
            content = json.loads(path.read_text())
        elif path.suffix == ".safetensors":
            content = read_tensors(path).header["metadata"]
        else:
            continue
        (fold,) = (int(n) for n in re.findall(r"fold_(\d+)", str(path.relative_to(results))))
        assert content["fold"] == fold
        assert content["folds"] == {"number": 3, "salt": 1}
        assert content["taught_by"] == [f for f in FOLDS if f != fold]
        found += 1
    # metrics and networks of both; moved networks and selections of the climb and of that of
    # categories; efficient scores and their numbers
    assert found == 10 * 3
    for fold in FOLDS:
        others = [f for f in FOLDS if f != fold]
        for method in ("tpe", "cma_es"):
            content = json.loads((results / f"search/{method}/fold_{fold}.json").read_text())
            assert (content["method"], content["fold"]) == (method, fold)
            assert content["taught_by"] == others
        responses = read_tensors(results / f"response/fold_{fold}.safetensors").header["metadata"]
        assert (responses["fold"], responses["taught_by"]) == (fold, others)


def test_another_salt_learns_again_and_makes_no_columns(project, run) -> None:
    rules = [rule for rule, _ in planned(project, "--config", "folds={salt: 2}")]
    assert not {"simulate", "skim", "columns"} & {*rules}
    each = {"mva": 2, "response": 1, "efficient_score": 1, "optimise": 1, "search": 1}
    assert {rule: rules.count(rule) for rule in each} == {rule: 3 * n for rule, n in each.items()}
    assert {"histogram", "fit", "compare"} <= {*rules}


def test_a_changed_cross_section_skims_nothing_again(project, run) -> None:
    """Not even the pseudo-data, which have a true cross-section of their own."""
    config = project.folder / "config/test.yaml"
    with edited(config, "zprime_2000: {", "zprime_2000: {k_factor: 1.7, "):
        jobs = planned(project)
    assert not {"simulate", "skim"} & {rule for rule, _ in jobs}
    assert [wildcards for rule, wildcards in jobs if rule == "columns"] == ["sample=zprime_2000"]


def test_an_edited_module_runs_its_rules_again(project, run) -> None:
    with edited(project.folder / "src/zenith/statistics/fit.py", '"""', '"""Edited. '):
        jobs = planned(project)
    assert {("fit", "selection=initial"), ("fit", "selection=optimised")} <= set(jobs)
    assert not {"simulate", "skim", "columns", "mva"} & {rule for rule, _ in jobs}


@pytest.mark.parametrize(
    ("kind", "first", "before"),
    [
        ("shape", "skim", {"simulate"}),
        ("weight", "columns", {"simulate", "skim"}),
        ("normalisation", "histogram", {"simulate", "skim", "columns", "mva"}),
    ],
)
def test_an_edited_kind_of_uncertainty_runs_what_it_changes(
    project, run, kind: str, first: str, before: set[str]
) -> None:
    """Kinds are found by name: no module of these steps imports theirs."""
    with edited(project.folder / f"src/zenith/systematics/{kind}.py", '"""', '"""Edited. '):
        rules = {rule for rule, _ in planned(project)}
    assert first in rules
    assert not before & rules


def test_a_mistake_in_the_configuration_stops_before_any_job(project, run) -> None:
    status, output = project.snakemake(*ANALYSIS, "--cores", "1", "--config", "seeed=1")
    assert status != 0
    assert "seeed: unknown key; did you mean 'seed'?" in output
    assert "Select jobs" not in output


def test_categories_of_a_region_come_beside_the_fit(project, run) -> None:
    """The last test, for it adds them to the analysis; another one reads the same events of it."""
    folder = project.folder
    asked = "{region: signal, scores: [mtt], numbers: [1, 2], method: exact, bootstrap: 5}"
    (folder / "config/both.yaml").write_text(f"base: config/test.yaml\ncategorise: {asked}\n")
    shutil.rmtree(folder / "reads")
    status, output = project.snakemake("--configfile", "config/both.yaml", "--cores", "2")
    assert status == 0, output
    steps, unexpected = unmarked(project, load(folder / RESULTS / "config.yaml"))
    assert steps == {*CATEGORIES, "summary"}
    assert not sorted(unexpected)
    summary = json.loads((folder / RESULTS / "summary.json").read_text())
    chosen = json.loads((folder / RESULTS / "categories.json").read_text())
    assert summary["fit"]["mu_error"] > 0
    assert summary["categories"]["yields"] == chosen["scan"]["unseen"]["yields"]
    page = (folder / RESULTS / "summary.md").read_text()
    assert page.index("# Results of test") < page.index("# Categories of test")
    assert page.count("## Time and memory") == 1
    (folder / "config/other.yaml").write_text(
        f"name: other\ninputs: {{scored: {{analysis: config/test.yaml}}}}\ncategorise: {asked}\n"
    )
    options = ("results/other/events/unseen.h5", "--configfile", "config/other.yaml")
    status, output = project.snakemake(*options, "--cores", "1")
    assert status == 0, output
    assert re.findall(r"^(?:local)?rule (\w+):", output, re.MULTILINE) == ["scored"]
    with (
        h5py.File(folder / RESULTS / "events/unseen.h5") as own,
        h5py.File(folder / "results/other/events/unseen.h5") as read,
    ):
        for name in ("scores", "weight", "label"):
            np.testing.assert_array_equal(own[name][:], read[name][:])
