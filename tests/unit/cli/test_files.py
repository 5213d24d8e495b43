"""Files of a step that stand in each other's way are refused before anything is touched."""

import argparse
import importlib
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from zenith.cli import main
from zenith.cli.files import Folder, Input, Output
from zenith.config.steps import COMMANDS

CONTENT = "what the user has"


def options(step: str) -> list[argparse.Action]:
    parser = argparse.ArgumentParser()
    importlib.import_module(f"zenith.cli.{step}").arguments(parser)
    return parser._actions


def pairs() -> Iterator[tuple[str, str, str]]:
    for step in COMMANDS:
        kinds = {Input: [], Output: []}  # type: ignore[var-annotated]
        for option in options(step):
            if option.type in kinds:
                kinds[option.type].append(option.dest)
        yield from ((step, i, o) for i in kinds[Input] for o in kinds[Output])
        yield from ((step, a, b) for a, b in itertools.combinations(kinds[Output], 2))


def command(step: str, **given: str) -> list[str]:
    """A command with all that the step requires; other files of their own names."""
    words = [step]
    for option in options(step):
        value = given.get(option.dest)
        if value is None:
            if not (option.required or not option.option_strings) or option.dest == "help":
                continue
            value = str(option.choices[0]) if option.choices else f"{option.dest}.own"
            value = "0" if option.type is int else value
        words += [*option.option_strings[-1:], value]
    if step == "simulate":
        words += ["--output", given["output"]] if "output" not in words else []
    return words


@pytest.mark.parametrize("step", COMMANDS)
def test_every_step_says_which_files_it_reads_and_writes(step: str) -> None:
    kinds = r"H5|ROOT|JSON|MD|FILE|SKIM|\w+\.(h5|root|npz)"
    for option in options(step):
        if re.fullmatch(kinds, str(option.metavar)):
            assert option.type in (Input, Output), option.dest


@pytest.mark.parametrize(("step", "one", "output"), [*pairs()])
def test_an_output_that_is_another_file_of_the_step(
    step: str,
    one: str,
    output: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.x").write_text(CONTENT)
    os.symlink("a.x", "symbolic.x")
    os.link("a.x", "hard.x")
    spellings = ("a.x", "./a.x", str(tmp_path / "a.x"), "symbolic.x", "hard.x")
    for spelling in spellings if step == "skim" else spellings[1::2]:
        assert main(command(step, **{one: "a.x", output: spelling})) == 1
        message = capsys.readouterr().err
        assert message.startswith(f"zenith {step}: error: --")
        assert f"{spelling}: is " in message
        assert message.count("\n") == 1
    assert sorted(os.listdir()) == ["a.x", "hard.x", "symbolic.x"]
    assert {Path(name).read_text() for name in os.listdir()} == {CONTENT}


@pytest.mark.parametrize(
    ("step", "option"),
    [
        (step, o.dest)
        for step in COMMANDS
        for o in options(step)
        if o.type is Input and o.nargs == "+"
    ],
)
def test_an_input_that_is_given_twice(
    step: str,
    option: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.x").write_text(CONTENT)
    os.symlink(".", "folder")
    spellings = ("./a.x", "a.x", "folder/a.x", str(tmp_path / "a.x"))
    for spelling in spellings if step == "columns" else spellings[:1]:
        words = command(step, **{option: "a.x"})
        words.insert(words.index("a.x") + 1, spelling)
        assert main(words) == 1
        assert f"--{option.replace('_', '-')}: a.x is given" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("step", "output"),
    [(step, o.dest) for step in COMMANDS for o in options(step) if o.type is Output],
)
def test_an_output_that_can_be_no_file(
    step: str,
    output: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("file").write_text(CONTENT)
    for path, reason in (
        ("folder", "folder: cannot be written (it is a folder; name a file in it)"),
        ("file/out.x", "file is a file, not a folder"),
        ("file/a/b/out.x", "file is a file, not a folder"),
        ("root://host//out.x", "outputs are local files"),
    ):
        assert main(command(step, **{output: path})) == 1
        message = capsys.readouterr().err
        assert reason in message
        assert message.count("\n") == 1
    assert sorted(os.listdir()) == ["file", "folder"]


@pytest.mark.parametrize(
    ("step", "output"),
    [(step, o.dest) for step in COMMANDS for o in options(step) if o.type is Folder],
)
def test_a_folder_that_can_be_none(
    step: str,
    output: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text(CONTENT)
    for path in ("file", "file/below/it"):
        assert main(command(step, **{output: path})) == 1
        message = capsys.readouterr().err
        assert message.endswith(
            f"{path}: cannot be written ({tmp_path}/file is a file, not a folder)\n"
        )
    assert os.listdir() == ["file"]


def test_what_the_configuration_names_is_an_input_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("events.h5").write_text(CONTENT)
    scored = {"inputs": {"scored": {"file": "events.h5"}}, "categorise": {"numbers": [2]}}
    Path("mine.yaml").write_text(json.dumps({"name": "mine", **scored}))
    files = ["--train", "train.h5", "--unseen", "./events.h5"]
    assert main(["scored", "--config", "mine.yaml", *files]) == 1
    assert "./events.h5: is the file of inputs.scored.file, an input" in capsys.readouterr().err
    assert Path("events.h5").read_text() == CONTENT


def test_unseen_events_are_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    same = ["--train", f"{tmp_path}/a.h5", "--unseen", f"{tmp_path}/./a.h5"]
    output = ["--input", "c.json", "--output", f"{tmp_path}/o.json"]
    assert main(["category_scan", *output, *same]) == 1
    assert "are the same events" in capsys.readouterr().err


# What is printed


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    """`| head`: nothing on standard error, for much and for little that is printed."""
    path = tmp_path / "a.json"
    path.write_text(json.dumps({f"key {k}": k for k in range(30_000)}))
    for step in (["inspect", str(path)], ["--help"], ["skim", "--help"], ["diff", path, path]):
        process = subprocess.Popen(
            [sys.executable, "-m", "zenith", *map(str, step)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.close()
        _, error = process.communicate()
        expected = b"" if step[0] != "diff" else b"zenith diff: error: "
        assert error.startswith(expected)
        assert b"Broken" not in error
        assert process.returncode == (0 if step[0] != "diff" else 2)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_an_output_that_is_full(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"key": 1}')
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [sys.executable, "-m", "zenith", "inspect", path], stdout=full, stderr=subprocess.PIPE
        )
    assert result.returncode == 1
    assert result.stderr == b"zenith inspect: error: No space left on device\n"
