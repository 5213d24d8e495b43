"""From columns to the efficient score of a fold by the command: what can be wrong, and is said."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from makers.columns import toy_config, toy_events

from zenith.artefacts import Columns, write_columns
from zenith.cli import main
from zenith.cli.efficient_scores import read_scores
from zenith.cli.inputs import read_samples
from zenith.config import load
from zenith.config.efficient_score import SCORE
from zenith.config.learning import Folds
from zenith.config.variants import blinded, summarised
from zenith.errors import InputError
from zenith.events.folds import folds_of
from zenith.figures import efficient_score_gallery
from zenith.optimisation.compare import quoted_significance
from zenith.optimisation.fineness import against_numbers
from zenith.optimisation.rivals import in_categories
from zenith.statistics.histograms import fill
from zenith.statistics.templates import collect
from zenith.training.score_files import load_score
from zenith.training.scores import add_unseen_scores

EVENTS = {"zprime": (900, 60.0), "ttbar": (2400, 3000.0), "wjets": (2400, 1500.0)}
TREES = {
    "type": "boosted_trees",
    "classes": {"signal": ["zprime"], "ttbar": ["ttbar"], "wjets": ["wjets"]},
    "features": ["mtt", "met", "btag_1"],
    "trees": 10,
    "leaves": 4,
}
SUMMARY = {"network": "trees", "bins": 4, "responses": {"trees": 10, "leaf_events": 50}}
WEIGHT = {"type": "weight", "correction": "pileup"}
SYSTEMATICS = {
    "pileup": WEIGHT,
    "xsec_wjets": {"type": "normalisation", "processes": ["wjets"], "up": 0.2},
}
FOLDS = Folds(number=3)
FOLD, VALIDATION, LEARNING = 0, 2, 1
Change = Callable[[str, Columns], Columns]


def negative(sample: str, fold: int) -> Change:
    """All weights of a sample are negative in a fold."""

    def change(name: str, columns: Columns) -> Columns:
        sign = np.where((folds_of(columns.hash, FOLDS) == fold) & (name == sample), -1.0, 1.0)
        weights = {key: sign * np.abs(weight) for key, weight in columns.weights.items()}
        return replace(columns, weight=sign * np.abs(columns.weight), weights=weights)

    return change


def without(sample: str, fold: int) -> Change:
    """A sample has no event in a fold."""

    def change(name: str, columns: Columns) -> Columns:
        kept = (folds_of(columns.hash, FOLDS) != fold) | (name != sample)
        return replace(
            columns,
            values={key: values[kept] for key, values in columns.values.items()},
            weight=columns.weight[kept],
            hash=columns.hash[kept],
            weights={key: weight[kept] for key, weight in columns.weights.items()},
        )

    return change


class Project:
    """A folder with a configuration and columns, and the steps that come after them."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.config = self.configured()
        self.columns = self.written()

    def configured(self, name: str = "config", **changes: Any) -> Path:
        sections: dict[str, Any] = {
            "mva": {"trees": TREES},
            "summary": SUMMARY,
            "systematics": SYSTEMATICS,
            "folds": {"number": FOLDS.number},
        }
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(toy_config(**(sections | changes))))
        return path

    def written(self, name: str = "columns", change: Change = lambda name, own: own) -> list[str]:
        paths = []
        for seed, (sample, (events, expected)) in enumerate(EVENTS.items(), start=1):
            own = replace(toy_events(sample, events, expected, seed), shapes={})
            same = {key.replace("pileup", "again"): w for key, w in own.weights.items()}
            own = replace(own, weights=own.weights | same)
            paths.append(self.folder / name / f"{sample}.h5")
            paths[-1].parent.mkdir(exist_ok=True)
            write_columns(paths[-1], change(sample, own))
        return [str(path) for path in paths]

    def step(self, step: str, *more: str, fold: int = FOLD, **given: Any) -> int:
        config, columns = given.get("config", self.config), given.get("columns", self.columns)
        responses = str(self.folder / f"response_{fold}.safetensors")
        known = {
            "mva": ["--name", "trees", "--output", str(self.folder / f"mva/trees/fold_{fold}")],
            "response": ["--output", responses],
            "efficient_score": [
                *("--networks", str(self.folder / "mva"), "--responses", responses),
                *("--output", str(self.folder / f"score_{fold}")),
            ],
        }
        of_fold = ["--config", str(config), "--fold", str(fold), "--input", *columns]
        return main([step, *of_fold, *known[step], *more])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One whose trees and responses are learned, and whose score is made."""
    made = Project(tmp_path_factory.mktemp("score"))
    assert [made.step(step) for step in ("mva", "response", "efficient_score")] == [0, 0, 0]
    return made


@pytest.mark.parametrize(
    ("step", "change", "message"),
    [
        ("mva", without("zprime", LEARNING), "class 'signal' (samples zprime) has no event in"),
        ("mva", without("wjets", FOLD), "class 'wjets' (samples wjets) has no event in fold 0 of"),
        (
            "efficient_score",
            negative("wjets", LEARNING),
            "weights of class 'wjets' of its network add up to -",
        ),
        ("efficient_score", negative("zprime", VALIDATION), "in fold 2 of 3: simulate more"),
        ("efficient_score", negative("ttbar", VALIDATION), "class 'ttbar' of its network add up"),
        ("efficient_score", without("ttbar", VALIDATION), "add up to 0 in fold 2 of 3"),
    ],
)
def test_a_fold_without_a_class_or_with_a_negative_one(
    project: Project,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    step: str,
    change: Change,
    message: str,
) -> None:
    columns = project.written(f"{step}_{tmp_path.name}", change)
    output = tmp_path / "output"
    assert project.step(step, "--output", str(output), columns=columns) == 1
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert not output.exists()


@pytest.mark.parametrize(
    ("step", "changes", "message"),
    [
        ("response", {"folds": {"number": 2}}, "folds.number: 2 is too few"),
        ("efficient_score", {"summary": {**SUMMARY, "bins": 400}}, "summary.bins: the background"),
        (
            "efficient_score",
            {"mva": {"trees": {**TREES, "features": ["mtt", "met"]}}},
            "the network has features mtt, met, btag_1, the configuration asks for mtt, met; train",
        ),
        (
            "efficient_score",
            {"systematics": {**SYSTEMATICS, "again": WEIGHT}},
            "responses with nuisance parameters pileup, the configuration has again, pileup; run",
        ),
        (
            "efficient_score",
            {"systematics": {}},
            "responses with nuisance parameters pileup, the configuration has none; run `zenith",
        ),
    ],
)
def test_what_was_learned_for_another_configuration(
    project: Project,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    step: str,
    changes: dict[str, Any],
    message: str,
) -> None:
    config, output = project.configured(tmp_path.name, **changes), tmp_path / "output"
    assert project.step(step, "--output", str(output), config=config) == 1
    assert message in capsys.readouterr().err
    assert not output.exists()


def test_responses_of_other_features(
    project: Project, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    mva = {"trees": {**TREES, "features": ["mtt", "met"]}}
    config, output = project.configured("features", mva=mva), str(tmp_path / "response.safetensors")
    assert project.step("response", "--output", output, config=config) == 0
    score = ["--responses", output, "--output", str(tmp_path / "score")]
    assert project.step("efficient_score", *score) == 1
    said = capsys.readouterr().err
    assert f"{output}: responses with features met, mtt, the configuration has btag_1, me" in said
    assert not (tmp_path / "score").exists()


def test_a_nuisance_without_any_response_is_left_out_and_named(
    project: Project, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    def same(name: str, columns: Columns) -> Columns:
        return replace(columns, weights=dict.fromkeys(columns.weights, columns.weight))

    columns, output = project.written("same", same), str(tmp_path / "response.safetensors")
    with caplog.at_level("INFO"):
        assert project.step("response", "--output", output, columns=columns) == 0
    assert "noise, left out" in caplog.text
    score = ["--responses", output, "--output", str(tmp_path / "score")]
    assert project.step("efficient_score", *score, columns=columns) == 0
    about = json.loads((tmp_path / "score/score.json").read_text())
    assert about["left_out"] == ["pileup"]
    nothing = dict.fromkeys(("projected", "coefficient", "cost", "significance"), 0.0)
    assert about["parameters"]["pileup"] == nothing
    assert about["parameters"]["lumi"]["projected"] > 0.0


def test_two_nuisances_that_do_the_same_share_what_one_would_take(
    project: Project, tmp_path: Path
) -> None:
    """Two priors of unit width on one effect are one of width √2."""
    config = project.configured("twice", systematics={**SYSTEMATICS, "again": WEIGHT})
    output = str(tmp_path / "response.safetensors")
    assert project.step("response", "--output", output, config=config) == 0
    score = ["--responses", output, "--output", str(tmp_path / "score")]
    assert project.step("efficient_score", *score, config=config) == 0
    once = json.loads((project.folder / "score_0/score.json").read_text())
    about = json.loads((tmp_path / "score/score.json").read_text())
    one, other = (about["parameters"][name]["projected"] for name in ("pileup", "again"))
    alone = once["parameters"]["pileup"]["projected"]
    assert abs(one - other) < 0.1 * abs(alone)  # trees of another seed
    assert abs(alone) < abs(one + other) < 2 * abs(alone)
    assert about["information"] < once["information"]


def test_more_categories_than_the_events_carry(project: Project) -> None:
    analysis = load(project.config)
    assert analysis.summary is not None
    rival = analysis.summary.rival.model_copy(update={"categories": 50})
    summary = analysis.summary.model_copy(update={"rival": rival, "effective_events": 100.0})
    analysis = analysis.model_copy(update={"summary": summary})
    score, _ = load_score(project.folder / "score_0/score.safetensors", analysis.mva["trees"])
    with pytest.raises(
        InputError, match=r"summary\.rival\.categories: the background fills \d+ ca"
    ):
        in_categories(analysis, read_samples(project.columns), [score] * 3)


@pytest.fixture(scope="module")
def of_all_folds(project: Project) -> list[str]:
    """The efficient scores of all folds."""
    for fold in (1, 2):
        for step in ("mva", "response", "efficient_score"):
            assert project.step(step, fold=fold) == 0
    return [str(project.folder / f"score_{fold}/score.safetensors") for fold in range(3)]


def test_figures_where_regions_are_fitted_in_a_score(
    project: Project,
    of_all_folds: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Drawn is what the network of each event's fold says."""
    fitted, drawn = "trees:signal", dict[str, Any]()

    def against(analysis: Any, observable: str, values: Any, *of_events: Any) -> Any:
        drawn.update({"observable": observable, "values": values})
        return real(analysis, observable, values, *of_events)

    real = efficient_score_gallery.against
    monkeypatch.setattr(efficient_score_gallery, "against", against)
    fit = f"regions.signal.fit={{observable: '{fitted}', edges: [0, 0.5, 1]}}"
    about = [str(Path(path).with_suffix(".json")) for path in of_all_folds]
    files = ["--scores", *of_all_folds, "--about", *about, "--output", str(tmp_path / "figures")]
    given = ["--set", fit, "--set", "summary.rival.region=signal"]
    common = ["--config", str(project.config), *given, "--input", *project.columns]
    assert main(["efficient_score_figures", *common, *files]) == 0
    assert [*(tmp_path / "figures").glob("against_trees_signal.*")]
    networks = [
        load_score(path, load(project.config).mva["trees"])[0].ratios for path in of_all_folds
    ]
    by_fold = [{"trees": network} for network in networks]
    columns = read_samples(project.columns)
    scored = [add_unseen_scores(own, by_fold, FOLDS).values[fitted] for own in columns.values()]
    assert drawn["observable"] == fitted
    np.testing.assert_allclose(np.sort(drawn["values"]), np.sort(np.concatenate(scored)), rtol=1e-5)


