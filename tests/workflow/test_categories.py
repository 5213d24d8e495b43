"""Scored events to categories through Snakemake, against numpy's own account of the files."""

import json
import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from zenith.reporting.codecs import codecs_of
from zenith.reporting.inspection import describe

pytestmark = pytest.mark.slow
RESULTS = Path("results/tiny")
CONFIG = """\
base: config/categories-3class.yaml
name: tiny
inputs: {scored: {fraction: 0.01, split: 0.4}}
categorise: {numbers: [1, 3], steps: 15, starts: 1, bootstrap: 10, tolerance: 0.0}
plotting: {formats: [png]}
"""


@pytest.fixture(scope="module")
def results(project) -> Path:
    (project.folder / "config/tiny.yaml").write_text(CONFIG)
    status, output = project.snakemake("--cores", "2", "--configfile", "config/tiny.yaml")
    assert status == 0, output
    return project.folder / RESULTS


def planned(project, *options: str) -> str:
    status, output = project.snakemake("--configfile", "config/tiny.yaml", "-n", *options)
    assert status == 0, output
    return output


def hard_z(categories: dict[str, Any], path: Path) -> tuple[float, np.ndarray]:
    """Geometric mean of two significances, and the background, of the mixture's hard categories."""
    with h5py.File(path) as file:
        x = file["scores"][:, :2].astype(float)
        weight, label = file["weight"][:], file["label"][:]
    logs = []
    for share, mean, covariance in zip(
        *(np.array(categories[k]) for k in ("weights", "means", "covariances")), strict=True
    ):
        off = x - mean
        distance = np.einsum("ni,ij,nj->n", off, np.linalg.inv(covariance), off)
        logs.append(np.log(share) - 0.5 * (distance + np.linalg.slogdet(covariance)[1]))
    chosen = np.argmax(logs, axis=0)
    signals = [np.bincount(chosen, weight * (label == a), len(logs)) for a in (1, 2)]
    background = np.bincount(chosen, weight * (label > 2), len(logs))
    z = []
    for signal, other in (signals, signals[::-1]):
        b = background + other
        z.append(np.sqrt(np.sum(2 * ((signal + b) * np.log1p(signal / b) - signal))))
    return float(np.sqrt(z[0] * z[1])), background


def test_the_summary_is_what_hard_categories_reach(results: Path) -> None:
    summary = json.loads((results / "summary.json").read_text())
    for row in summary["scan"]:
        found = json.loads((results / f"categories/{row['asked']}.json").read_text())
        assert len(found["weights"]) == row["categories"]
        for part in ("train", "unseen"):
            z, background = hard_z(found, results / f"events/{part}.h5")
            assert row[part] == pytest.approx(z, rel=1e-4)
            if part == "train":
                assert background.min() >= 5.0
    # with no tolerance the best is chosen, or one that is as good within its error
    best = max(row["unseen"] for row in summary["scan"])
    chosen = summary["chosen"]
    assert best - chosen["unseen"] <= chosen["below_best_error"]
    final = json.loads((results / "categories.json").read_text())
    z, background = hard_z(final, results / "events/unseen.h5")
    assert chosen["unseen"] == pytest.approx(z, rel=1e-4)
    np.testing.assert_allclose(summary["yields"]["background"], background, rtol=1e-3)
    assert summary["timing"]["categorise"]["jobs"] == 2


def test_every_artefact_is_read_by_its_type_and_shown(results: Path) -> None:
    files = [path for path in results.rglob("*") if path.suffix in (".h5", ".json")]
    kinds = {codec.name for path in files for codec in codecs_of(path)[1]}
    assert all(describe(path) for path in files)
    assert kinds == {
        *("scored events", "arrays", "file of categories", "scan of categories"),
        "summary of categories",
    }


def test_argmax_is_a_reference(results: Path) -> None:
    summary = json.loads((results / "summary.json").read_text())
    with h5py.File(results / "events/unseen.h5") as file:
        chosen = file["scores"][:].argmax(axis=1)
        weight, label = file["weight"][:], file["label"][:]
    sums = [np.bincount(chosen, weight * which, 3) for which in (label == 1, label == 2, label > 2)]
    z = []
    for a in (0, 1):
        s, b = sums[a], sums[1 - a] + sums[2]
        z.append(np.sqrt(np.sum(2 * ((s + b) * np.log1p(s / b) - s))))
    (point,) = summary["references"]["argmax"]
    assert point["unseen"] == pytest.approx(np.sqrt(z[0] * z[1]), rel=1e-6)


def test_the_page_and_the_report_show_it(results: Path) -> None:
    summary = json.loads((results / "summary.json").read_text())
    page = (results / "summary.md").read_text()
    assert f"{summary['chosen']['categories']} categor" in page
    assert "Signal 2" in page
    report = (results / "report.html").read_text()
    assert 'src="http' not in report  # it opens offline
    assert r"<article class=\"zenith\">" in report  # and on the page
    for name in ("plane", "odds", "yields", "numbers", "bias", "convergence"):
        assert (results / f"figures/{name}.png").stat().st_size > 10_000
        assert f"{name}.png" in report


def test_only_what_a_change_concerns_runs_again(project, results: Path) -> None:
    assert "Nothing to be done" in planned(project)
    again = planned(project, "--config", "categorise={tolerance: 0.02}")
    assert "rule category_scan:" in again
    assert "rule categorise:" not in again
    again = planned(project, "--config", "categorise={steps: 16}")
    assert again.count("rule categorise:") == 2
    assert "rule scored:" not in again


def test_a_missing_file_stops_before_any_job(project) -> None:
    """In the old form, which is read as the new one."""
    (project.folder / "config/file.yaml").write_text(
        "name: mine\nevents: {file: no/such.h5}\ncategories: {numbers: [2]}\n"
    )
    status, output = project.snakemake("--configfile", "config/file.yaml", "-n")
    assert status != 0
    assert "config/file.yaml: inputs.scored.file: there is no file 'no/such.h5'" in output
    assert "write inputs: {scored: {file: no/such.h5}}, categorise: {numbers: [2]}" in output


def test_an_analysis_that_is_read_is_made_where_it_is_missing(project) -> None:
    """What the events of its region need, and no more: no fit of it."""
    file = project.folder / "config/of_test.yaml"
    text = Path("config/categories-zprime.yaml").read_text()
    file.write_text(text.replace("zprime", "test"))
    status, output = project.snakemake("--configfile", "config/of_test.yaml", "-n")
    assert status == 0, output
    found = {name: int(jobs) for name, jobs in re.findall(r"^(\w+) +(\d+)$", output, re.MULTILINE)}
    made = {"simulate": 7, "skim": 7, "columns": 5, "mva": 1, "optimise": 1}
    categories = {"scored": 1, "categorise": 7, "category_scan": 1, "category_figures": 1}
    rest = {"configuration": 1, "summary": 1, "all": 1}
    assert found == made | categories | rest | {"total": 34}
