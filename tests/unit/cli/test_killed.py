"""Searches and trainings that SIGKILL ends somewhere: started again, as if nothing had been."""

import json
import logging
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from makers.training_sets import CONFIG, particles, write_particles

from zenith.cli import main

TREES = {
    "type": "boosted_trees",
    "classes": {"background": ["background"], "signal": ["signal"]},
    **{"features": ["st"], "trees": 6, "leaf_events": 5},
}
SETS = {**CONFIG["mva"]["sets"], "width": 4, "head": [4], "epochs": 3, "patience": 3}
SPACE = {"leaves": [2, 3, 5], "learning_rate": {"low": 0.02, "high": 0.8, "log": True}}
CONFIGURATION = {
    **CONFIG,
    "mva": {"net": TREES, "sets": SETS},
    "tune": {"network": "net", "space": SPACE, "trials": 5},
}
# Each is killed where a line of these says, in a process of its own.
SCRIPT = """
import os, signal, sys

import optuna
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from zenith.cli import main
from zenith.training import checkpoints, train as training, tuning


def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def before_the_mark():
    note = optuna.Study.set_user_attr
    optuna.Study.set_user_attr = lambda *given: kill() if given[1] == "zenith" else note(*given)


def in_epoch(last, module, number=1):
    train, trained = module.train, []

    def killed(name, mva, first, second, seed, progress, *more, **named):
        trained.append(name)

        def report(epoch, *losses):
            kill() if (len(trained), epoch) == (number, last) else progress(epoch, *losses)

        return train(name, mva, first, second, seed, report, *more, **named)

    module.train = killed


def half_written():  # with hardly any memory, SQLite writes to the file what it may take back
    event.listen(Engine, "connect", lambda file, _: file.execute("PRAGMA cache_size = 1"))
    event.listen(Session, "after_flush", lambda *_: event.listen(Session, "before_commit", kill))


"""
BEGUN, STORED = "before_the_mark()", "half_written()"
TAUGHT, LEARNT = "in_epoch(3, tuning, 3)", "checkpoints.PAUSE = 0.0; in_epoch(3, training)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set and a configuration."""
    folder = tmp_path_factory.mktemp("killed")
    (folder / "particles.yaml").write_text(yaml.safe_dump(CONFIGURATION, sort_keys=False))
    write_particles(folder / "set.h5", particles())
    return folder


def command(step: str, folder: Path, output: Path, *more: str) -> list[str]:
    files = ["--config", str(folder / "particles.yaml"), "--input", str(folder / "set.h5")]
    return [step, *files, "--output", str(output), *more]


def killed(where: str, arguments: list[str]) -> None:
    script = f"{SCRIPT}{where}\nmain(sys.argv[1:])"
    found = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True)
    assert found.returncode == -signal.SIGKILL, found.stderr.decode()


def trials(file: Path) -> list[tuple[Any, ...]]:
    with sqlite3.connect(file) as database:
        return database.execute("SELECT number, state FROM trials").fetchall()


def test_a_search_that_is_killed_thrice_ends_as_one_that_is_not(
    folder: Path, tmp_path: Path
) -> None:
    """As its file begins, within the training of a trial, and within the writing of one."""
    whole = command("tune", folder, tmp_path / "whole")
    assert main(whole) == 0
    again = command("tune", folder, tmp_path / "again")
    database = tmp_path / "again/trials.db"
    killed(BEGUN, again)
    assert not database.exists()
    killed(TAUGHT, again)
    assert trials(database) == [(0, "COMPLETE"), (1, "COMPLETE")]
    killed(STORED, again)
    assert (tmp_path / "again/trials.db-journal").exists()  # half of the third is in the file
    assert main(again) == 0
    assert trials(database) == trials(tmp_path / "whole/trials.db")
    assert len(trials(database)) == 5
    first, second = (
        json.loads((tmp_path / name / "tuned.json").read_text()) for name in ("whole", "again")
    )
    for content in (first, second):
        for one in (*content["tried"], content["best"]):
            del one["seconds"]
    assert second["tried"] == first["tried"]
    assert second["best"] == first["best"]
    best = [(tmp_path / name / "best.yaml").read_bytes() for name in ("whole", "again")]
    assert best[0] == best[1]
    left = {path.name for path in (tmp_path / "again").iterdir()}
    assert left == {path.name for path in (tmp_path / "whole").iterdir()}


def test_a_training_that_is_killed_ends_with_the_same_weights(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    only = ["--set", "mva.net=null", "--set", "tune=null"]
    assert main(command("train", folder, tmp_path / "whole", *only)) == 0
    again = command("train", folder, tmp_path / "again", *only)
    killed(LEARNT, again)
    assert [path.name for path in (tmp_path / "again").iterdir()] == ["checkpoint.safetensors"]
    with caplog.at_level(logging.INFO):
        assert main(again) == 0
    assert "checkpoint.safetensors: goes on after epoch 2" in caplog.text
    whole, after = (
        {path.name: path.read_bytes() for path in (tmp_path / name).glob("*.*")}
        for name in ("whole", "again")
    )
    assert whole.keys() == after.keys()
    for name in ("initial.safetensors", "network.onnx"):
        assert after[name] == whole[name]
