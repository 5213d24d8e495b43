"""Which files a step reads and which it writes: the types of its options, and what they exclude."""

import argparse
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any


class Input(str):
    """A file that a step reads: a path or an address."""

    __slots__ = ()


class Output(str):
    """A file that a step writes: a path."""

    __slots__ = ()


class Folder(str):
    """A folder in which a step writes files."""

    __slots__ = ()


def check(args: argparse.Namespace, more: Mapping[str, Iterable[str]] | None = None) -> None:
    """Refuse files that stand in each other's way, before anything is read or written.

    `more` are files that the step reads besides its options, by what names them: a key of the
    configuration, for example.

    Raises
    ------
    InputError
        One option names a file twice, or an output is an input or another output, however they
        are spelled.
    OutputError
        An output can be no file: it is a folder, or below a file, or an address.
    """
    from zenith.artefacts.identity import identity, twice
    from zenith.artefacts.writing import check_file, check_folder
    from zenith.errors import InputError, OutputError

    for option, value in vars(args).items():
        given = [path for path in _listed(value) if isinstance(path, Input)]
        if same := twice(given):
            again = f" again, as {same[1]}" if same[0] != same[1] else " twice"
            raise InputError(f"{_spelled(option)}: {same[0]} is given{again}; give each file once")
    for _, path in _of(args, Folder):
        check_folder(path)
    used = {identity(path): "an input of this step" for _, path in _of(args, Input)}
    for key, paths in (more or {}).items():
        used |= {identity(path): f"the file of {key}, an input" for path in paths}
    for option, path in _of(args, Output):
        if "://" in path:
            raise OutputError(f"{_spelled(option)} {path}: outputs are local files; give a path")
        check_file(path)
        which = identity(path)
        if which in used:
            raise InputError(f"{_spelled(option)} {path}: is {used[which]}; name another file")
        used[which] = f"the file of {_spelled(option)}, too"


@contextmanager
def all_or_none(args: argparse.Namespace) -> Iterator[None]:
    """Remove the outputs that a step has made when it fails before it has made them all."""
    new = [path for _, path in _of(args, Output) if not os.path.lexists(path)]
    try:
        yield
    except BaseException:
        for path in new:
            with suppress(OSError):
                os.unlink(path)
        raise


def _of(args: argparse.Namespace, kind: type[str]) -> Iterator[tuple[str, str]]:
    for option, value in vars(args).items():
        yield from ((option, path) for path in _listed(value) if isinstance(path, kind))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _spelled(option: str) -> str:
    return f"--{option.replace('_', '-')}"
