"""The code of a step: all that it imports and that is not installed, and nothing else."""

from pathlib import Path

import pytest

from zenith.source_hash import code_hash, sources

FILES = {
    "search/__init__.py": "",
    "search/observables.py": (
        "import numpy as np\nimport json\n"
        "from zenith.observable import observable\n"
        "from . import angles\n"
        "from .masses import invariant\n"
        "from search.tools import *\n"
        "import beside, beside.missing\n"
        "def late():\n    from shared.deep import constant\n    return constant\n"
        "try:\n    pass\nexcept ImportError:\n    match 1:\n        case 1:\n"
        "            import rescued\n"
    ),
    "search/angles.py": "from . import masses",
    "search/masses.py": "# coding: latin-1\nfrom search import observables  # a circle, \xe9",
    "search/tools/__init__.py": "from .more import *",
    "search/tools/more.py": "from ..angles import masses",
    "search/unused.py": "",
    "beside.py": "",
    "rescued.py": "",
    "shared/deep/__init__.py": "from shared.deep.deeper import constant",  # `shared` is no package
    "shared/deep/deeper.py": "constant = 1",
    "other.py": "",
}
OURS = {
    "search",
    "search.observables",
    "search.angles",
    "search.masses",
    "search.tools",
    "search.tools.more",
    "beside",
    "rescued",
    "shared.deep",
    "shared.deep.deeper",
}


@pytest.fixture
def analysis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An analysis in a package of its own, with helpers in it, beside it, and further away."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(text.encode("latin-1"))
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_every_helper_that_is_not_installed_is_followed(analysis: Path) -> None:
    found = sources("zenith.cli.columns", "search.observables")
    assert {name for name in found if not name.startswith("zenith.")} == OURS
    assert "zenith.observable" in found
    assert not {"zenith.config.analysis", "zenith.cli"} & found.keys()


def test_an_edit_of_any_of_them_is_seen(analysis: Path) -> None:
    def hashed() -> str:
        return code_hash("zenith.cli.columns", "search.observables")

    before = hashed()
    for name, file in sources("search.observables").items():
        if not name.startswith("zenith."):
            text = file.read_bytes()
            file.write_bytes(text + b"\n# edited\n")
            assert hashed() != before, name
            file.write_bytes(text)
    for name in ("search/unused.py", "other.py"):
        (analysis / name).write_text("edited = 1")
    assert hashed() == before


def test_what_is_installed_is_not_followed(analysis: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = analysis / "lib" / "site-packages"
    installed.mkdir(parents=True)
    (installed / "installed.py").write_text("")
    monkeypatch.syspath_prepend(installed)
    (analysis / "beside.py").write_text("import installed")
    assert "installed" not in sources("beside")


def test_a_module_that_is_a_path_is_followed_with_what_is_beside_it(analysis: Path) -> None:
    """By `search/observables.py`, the same files; where they are does not matter, what is does."""
    path = str(analysis / "search/observables.py")
    found = sources("zenith.cli.columns", path)
    outside = {name: file for name, file in found.items() if not name.startswith("zenith.")}
    assert found["<observables>"] == Path(path)
    assert {"<observables>.angles", "<observables>.masses"} < outside.keys()
    ours = {name for name in OURS if name != "search"}
    named = sources("search.observables")
    assert set(outside.values()) >= {named[name] for name in ours}
    assert "unused.py" not in {file.name for file in outside.values()}


def test_an_edit_of_a_path_or_of_a_helper_beside_it_is_seen(tmp_path: Path) -> None:
    files = {
        "mine.py": "from .cuts import tight\nfrom . import more\n",
        "cuts.py": "",
        "more.py": "",
    }

    def made(folder: Path) -> str:
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
        return code_hash("zenith.observable", str(folder / "mine.py"))

    before = made(tmp_path / "here")
    assert made(tmp_path / "there") == before
    for name in files:
        (tmp_path / "here" / name).write_text(files[name] + "x = 1\n")
        assert code_hash("zenith.observable", str(tmp_path / "here/mine.py")) != before
        (tmp_path / "here" / name).write_text(files[name])
    (tmp_path / "here/unused.py").write_text("")
    assert code_hash("zenith.observable", str(tmp_path / "here/mine.py")) == before
