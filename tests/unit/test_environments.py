"""The conda environments say the versions of the lock, and the lock names no place."""

import re
from pathlib import Path

import pytest
import yaml

LOCK = Path("envs/requirements.lock").read_text()
# Where Python versions need different pins, the first line is that of the environments' Python.
FIRST = {
    name: version
    for name, version in reversed(re.findall(r"^([a-z0-9][a-z0-9.-]*)==([^ \\]+)", LOCK, re.M))
}


@pytest.mark.parametrize("file", ["envs/zenith.yaml", "envs/zenith-gpu.yaml"])
def test_environment_has_the_versions_of_the_lock(file: str) -> None:
    environment = yaml.safe_load(Path(file).read_text())
    (requirements,) = [d["pip"] for d in environment["dependencies"] if isinstance(d, dict)]
    assert len(requirements) > 20
    for requirement in requirements:
        name, version = re.fullmatch(r"([\w.-]+)(?:\[\w+\])?==(\S+)", requirement).groups()
        assert FIRST[name] == version, f"{file}: {name}"


def test_every_package_is_pinned_with_hashes_and_no_address() -> None:
    entries = re.split(r"^(?=[a-z0-9])", LOCK, flags=re.MULTILINE)[1:]
    assert len(entries) > 100
    for entry in entries:
        assert "--hash=sha256:" in entry, entry.splitlines()[0]
    assert "://" not in LOCK
    assert "--index" not in LOCK
