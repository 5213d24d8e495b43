"""`zenith tune`: the same trials again, also after a kill, judged on the validation part alone."""

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import optuna
import pytest
import yaml
from makers.training_sets import CONFIG, particles, write_particles
from optuna.trial import FrozenTrial

from zenith.artefacts import Columns, write_columns
from zenith.cli import main
from zenith.config import load, parse
from zenith.config.dependencies import step_config
from zenith.config.tuning import Tune
from zenith.errors import ConfigError, InputError
from zenith.events.folds import hash_of
from zenith.training.evaluate import roc
from zenith.training.study_files import StudyFile
from zenith.training.tuning import DIRECTIONS, resumed, search_settings, settings_of, tried

TREES = {
    "type": "boosted_trees",
    "classes": {"background": ["background"], "signal": ["signal"]},
    **{"features": ["st"], "trees": 12, "leaf_events": 5, "patience": 3},
}
SPACE = {
    "leaves": [2, 3, 5],
    "learning_rate": {"low": 0.02, "high": 0.8, "log": True},
    "leaf_weight": {"low": 0.5, "high": 3.0, "step": 0.5},
}
TUNE = {"network": "net", "space": SPACE, "pruner": "none", "trials": 5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set, a configuration, and what a search has left in `out`."""
    folder = tmp_path_factory.mktemp("tune")
    config = {**CONFIG, "mva": {"net": TREES}, "tune": TUNE}
    (folder / "particles.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    write_particles(folder / "set.h5", particles())
    assert zenith(folder, "out") == 0
    return folder


def zenith(folder: Path, output: str, *more: str, file: str = "set.h5") -> int:
    files = ["--config", str(folder / "particles.yaml"), "--input", str(folder / file)]
    return main(["tune", *files, "--output", str(folder / output), *more])


def found(folder: Path, output: str = "out") -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / output / "tuned.json").read_text())
    return content


def numbers(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The trials without how long they took."""
    return [{k: v for k, v in one.items() if k != "seconds"} for one in content["tried"]]


def test_the_best_file_trains_to_the_best_loss(folder: Path) -> None:
    content = found(folder)
    values = [one["value"] for one in content["tried"]]
    assert len(values) == 5
    assert content["best"] == content["tried"][int(np.argmin(values))]
    best = yaml.safe_load((folder / "out/best.yaml").read_text())
    assert best["base"] == str(folder / "particles.yaml")
    settings = {key: json.loads(text) for key, text in content["best"]["settings"].items()}
    assert best["mva"] == {"net": settings}
    assert load(str(folder / "out/best.yaml")).tune is None
    train = ["train", "--config", str(folder / "out/best.yaml"), "--input", str(folder / "set.h5")]
    assert main([*train, "--output", str(folder / "net")]) == 0
    metrics = json.loads((folder / "net/metrics.json").read_text())
    assert min(metrics["losses"]["validation"]) == content["best"]["value"]
    assert metrics["best_epoch"] == content["epoch"]
    drawn = {path.name for path in (folder / "out/figures").iterdir()}
    assert drawn == {"history.png", "slices.png", "epochs.png", "importances.png"}
    assert main(["inspect", str(folder / "out/tuned.json")]) == 0


def test_a_search_that_was_stopped_goes_on_and_never_sees_the_test_part(folder: Path) -> None:
    """Two trials, then five; the labels of the events that judge nothing are turned around."""
    assert zenith(folder, "again", "--set", "tune.trials=2") == 0
    assert numbers(found(folder, "again")) == numbers(found(folder))[:2]
    assert zenith(folder, "again") == 0
    assert numbers(found(folder, "again")) == numbers(found(folder))
    arrays = particles()
    test = arrays["events"]["part"] == 2
    arrays["events"]["label"][test] = 1 - arrays["events"]["label"][test]
    write_particles(folder / "turned.h5", arrays)
    assert zenith(folder, "turned", file="turned.h5") == 0
    assert numbers(found(folder, "turned")) == numbers(found(folder))
    assert zenith(folder, "seed", "--set", "seed=2") == 0
    assert numbers(found(folder, "seed")) != numbers(found(folder))


def test_the_area_is_that_of_the_validation_part(folder: Path) -> None:
    options = ["--set", "tune.objective=auc", "--set", "tune.trials=3"]
    assert zenith(folder, "auc", *options) == 0
    content = found(folder, "auc")
    assert content["best"]["value"] == max(one["value"] for one in content["tried"])
    files = ["--input", str(folder / "set.h5"), "--output", str(folder / "auc/net")]
    assert main(["train", "--config", str(folder / "auc/best.yaml"), *files]) == 0
    scored = str(folder / "scored.h5")
    assert main(["score", "--network", str(folder / "auc/net"), *files[:3], scored]) == 0
    with h5py.File(scored) as file:
        scores, events = file["scores"][:, 0], file["events"][:]
    judge = events["part"] == 1
    auc = roc(scores[judge], events["label"][judge] == 1, events["weight"][judge]).auc
    assert content["best"]["value"] == pytest.approx(auc, abs=1e-9)


def test_a_network_that_reads_objects(folder: Path) -> None:
    """Trained by gradient descent: its best trial is what `zenith train` makes of the best file."""
    sets = {**CONFIG["mva"]["sets"], "width": 4, "heads": 2, "layers": 1, "head": [4]}
    space = {"learning_rate": [0.002, 0.02], "objects.jet.transforms": [{}, {"pt": ["log"]}]}
    config = {**CONFIG, "mva": {"sets": sets}}
    config["tune"] = {"network": "sets", "space": space, "trials": 2, "sampler": "grid"}
    path, files = folder / "sets.yaml", ["--input", str(folder / "set.h5"), "--output"]
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    assert main(["tune", "--config", str(path), *files, str(folder / "sets")]) == 0
    train = ["train", "--config", str(folder / "sets/best.yaml"), *files, str(folder / "sets/net")]
    assert main(train) == 0
    metrics = json.loads((folder / "sets/net/metrics.json").read_text())
    best = found(folder, "sets")["best"]
    assert min(metrics["losses"]["validation"]) == best["value"]
    assert best["epochs"] == 2


def test_columns_of_an_analysis(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folds that teach one judge; `zenith mva` has the loss of the best trial."""
    rng, files = np.random.default_rng(1), []
    for k, sample in enumerate(("wjets", "ttbar_dileptonic", "ttbar_semileptonic")):
        met = rng.exponential(60.0 if k == 0 else 120.0, 400).astype(np.float32)
        columns = Columns({"met": met}, np.ones(400), hash_of(k, np.arange(400)))
        columns.attributes["sample"] = sample
        files.append(str(tmp_path / f"{sample}.h5"))
        write_columns(files[-1], columns)
    classes = "{wjets: [wjets], ttbar: [ttbar_dileptonic, ttbar_semileptonic]}"
    trees = "type: boosted_trees, features: [met], trees: 5, leaf_events: 5"
    options = ["--set", f"mva={{net: {{classes: {classes}, {trees}}}}}"]
    options += ["--set", "tune={network: net, space: {leaves: [2, 4]}, trials: 2, sampler: grid}"]
    command = ["tune", "--config", "config/zprime.yaml", *options, "--input", *files]
    assert main([*command, "--output", str(tmp_path / "out")]) == 1
    assert "--fold: missing" in capsys.readouterr().err
    assert main([*command, "--fold", "2", "--output", str(tmp_path / "out")]) == 0
    train = ["mva", "--config", str(tmp_path / "out/best.yaml"), "--name", "net", "--fold", "2"]
    assert main([*train, "--input", *files, "--output", str(tmp_path / "net")]) == 0
    metrics = json.loads((tmp_path / "net/metrics.json").read_text())
    assert min(metrics["losses"]["validation"]) == found(tmp_path)["best"]["value"]


def test_the_job_depends_on_the_search_and_on_the_training(folder: Path) -> None:
    def part(*overrides: str) -> str:
        return step_config(load(str(folder / "particles.yaml"), overrides), "tune")

    whole = part()
    changes = ("mva.net.patience=4", "tune.trials=9", "seed=4", "tune.space.leaves=[2, 3]")
    assert len({whole, *map(part, changes)}) == 5
    assert part("title=Other", "mva.net.threads=2") == whole


class Killed(BaseException):
    """What ends a process in the middle of a trial."""


class Bowl:
    """In place of a training: a known function of the settings, epoch after epoch."""

    mva = parse({**CONFIG, "mva": {"net": TREES}}).mva["net"]

    def __init__(self, kill_at: int = -1) -> None:
        self.kill_at = kill_at

    def __call__(self, trial: optuna.Trial, settings: Mapping[str, Any]) -> tuple[float, int]:
        value = np.log(settings["learning_rate"] / 0.1) ** 2 + (settings["leaf_weight"] - 2.0) ** 2
        value += 0.1 * settings["leaves"]
        for epoch in range(1, 9):
            trial.report(value + 1.0 / epoch, epoch)
            if trial.number == self.kill_at and epoch == 2:
                raise Killed
            if trial.should_prune():
                raise optuna.TrialPruned
        return float(value), 8


def bowl(path: Path, tune: Tune, kill_at: int = -1, seed: int = 3) -> list[Any]:
    stored = StudyFile(path, "bowl", DIRECTIONS[tune.objective])
    study = resumed(tune, seed, stored.trials)
    search_settings(study, tune, Bowl(kill_at), stored.add)  # type: ignore[arg-type]
    return [{**tried(tune, trial), "seconds": 0.0} for trial in study.trials]


@pytest.mark.parametrize(
    ("sampler", "pruner"),
    [
        ("tpe", "median"),
        ("random", "successive_halving"),
        ("cma_es", "none"),
        ("cma_es", "median"),
        ("grid", "median"),
    ],
)
def test_a_search_that_was_killed_is_one_that_was_not(
    tmp_path: Path, sampler: str, pruner: str
) -> None:
    """Killed within two of its trials: random numbers and pruning are as if nothing had been."""
    space: dict[str, Any] = {**SPACE}
    if sampler == "grid":
        space["learning_rate"] = [0.1, 0.3]
    tune = Tune.model_validate(
        {**TUNE, "space": space, "sampler": sampler, "pruner": pruner, "trials": 22}
    )
    whole = bowl(tmp_path / "whole.db", tune)
    assert len(whole) == 22
    assert ("pruned" in {one["state"] for one in whole}) == (pruner != "none")
    for kill_at in (4, 15):
        with pytest.raises(Killed):
            bowl(tmp_path / "killed.db", tune, kill_at)
    assert bowl(tmp_path / "killed.db", tune) == whole
    assert bowl(tmp_path / "other.db", tune, seed=4) != whole
    if sampler == "grid":
        assert len({tuple(one["settings"].items()) for one in whole}) == 22
    elif sampler == "tpe":
        values = [one["value"] for one in whole if one["value"] is not None]
        assert min(values) < 1.0


def test_a_whole_grid_ends_the_search(tmp_path: Path) -> None:
    """Settings that the network refuses together have failed; the others are judged."""
    space = {"leaves": [2, 3], "learning_rate": [0.1, 0.3], "leaf_weight": [2.0]}
    tune = Tune.model_validate({**TUNE, "space": space, "sampler": "grid", "trials": None})
    assert len(bowl(tmp_path / "a.db", tune)) == tune.most == 4
    sets = parse(CONFIG).mva["sets"]
    space = {"width": [8, 6], "heads": [4, 3]}
    tune = Tune.model_validate({**TUNE, "space": space, "sampler": "grid"})
    study = resumed(tune, 1)

    class Reads(Bowl):
        mva = sets

        def __call__(self, trial: Any, settings: Mapping[str, Any]) -> tuple[float, int]:
            return float(settings["width"]), 1

    search_settings(study, tune, Reads(), lambda trial: None)  # type: ignore[arg-type]
    failed = {tuple(settings_of(tune, t).values()) for t in study.trials if t.state.name == "FAIL"}
    assert failed == {(8, 3), (6, 4)}
    reason = next(t.user_attrs["reason"] for t in study.trials if t.state.name == "FAIL")
    assert "heads do not divide the width" in reason


def test_lists_and_null_are_choices() -> None:
    space = {"clip": [None, 1.0], "head": [[4], [8, 4]], "transforms": [{}, {"st": ["log"]}]}
    tune = Tune.model_validate({**TUNE, "space": space, "sampler": "grid", "trials": 8})
    study = resumed(tune, 1)
    seen: list[Any] = []

    class Sees(Bowl):
        mva = parse(CONFIG).mva["sets"]

        def __call__(self, trial: Any, settings: Mapping[str, Any]) -> tuple[float, int]:
            seen.append(dict(settings))
            return 1.0, 1

    search_settings(study, tune, Sees(), lambda trial: None)  # type: ignore[arg-type]
    expected = [
        {"clip": c, "head": h, "transforms": t}
        for c in space["clip"]
        for h in space["head"]
        for t in space["transforms"]
    ]
    assert len(seen) == 8
    assert all(one in seen for one in expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space": {"leafs": [2, 3]}}, "tune.space: leafs: unknown key; did you mean 'leaves'?"),
        ({"space": {"leaves": []}}, "tune.space: leaves: is empty; give a choice at least"),
        ({"space": {"leaves": [3, 2, 3]}}, "tune.space: leaves: 3 is given twice; remove one"),
        ({"space": {"leaves": {"low": 2.0, "high": 9.0}}}, "leaves: Input should be a valid integ"),
        ({"space": {"leaves": 3}}, "leaves: 3 is neither a list of choices nor a range; write [3]"),
        ({"space": {}}, "tune.space: "),
        ({"space": {"leaves": {"low": 9, "high": 2}}}, "from low: 9 to high: 2 is reversed"),
        ({"space": {"leaves": {"low": 3, "high": 3}}}, "from low: 3 to high: 3 is empty"),
        ({"space": {"leaf_weight": {"low": 0, "high": 2, "log": True}}}, "log: the logarithm beg"),
        ({"space": {"leaves": {"low": "few", "high": 3}}}, "space.leaves.low: Input should be a"),
        ({"space": {"leaves": {"low": 3}}}, "tune.space.leaves.high: missing (largest value)"),
        ({"space": {"leaf_weight": {"low": 0, "high": 2}}}, "leaf_weight: Input should be greater"),
        ({"space": {"leaves": [2, 1]}}, "leaves: Input should be greater than or equal to 2, not"),
        ({"space": {"leaves": ["many"]}}, "leaves: Input should be a valid integer"),
        ({"space": {"classes": [{}]}}, "tune.space.classes: trials would be judged by other even"),
        ({"space": {"balance": ["none"]}}, "tune.space.balance: it changes the loss itself"),
        ({"network": "nets"}, "tune.network: 'nets' is not defined; there is net"),
        ({"sampler": "cma_es", "space": {"leaves": [2, 3]}}, "sampler: cma_es needs two ranges"),
        ({"sampler": "grid"}, "space.learning_rate: a grid needs a step, or choices"),
        ({"space": {"leaves": {"low": 2, "high": 9, "step": 1.5}}}, "step: 1.5 is no whole number"),
        ({"storage": "../a.db"}, "tune.storage: String should match pattern"),
    ],
)
def test_what_is_no_search(folder: Path, changes: dict[str, Any], message: str) -> None:
    """One message each, with the file and the key."""
    path = folder / "wrong.yaml"
    config = {**CONFIG, "mva": {"net": TREES}, "tune": {**TUNE, **changes}}
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    with pytest.raises(ConfigError) as error:
        load(str(path))
    text = str(error.value)
    assert message in text
    assert text.startswith(f"{path}: tune")
    assert "\n" not in text


def test_a_file_that_is_not_of_this_search(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is named, and neither changed nor anything written beside it."""
    files = {"corrupt": tmp_path / "a/trials.db", "foreign": tmp_path / "b/trials.db"}
    files |= {"of Optuna": tmp_path / "c/trials.db"}
    for path in files.values():
        path.parent.mkdir()
    files["corrupt"].write_bytes(b"no database" * 100)
    with sqlite3.connect(files["foreign"]) as database:
        database.execute("CREATE TABLE events (weight REAL)")
    database.close()
    optuna.create_study(study_name="other", storage=f"sqlite:///{files['of Optuna']}")
    for what, message in (
        ("corrupt", "not an SQLite file"),
        ("foreign", "no trials of Optuna (no such table: studies)"),
        ("of Optuna", "has no trials of `zenith tune`"),
    ):
        path, before = files[what], files[what].read_bytes()
        command = ["tune", "--config", str(folder / "particles.yaml")]
        input_ = ["--input", str(folder / "set.h5"), "--output", str(path.parent)]
        assert main([*command, *input_]) == 1
        printed = capsys.readouterr().err
        assert f"zenith tune: error: {path}: {message}" in printed
        assert printed.endswith("remove it, or name another file (tune.storage)\n")
        assert path.read_bytes() == before
        assert [p.name for p in path.parent.iterdir()] == ["trials.db"]


def test_trials_that_would_not_have_been_proposed_are_refused() -> None:
    tune = Tune.model_validate({**TUNE, "trials": 3})
    trials: list[FrozenTrial] = []
    study = resumed(tune, 1)
    search_settings(study, tune, Bowl(), trials.append)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="trial 0 has other settings than this search proposes"):
        resumed(tune, 2, trials)


def test_overrides_are_in_the_best_file(folder: Path) -> None:
    options = ["--set", "tune.trials=1", "--set", "mva.net.trees=4", "--base", "other.yaml"]
    assert zenith(folder, "over", *options) == 0
    best = yaml.safe_load((folder / "over/best.yaml").read_text())
    assert best["base"] == "other.yaml"
    assert best["mva"]["net"]["trees"] == 4
    assert best["tune"] is None
