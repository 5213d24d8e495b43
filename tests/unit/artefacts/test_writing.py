"""Files are written at once or not at all, with the user's umask, and say why they are not."""

import errno
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import hist
import jax
import numpy as np
import pytest

from zenith import artefacts
from zenith.artefacts.writing import ABANDONED, HOST, atomic
from zenith.config.detector_response import DetectorResponse
from zenith.config.networks.perceptron import PerceptronSettings
from zenith.errors import OutputError
from zenith.events.formats.views import from_branches
from zenith.events.formats.writer import Writer
from zenith.figures import style
from zenith.simulation.nanoaod_writer import nanoaod
from zenith.training.export import export_onnx
from zenith.training.network_files import save_network

LARGE = 1 << 15  # numbers of each file: more than the disk below holds
VALUES = np.random.default_rng(1).random(LARGE)


def columns(path: Path) -> None:
    found = artefacts.Columns({"x": VALUES.astype("f4")}, VALUES, np.zeros(LARGE, np.uint8))
    artefacts.write_columns(path, found)


def histograms(path: Path) -> None:
    filled = hist.Hist.new.Reg(LARGE, 0, 1).Weight().fill(VALUES)
    artefacts.write_histograms(path, {"region/process/nominal": filled, "again": filled})


def skim(path: Path) -> None:
    events = {"run": np.arange(LARGE), "x": VALUES}
    empty = {name: array[:0] for name, array in events.items()}
    with atomic(path) as temporary, Writer(temporary, from_branches(empty)) as out:
        out.add(from_branches(events))
        out.finish({"run": np.arange(3)})


def simulated(path: Path) -> None:
    with nanoaod(path, simulation=True, detector=DetectorResponse()) as out:
        out.runs({name: VALUES for name in ("run", "genEventCount", "genEventSumw",
                  "genEventSumw2", "genCrossSection", "genCrossSectionError")})  # fmt: skip


NETWORK = PerceptronSettings(
    classes={"b": ("b",), "s": ("s",)}, features=("x", "y"), hidden=(200, 100)
)


def figure(path: Path) -> None:
    drawn, axes = style.single()
    axes.imshow(VALUES.reshape(128, -1))
    style.save(drawn, path.with_suffix(""), [path.suffix[1:]])


WRITERS: dict[str, Callable[[Path], Any]] = {
    "columns.h5": columns,
    "arrays.h5": lambda path: artefacts.write_arrays(path, {"x": VALUES, "y": VALUES}),
    "skim.root": skim,
    "simulated.root": simulated,
    "histograms.root": histograms,
    "results.json": lambda path: artefacts.write_json(path, {"x": VALUES}),
    "page.md": lambda path: artefacts.write_text(path, "μ" * LARGE),
    "network.safetensors": lambda path: save_network(
        path, NETWORK.create(jax.random.key(0)), NETWORK
    ),
    "network.onnx": lambda path: export_onnx(path, NETWORK.create(jax.random.key(0))),
    "figure.png": figure,
    "figure.pdf": figure,
}


@pytest.fixture(params=WRITERS)
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Path], Path]:
    """Writes a file of each kind into a folder."""

    def into(folder: Path) -> Path:
        path = folder / str(request.param)
        WRITERS[request.param](path)
        return path

    return into


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file can grow past 32 KiB: what a full disk is, without being able to mount one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 15, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk(write: Callable[[Path], Path], full_disk: None, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"\S+/\w+\.\w+: cannot be written \(File too large\)"):
        write(tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_umask_is_the_users(write: Callable[[Path], Path], tmp_path: Path) -> None:
    for umask, mode in ((0o022, 0o644), (0o007, 0o660), (0o077, 0o600)):
        before = os.umask(umask)
        try:
            path = write(tmp_path / f"{umask:o}")
        finally:
            os.umask(before)
        assert path.stat().st_mode & 0o777 == mode
        assert [path.name] == os.listdir(path.parent)


def test_where_no_file_can_be(write: Callable[[Path], Path], tmp_path: Path) -> None:
    below = tmp_path / "file"
    below.write_text("of the user")
    with pytest.raises(OutputError, match=r"file/\w+\.\w+: .*/file is a file, not a folder"):
        write(below)
    with pytest.raises(OutputError, match=r"file/a/b/\w+\.\w+: .*/file is a file, not a folder"):
        write(below / "a" / "b")
    name = write(tmp_path / "first").name
    (tmp_path / name).mkdir()
    with pytest.raises(OutputError, match=r"\.\w+: .*it is a folder; name a file in it"):
        write(tmp_path)
    assert below.read_text() == "of the user"
    assert not list((tmp_path / name).iterdir())


def test_a_device_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match=r"pipe: .*it is a device or a pipe; name a file"):
        artefacts.write_text(tmp_path / "pipe", "text")
    assert (tmp_path / "pipe").is_fifo()


