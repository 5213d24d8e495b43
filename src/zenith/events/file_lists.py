"""What an entry of `files:` stands for: a path, a glob, an address, a list, or several places."""

import glob
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from zenith.artefacts.identity import without_tree
from zenith.errors import ConfigError, InputError


@dataclass(frozen=True)
class InputFile:
    """A file of events.

    Attributes
    ----------
    path
        A local path, or an http(s):// or root:// address.
    events
        The number of events that it must hold, where that is known.
    replicas
        Other places of the same file, in the order in which they are tried.
    """

    path: str
    events: int | None = None
    replicas: tuple[str, ...] = ()

    @property
    def places(self) -> tuple[str, ...]:
        """All places of the file, the first one first."""
        return (self.path, *self.replicas)


def files_of(entry: str | tuple[str, ...], key: str) -> Iterator[InputFile]:
    """The files that one entry of a sample's `files:` stands for; of a list of places, one file.

    `key` is the entry's place in the configuration, for messages.

    Raises
    ------
    ConfigError
        There is no such file, or a folder, or a place that stands for several files.
    InputError
        A list cannot be read, is no text, or contains itself.
    """
    if isinstance(entry, str):
        yield from _of_text(entry, key)
        return
    places: list[str] = []
    absent: ConfigError | None = None
    for text in entry:
        if text.startswith("@"):
            raise ConfigError(f"{key}: {text}: a list of files cannot be a place of one file")
        try:
            found = list(_of_text(text, key))
        except ConfigError as error:  # a local copy that is not there: the others may be
            absent = error
            continue
        if len(found) != 1:
            raise ConfigError(f"{key}: {text}: stands for {len(found)} files, not one place of one")
        places.append(found[0].path)
    if not places:
        assert absent is not None
        raise absent
    yield InputFile(places[0], replicas=tuple(places[1:]))


def _of_text(text: str, key: str, within: tuple[Path, ...] = ()) -> Iterator[InputFile]:
    """The files that one entry of `files:` stands for; `within`: the lists that it is in."""
    if text.startswith("@"):
        lines = _lines(text[1:], key)
        this = Path(text[1:]).resolve()
        if this in within:
            raise InputError(f"{key}: {text}: the list contains itself; take this line out of it")
        for line in lines:
            yield from _of_text(line, f"{key}: {text[1:]}", (*within, this))
    elif "://" in text:
        yield InputFile(without_tree(text))
    else:
        pattern = _pattern(without_tree(text))
        found = sorted(glob.glob(pattern))
        if not found:
            raise ConfigError(f"{key}: {text}: there is no such file; check the path")
        for path in found:
            if not Path(path).exists():
                raise ConfigError(f"{key}: {path}: a link to a file that does not exist")
            if Path(path).is_dir():
                raise ConfigError(f"{key}: {path} is a folder; name its files, {path}/*.root")
            yield InputFile(path)


def _pattern(text: str) -> str:
    """A path as a pattern of `glob`, in which what exists as it is spelled stands for itself."""
    path = Path(text)
    known = next((p for p in (path, *path.parents) if p.exists()), None)
    if known is None:
        return text
    return str(Path(glob.escape(str(known)), *path.parts[len(known.parts) :]))


def _lines(path: str, key: str) -> list[str]:
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{key}: @{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise InputError(
            f"{key}: @{path}: not a text file in UTF-8 with one path a line; a file of events is "
            "named without @"
        )
    lines = text.splitlines()
    return [line for line in (raw.partition("#")[0].strip() for raw in lines) if line]
