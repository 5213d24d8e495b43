"""The command `search`: a file for each method."""

import pytest

from zenith.cli import main


def test_every_method_has_a_file(capfd: pytest.CaptureFixture[str]) -> None:
    options = ["--fold", "0", "--input", "a.h5", "--method", "tpe", "cma_es"]
    assert main(["search", *options, "--output", "a.json"]) == 1
    assert (
        "--output: 1 files for 2 methods of --method; name one for each" in capfd.readouterr().err
    )