def test_other_numbers_of_bins_and_categories_are_what_pyhf_quotes(
    project: Project, of_all_folds: list[str]
) -> None:
    """Of what is configured, though the model has room for more."""
    analysis = load(project.config, ["summary.rival.categories=2"])
    scores = read_scores(analysis, of_all_folds)
    parted, columns = in_categories(analysis, read_samples(project.columns), scores)
    scored = {
        sample: add_unseen_scores(own, [{SCORE: score} for score in scores], FOLDS)
        for sample, own in columns.items()
    }
    found = against_numbers(analysis, scored, scores, bins=[2, 6, 400], categories=[1, 3])
    of_bins, of_categories = found["efficient_score"], found["trees"]
    assert of_bins["numbers"] == [2, 4, 6]  # 400 are more than the events carry
    assert of_categories["numbers"] == [1, 2, 3]
    assert of_bins["z"][1] == pytest.approx(
        quoted_significance(summarised(analysis), scored), rel=5e-3
    )
    assert of_categories["z"][1] == pytest.approx(quoted_significance(parted, columns), rel=5e-3)
    assert of_bins["z"][0] < of_bins["z"][1]
    assert of_categories["z"][0] < of_categories["z"][1]


CELLS = {**SUMMARY, "bins": 3, "cells": {"number": 2, "nuisance": "xsec_wjets"}}


