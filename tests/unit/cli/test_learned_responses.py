"""From columns with copies to an efficient score of responses that networks learn, by command."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from zenith.artefacts import Columns, write_columns
from zenith.artefacts.tensors import read_tensors, write_tensors
from zenith.cli import main
from zenith.config import load
from zenith.core.response.learned import LearnedResponse
from zenith.events import copies
from zenith.events.folds import hash_of
from zenith.simulation import summary_toy as toy
from zenith.simulation.summary_toy_events import NAMES
from zenith.training.score_files import load_responses, load_score

EVENTS = {"h": 900, "Z": 1500, "tt": 1200, "VV": 900}
TREES = {
    "type": "boosted_trees",
    "classes": {name: [name] for name in EVENTS},
    "features": list(NAMES),
    "cuts": ["accepted == 1"],
    "trees": 10,
}
LEARNED = {"hidden": [4], "steps": 30, "batch": 64, "points": 2, "held_out": 1}


def written(folder: Path, **changes: Any) -> Path:
    """The shipped configuration, small."""
    whole = yaml.safe_load(Path("config/summary-toy.yaml").read_text())
    whole |= {
        "mva": {"processes": TREES},
        "folds": {"number": 3},
        "copies": {"random": 4},
        "summary": {
            "network": "processes",
            "bins": 4,
            "effective_events": 2,
            "tuning": {"steps": 0},
            "responses": {"significance": 0.0},
            "learned_responses": LEARNED,
        },
    }
    for key in ("surfaces", "interval", "coverage"):
        whole.pop(key, None)
    folder.mkdir(exist_ok=True)
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(whole | changes, sort_keys=False))
    return path


def columns(config: Path, folder: Path, change: Any = lambda name, own: own) -> list[str]:
    """Events of the toy, as the step `columns` makes them."""
    analysis, paths = load(config), []
    for k, (process, number) in enumerate(EVENTS.items()):
        threshold = 1.25 * np.random.default_rng(k).random(number)

        def at(pulls: Any, k: int = k, threshold: Any = threshold) -> dict[str, Any]:
            point = np.array([pulls.get(name, 0.0) for name in toy.NUISANCES])
            process = list(toy.PROCESSES)[k]
            x = toy.sample(process, len(threshold), point, seed=1).astype(np.float32)
            ratio = np.exp(np.asarray(toy.log_yields(point))[k]) / toy.EXPECTED[k]
            accepted = (threshold < ratio).astype(np.float32)
            return {**dict(zip(NAMES, x.T, strict=True)), "accepted": accepted}

        sides = {"up": 1.0, "down": -1.0}.items()
        own = Columns(
            at({}),
            np.full(number, 1.25 * toy.EXPECTED[k] / number),
            hash_of(k, np.arange(number)),
            shapes={f"{n}_{side}": at({n: v}) for n in toy.SHAPES for side, v in sides},
            copies={n: at(point) for n, point in copies.of_process(analysis, process).items()},
            attributes={"sample": process, "era": "toy"},
        )
        paths.append(str(folder / f"{process}.h5"))
        write_columns(paths[-1], change(process, own))
    return paths


class Project:
    """A folder with a configuration and columns, whose steps are run for fold 0."""

    def __init__(self, folder: Path):
        self.folder, self.config = folder, written(folder)
        self.columns = columns(self.config, folder)

    def response(self, to: Path, config: Path | None = None, given: Any = None) -> int:
        of_fold = ["--config", str(config or self.config), "--fold", "0"]
        outputs = ["--output", f"{to}.safetensors", "--about", f"{to}.json"]
        return main(["response", *of_fold, "--input", *(given or self.columns), *outputs])

    def score(self, responses: Path, to: Path, config: Path | None = None) -> int:
        of_fold = ["--config", str(config or self.config), "--fold", "0"]
        read = ["--networks", str(self.folder / "mva"), "--responses", str(responses)]
        return main(
            ["efficient_score", *of_fold, "--input", *self.columns, *read, "--output", str(to)]
        )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("learned"))
    of_fold = ["--config", str(made.config), "--fold", "0", "--name", "processes"]
    output = str(made.folder / "mva/processes/fold_0")
    assert main(["mva", *of_fold, "--input", *made.columns, "--output", output]) == 0
    assert made.response(made.folder / "response") == 0
    assert made.score(made.folder / "response.safetensors", made.folder / "score") == 0
    return made


def test_files_say_what_was_learned_and_by_whom(project: Project) -> None:
    about = json.loads((project.folder / "response.json").read_text())
    assert about["parameters"] == ["t", "j", "s"]
    assert (about["fold"], about["taught_by"]) == (0, [1, 2])
    assert (about["points"], len(about["held_out"])) == (15, 1)
    assert set(about["processes"]) == set(EVENTS)
    of_tt = about["processes"]["tt"]
    assert set(of_tt["chi2"]) == set(NAMES)
    assert set(of_tt["rates"]) == {"t", "j", "s", "t²", "t × j", "t × s", "j²", "j × s", "s²"}
    assert set(of_tt["exact"]) == set(toy.SHAPES)
    assert all(abs(of["correlation"]) <= 1.0 for of in of_tt["exact"].values())
    assert about["number"] == sum(sum(of["number"].values()) for of in about["processes"].values())
    score = json.loads((project.folder / "score/score.json").read_text())
    assert score["closure"]["number"] <= 4  # bins, at one point
    assert [*score["parameters"]][-3:] == ["t", "j", "s"]
    for name in toy.SHAPES:
        assert (score["parameters"][name]["projected"] == 0.0) == (name in score["left_out"])


def test_a_score_keeps_its_learned_responses(project: Project) -> None:
    responses = load_responses(project.folder / "response.safetensors")
    mva = load(project.config).mva["processes"]
    score, _ = load_score(project.folder / "score/score.safetensors", mva, 4)
    assert responses.network is None
    assert isinstance(score.learned, LearnedResponse)
    assert responses.learned is not None
    for name, array in responses.learned.to_arrays().items():
        np.testing.assert_array_equal(score.learned.to_arrays()[name], array)
    np.testing.assert_array_equal(score.scales, np.float32([*responses.scales.values()]))
    # a class is one process, in the order of the configuration
    order = [list(score.ratios.classes).index(name) for name in score.learned.processes]
    np.testing.assert_array_equal(np.asarray(score.composition)[order], np.eye(4))


def nan_weight(name: str, own: Columns) -> Columns:
    return replace(own, weight=np.where(np.arange(len(own.weight)) == 5, np.nan, own.weight))


def no_copy(name: str, own: Columns) -> Columns:
    return replace(own, copies={})


def nan_in_copy(name: str, own: Columns) -> Columns:
    broken = {n: {**v, "jet": np.full_like(v["jet"], np.nan)} for n, v in own.copies.items()}
    return replace(own, copies=broken)


def undefined(name: str, own: Columns) -> Columns:
    def without(values: Any) -> Any:
        return {**values, "jet": np.full_like(values["jet"], -25.0)}

    varied = {key: without(values) for key, values in own.copies.items()}
    return replace(own, values=without(own.values), copies=varied)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (nan_weight, "the columns of sample 'h' hold weights that are not finite"),
        (no_copy, "the columns of sample 'h' lack the copy at t=-2: make them again"),
        (nan_in_copy, "the columns of sample 'h' hold NaN or inf in 'jet'"),
        (undefined, "the feature 'jet' is -25 in all training events"),
    ],
)
def test_columns_that_cannot_teach(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Any, message: str
) -> None:
    given = columns(project.config, tmp_path, change)
    assert project.response(tmp_path / "response", given=given) == 1
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert not list(tmp_path.glob("response*"))


def test_responses_that_are_not_what_is_configured(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A broken file, one of trees, and one of other features: each an error that names it."""
    header, arrays = read_tensors(project.folder / "response.safetensors")
    damaged = tmp_path / "damaged.safetensors"
    write_tensors(damaged, header, dict(list(arrays.items())[1:]))
    other = {**header, "learned": {**header["learned"], "features": ["a", *NAMES[1:]]}}
    write_tensors(tmp_path / "other.safetensors", other, arrays)
    alone = {key: value for key, value in header.items() if key != "learned"}
    write_tensors(tmp_path / "trees.safetensors", {**alone}, {})
    for name, message in {
        "damaged": "not the responses of a fold (network: array",
        "other": "responses with features a, jet, met, pt_h, the configuration has jet, mass",
        "trees": "responses with networks of the parameters none, the configuration has j, s, t",
        "absent": "absent.safetensors",
    }.items():
        path = tmp_path / f"{name}.safetensors"
        assert project.score(path, tmp_path / "score") == 1
        said = capsys.readouterr().err
        assert message in said
        assert str(path) in said
        assert not (tmp_path / "score").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"copies": None}, "summary.learned_responses: they learn from copies of the events"),
        ({"copies": {"random": 3}}, "copies.random: 3 points do not determine the response to 3"),
    ],
)
def test_copies_that_are_too_few(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], message: str
) -> None:
    config = written(tmp_path / "few", **changes)
    given = ["--fold", "0", "--input", str(config), "--output", str(tmp_path / "r.safetensors")]
    assert main(["response", "--config", str(config), *given]) == 1
    assert message in capsys.readouterr().err
