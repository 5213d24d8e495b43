"""What JAX has kept and cannot be read is compiled again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

WORKSPACE = {
    "version": "1.0.0",
    "channels": [
        {
            "name": "one",
            "samples": [
                {
                    "name": "signal",
                    "data": [5.0],
                    "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
                },
                {"name": "background", "data": [50.0], "modifiers": []},
            ],
        }
    ],
    "observations": [{"name": "one", "data": [55.0]}],
    "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    path = tmp_path / "workspace.json"
    path.write_text(json.dumps(WORKSPACE))
    return path


def significance(workspace: Path, cache: Path) -> str:
    result = subprocess.run(
        [sys.executable, "-m", "zenith", "significance", str(workspace)],
        env={
            **os.environ,
            "JAX_COMPILATION_CACHE_DIR": str(cache),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",  # keep what compiles quickly, too
        },
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return result.stdout


@pytest.mark.slow
def test_a_cache_that_is_damaged_or_cannot_be_written_does_no_harm(
    workspace: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    first = significance(workspace, cache)
    kept = list(cache.glob("*-cache"))
    assert kept
    for path in kept:  # as a job that was killed while it wrote leaves it
        path.write_bytes(path.read_bytes()[:100])
    assert significance(workspace, cache) == first
    below_a_file = workspace / "cache"  # nobody can write there
    assert significance(workspace, below_a_file) == first
