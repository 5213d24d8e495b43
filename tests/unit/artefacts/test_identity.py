"""Spellings of one file are one file, and other files are others."""

import os
from pathlib import Path

import pytest

from zenith.artefacts.identity import identity, twice, without_tree


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for name in ("a.root", "b.root"):
        (tmp_path / "data" / name).write_text("same content")
    os.symlink("data", "link")
    os.symlink("data/a.root", "alias.root")
    os.link("data/a.root", "hard.root")
    return tmp_path


@pytest.mark.parametrize(
    "spelling",
    [
        "./data/a.root",
        "data//a.root",
        "data/../data/a.root",
        "{folder}/data/a.root",
        "//{folder}/data/a.root",
        "file://{folder}/data/a.root",
        "link/a.root",
        "alias.root",
        "hard.root",
        "data/a.root:Events",
        "./data/a.root:Events;1",
    ],
)
def test_spellings_of_a_path(spelling: str, folder: Path) -> None:
    path = spelling.format(folder=folder)
    assert identity(path) == identity("data/a.root")
    assert twice(["data/b.root", "data/a.root", path]) == ("data/a.root", path)


def test_other_files_are_others(folder: Path) -> None:
    assert twice(["data/a.root", "data/b.root", "data/c.root", "c.root"]) is None


def test_files_that_are_not_there_yet(folder: Path) -> None:
    assert identity("link/new.root") == identity(f"{folder}/data//new.root")
    assert identity("link/new.root") != identity("link/newer.root")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("root://host//store/x.root", "root://host:1094//store/x.root"),
        ("root://host//store/x.root", "ROOT://Host.//store//y/../x.root"),
        ("root://host//store/x.root", "root://host/store/./x.root"),
        ("root://host//store/x.root", "xroot://user@host//store/x.root?authz=token"),
        ("root://host//store/x.root", "root://host//store/x.root:Events"),
        ("root://host:1095//x.root", "root://HOST:01095///x.root"),
        ("https://host/a/x.root", "HTTPS://host.:443/a//x.root#part"),
        ("http://host/a%20b.root", "http://host:80/%61 b.root"),
        ("https://host/get?id=5", "https://host/get?id=5"),
        ("root://[::1]//x.root", "root://[::1]:1094//x.root"),
    ],
)
def test_spellings_of_an_address(first: str, second: str) -> None:
    assert identity(first) == identity(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("root://host//x.root", "root://other//x.root"),
        ("root://host//x.root", "root://host:1095//x.root"),
        ("root://host//x.root", "root://host//X.root"),
        ("root://host//x.root", "http://host/x.root"),
        ("https://host/get?id=5", "https://host/get?id=6"),
        ("http://host:port/x.root", "http://host/x.root"),
    ],
)
def test_addresses_that_differ(first: str, second: str) -> None:
    assert identity(first) != identity(second)


def test_the_tree_of_a_file(folder: Path) -> None:
    assert without_tree("data/a.root:Events") == "data/a.root"
    assert without_tree("root://h:1094//a.root:/Events;2") == "root://h:1094//a.root"
    assert without_tree("root://h:1094//a.root") == "root://h:1094//a.root"
    assert without_tree("data/run:5/a.root") == "data/run:5/a.root"
    Path("odd.root:Events").touch()
    assert without_tree("odd.root:Events") == "odd.root:Events"
