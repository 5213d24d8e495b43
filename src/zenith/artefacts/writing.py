"""Writing a file at once or not at all, and saying why it cannot be written."""

import errno
import io
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import h5py

from zenith.errors import OutputError

# Parts of `.NAME.PID.partial.HOST.SUFFIX`. Of a process on another host nobody knows whether it
# lives: what it has not touched for so long is left over.
HOST = re.sub("[^A-Za-z0-9-]", "-", os.uname().nodename)
ABANDONED = 7 * 24 * 3600.0  # seconds


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path`; renamed to it on success, removed on failure.

    What a process that was killed has left of the same file is removed. Raises `OutputError` that
    names the file if it, or the folder that it goes to, cannot be written.
    """
    path = Path(path)
    check_file(path)
    make_folder(path.parent)
    _remove_leftovers(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.partial.{HOST}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        if error.filename is not None and str(error.filename) != str(temporary):
            raise
        raise _unwritable(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_file(path: str | Path) -> None:
    """Raise `OutputError` for what can be no file, before any time is spent on its content."""
    with _explained(path):
        if Path(path).is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder; name a file in it")
        if Path(path).exists() and not Path(path).is_file():  # /dev/stdout, which would be replaced
            raise OSError(errno.EINVAL, "it is a device or a pipe; name a file")
        _check_folder(Path(path).parent)


def check_folder(path: str | Path) -> None:
    """The same for a folder in which files are to be written."""
    with _explained(path):
        _check_folder(Path(path))


def _check_folder(path: Path) -> None:
    path = path.absolute()
    folder = next(p for p in (path, *path.parents) if p.exists())
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"{folder} is a file, not a folder")
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        raise OSError(errno.EROFS, f"{folder} is on a read-only file system")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, f"no permission to write in {folder}")


def make_folder(path: str | Path) -> Path:
    """A folder, made with its parents if it is not there; `OutputError` if it cannot be."""
    with _explained(path):
        _check_folder(Path(path))
        Path(path).mkdir(parents=True, exist_ok=True)
    return Path(path)


@contextmanager
def _explained(path: str | Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: str | Path, error: OSError) -> OutputError:
    reason = error.strerror or " ".join(str(error).split()) or type(error).__name__
    return OutputError(f"{path}: cannot be written ({reason})")


def _remove_leftovers(path: Path) -> None:
    """Remove the temporary files of `path` whose process is gone, as far as that can be known."""
    name = re.compile(
        rf"\.{re.escape(path.stem)}\.(\d+)\.partial(?:\.([A-Za-z0-9-]+))?{re.escape(path.suffix)}"
    )
    files: list[Path] = []
    with suppress(OSError):  # a folder that may be written to and not listed
        files += path.parent.iterdir()
    for file in files:
        if (found := name.fullmatch(file.name)) is None:
            continue
        with suppress(OSError):  # another user's, or another process has removed it
            if found[2] in (None, HOST):  # older versions did not name the host
                left_over = not _lives(int(found[1]))
            else:
                left_over = time.time() - file.stat().st_mtime > ABANDONED
            if left_over:
                file.unlink()


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        return True
    return True


@contextmanager
def hdf5(path: Path) -> Iterator[h5py.File]:
    """An HDF5 file to write; raises OSError if the disk is full, once HDF5 has let go of it.

    HDF5 cannot close a file whose last blocks it cannot write: the process ends in a segmentation
    fault. So it is led to believe that all is well, and what was not is raised after it has closed.
    """
    with _Disk(path, "w+") as disk:
        try:
            with h5py.File(disk, "w", track_order=True) as file:
                yield file
        finally:
            if disk.error is not None:
                raise disk.error


class _Disk(io.FileIO):
    """A file that keeps its first error to itself, and takes nothing more after it."""

    error: BaseException | None = None  # an interrupt, too, must wait until HDF5 is done

    def write(self, data: Any) -> int:
        left = memoryview(data).cast("B")
        size = len(left)
        try:
            while self.error is None and left:
                left = left[super().write(left) :]
        except BaseException as error:
            self.error = error
        return size

    def truncate(self, size: int | None = None) -> int:
        try:
            return super().truncate(size)
        except BaseException as error:
            self.error = self.error or error
            return size or 0