def test_cells_are_regions_of_the_fit(
    project: Project, of_all_folds: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Their histograms have all events, and what they quote is the point of the numbers of bins."""
    config, paths = project.configured("cells", summary=CELLS), []
    for fold in range(3):
        output = tmp_path / f"score_{fold}"
        made = ["--output", str(output)]
        assert project.step("efficient_score", *made, config=config, fold=fold) == 0
        about = json.loads((output / "score.json").read_text())
        assert about["cells"]["nuisance"] == "xsec_wjets"
        assert np.shape(about["edges"]) == (2, 4)
        paths.append(str(output / "score.safetensors"))
    about["cells"]["nuisance"] = "lumi"
    other = tmp_path / "other.json"
    other.write_text(json.dumps(about))
    files = ["--scores", *paths, "--output", str(tmp_path / "figures"), "--about", str(other)]
    files += [str(Path(path).with_suffix(".json")) for path in paths[:2]]
    given = ["--config", str(config), "--input", *project.columns]
    assert main(["efficient_score_figures", *given, *files]) == 0
    assert "are divided by different scores, of lumi and xsec_wjets: write which" in caplog.text
    analysis = load(config)
    scores = read_scores(analysis, paths)
    _, columns = in_categories(analysis, read_samples(project.columns), scores)
    scored = {
        sample: add_unseen_scores(own, [{SCORE: score} for score in scores], FOLDS)
        for sample, own in columns.items()
    }
    whole = summarised(analysis)
    assert [*whole.regions] == ["efficient_score_1", "efficient_score_2"]
    of_cells = collect(blinded(whole), fill(blinded(whole), scored), "cells")
    for sample, own in scored.items():
        row = of_cells[0].processes.index(analysis.samples[sample].process)
        total = sum(region.nominal[row].sum() for region in of_cells)
        assert total == pytest.approx(own.weight.sum(), rel=1e-6)
    # cells of the share of W + jets: the purity of the second is higher in every bin
    wjets = of_cells[0].processes.index("wjets")
    low, high = (region.nominal[wjets] / region.nominal.sum(axis=0) for region in of_cells)
    assert low.max() < high.min()
    found = against_numbers(analysis, scored, scores, bins=[2, 5], categories=[1])
    assert found["efficient_score"]["numbers"] == [2, 3, 5]
    assert found["efficient_score"]["z"][1] == pytest.approx(
        quoted_significance(whole, scored), rel=5e-3
    )
    with pytest.raises(InputError, match=r"has 4 bins, summary\.bins asks for 3"):
        read_scores(analysis, of_all_folds)
