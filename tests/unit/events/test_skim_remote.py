"""Files on servers are skimmed as local ones are, or there is one message."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uproot
from makers.http import NoRanges, Ranges
from makers.nanoaod import CONFIG, EVENTS, analysis, read

from zenith.cli import main
from zenith.config.merging import merge
from zenith.errors import InputError
from zenith.events import source
from zenith.events.skim import skim


def test_a_file_over_http_is_as_a_local_one(
    nano: str, tmp_path: Path, serve: Callable[[type], str]
) -> None:
    local = skim(nano, tmp_path / "local.root", analysis(), "simulation")
    remote = skim(f"{serve(Ranges)}/nano.root", tmp_path / "far.root", analysis(), "simulation")
    assert remote["steps"] == local["steps"]
    assert remote["uuid"] == local["uuid"]
    near, far = read(tmp_path / "local.root"), read(tmp_path / "far.root")
    assert all(near[name].tolist() == far[name].tolist() for name in near)


def test_http_that_fails(nano: str, tmp_path: Path, serve: Callable[[type], str]) -> None:
    output = tmp_path / "out" / "skim.root"
    with pytest.raises(InputError, match=r"http://.*/no\.root: there is no such file"):
        skim(f"{serve(Ranges)}/no.root", output, analysis(), "simulation")
    with pytest.raises(InputError, match=r"http://.*/nano\.root: .*ranges of bytes: download it"):
        skim(f"{serve(NoRanges)}/nano.root", output, analysis(), "simulation")
    assert not output.parent.exists() or not list(output.parent.iterdir())


@pytest.mark.parametrize(
    ("message", "failures", "attempts"),
    [
        ("[ERROR] Operation expired", 2, 3),
        ("[ERROR] Operation expired", 99, 4),
        ("[ERROR] No such server", 99, 1),
    ],
)
def test_only_the_transient_error_is_tried_again(
    message: str,
    failures: int,
    attempts: int,
    nano: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []
    monkeypatch.setattr(source, "WAITS", (0.0, 0.0, 0.0))
    opened = uproot.open

    def flaky(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        if len(calls) <= failures:
            raise OSError(f"Failed to open file: {message}")
        return opened(*args, **kwargs)

    monkeypatch.setattr(uproot, "open", flaky)
    if failures < attempts:
        assert skim(nano, tmp_path / "skim.root", analysis(), "simulation")["events"] == EVENTS
    else:
        with pytest.raises(InputError, match=r"nano\.root: "):
            skim(nano, tmp_path / "skim.root", analysis(), "simulation")
    assert len(calls) == attempts


def test_the_command_takes_the_first_place_that_can_be_read(
    nano: str, tmp_path: Path, serve: Callable[[type], str], capsys: pytest.CaptureFixture[str]
) -> None:
    far = [f"{serve(Ranges)}/absent.root", f"{serve(NoRanges)}/nano.root"]
    sample = CONFIG["samples"]["simulation"] | {"files": [[*far, nano]]}
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps(merge(CONFIG, {"samples": {"simulation": sample}})))
    command = ["skim", "--config", str(config), "--sample", "simulation", "--input", far[0]]
    cutflow = tmp_path / "cutflow.json"
    assert main([*command, "--output", nano, "--cutflow", str(cutflow)]) == 1
    assert "is the file of samples.simulation.files, an input" in capsys.readouterr().err
    assert main([*command, "--output", str(tmp_path / "o.root"), "--cutflow", str(cutflow)]) == 0
    assert json.loads(cutflow.read_text())["file"] == nano
