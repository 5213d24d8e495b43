"""Options that many steps share."""

import pytest

from zenith.cli import main

SCORED, SAMPLES = "config/categories-1d.yaml", "config/zprime.yaml"


def test_steps_say_which_inputs_they_take(capsys: pytest.CaptureFixture[str]) -> None:
    files = ["--input", "i.root", "--workspace", "w.json", "--output", "o.json"]
    assert main(["fit", "--config", SCORED, *files])
    assert f"{SCORED}: samples: missing" in capsys.readouterr().err
    assert main(["scored", "--config", SAMPLES, "--train", "a.h5", "--unseen", "b.h5"])
    assert f"{SAMPLES}: categorise: missing" in capsys.readouterr().err