def test_a_disk_that_is_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(tmp_path / "out"))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", refuse)
        with pytest.raises(OutputError, match=r"out: cannot be written \(Read-only file system\)"):
            artefacts.write_text(tmp_path / "out" / "a.txt", "text")
    monkeypatch.setattr(os, "access", lambda *args: False)
    with pytest.raises(OutputError, match=r"a\.txt: .*no permission to write in "):
        artefacts.write_text(tmp_path / "a.txt", "text")


def test_an_error_of_another_file_is_its_own(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic(tmp_path / "a.txt"):
        (tmp_path / "input.txt").read_text()


# Left over by a process that was killed


def dead() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_left_over_files_go_with_the_next_write(tmp_path: Path) -> None:
    gone, parent, old = dead(), os.getppid(), ABANDONED + 3600
    left = {
        f".a.b.{gone}.partial.{HOST}.h5": 0.0,
        f".a.b.{gone}.partial.h5": 0.0,
        f".a.b.{'9' * 30}.partial.h5": 0.0,
        f".a.b.{gone}.partial.elsewhere.h5": old,
    }
    (tmp_path / f".a.b.{gone}.partial.no-file.h5").mkdir()  # cannot be unlinked, and is passed over
    os.utime(tmp_path / f".a.b.{gone}.partial.no-file.h5", (0, 0))
    kept = {
        f".a.b.{gone}.partial.no-file.h5": 0.0,
        f".a.b.{parent}.partial.{HOST}.h5": 0.0,  # of a process that lives
        f".a.b.{parent}.partial.h5": old,
        f".a.b.{gone}.partial.elsewhere.h5.txt": old,
        f".a.b.{gone}.partial.another-host.h5": ABANDONED - 3600,
        f".a.{gone}.partial.h5": 0.0,  # of other files
        f".a.b.{gone}.partial.root": 0.0,
        f".axb.{gone}.partial.h5": 0.0,
        "a.b.h6": 0.0,
    }
    for name, age in {**left, **kept}.items():
        if not (tmp_path / name).is_dir():
            (tmp_path / name).touch()
        now = (tmp_path / name).stat().st_mtime
        os.utime(tmp_path / name, (now - age, now - age))
    artefacts.write_arrays(tmp_path / "a.b.h5", {"x": np.arange(3)})
    assert set(os.listdir(tmp_path)) == {*kept, "a.b.h5"}


def test_a_killed_process_leaves_what_the_next_removes(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\nfrom zenith.artefacts.writing import atomic\n"
        "with atomic(sys.argv[1]) as path:\n    path.write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    path = tmp_path / "a.json"
    result = subprocess.run([sys.executable, "-c", script, str(path)])
    assert result.returncode == -signal.SIGKILL
    (left,) = os.listdir(tmp_path)
    assert re.fullmatch(r"\.a\.\d+\.partial\..*json", left)
    artefacts.write_json(path, {})
    assert os.listdir(tmp_path) == ["a.json"]


def test_hdf5_of_several_writes_is_what_h5py_reads(tmp_path: Path) -> None:
    arrays = {f"group/{k}": VALUES[: 10 * k] for k in range(300)}
    artefacts.write_arrays(tmp_path / "a.h5", arrays, {"unit": "GeV"})
    with h5py.File(tmp_path / "a.h5") as file:
        assert set(file["group"]) == {str(k) for k in range(300)}
        assert all((file[name][:] == array).all() for name, array in arrays.items())
        assert file.attrs["unit"] == "GeV"
