"""Which file a path or an address means: the same file may be spelled in many ways."""

import os
import posixpath
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

PORTS = {"http": 80, "https": 443, "root": 1094}
XROOTD = {"xroot": "root", "roots": "root", "xroots": "root"}


def without_tree(path: str) -> str:
    """The path of `FILE.root:Events`, uproot's spelling of a tree in a file, or `path` itself.

    A file whose name ends so is a file.
    """
    found = re.fullmatch(r"(.+\.root(?:\?[^:]*)?):/?Events(?:;\d+)?", path)
    return found[1] if found and not os.path.exists(path) else path


def identity(path: str | Path) -> str | tuple[int, int]:
    """What is equal for two spellings of one file, and only for those.

    For a local file its real path, or device and inode if it has hard links. For an address:
    scheme, host and port without what is implied, and the path with its `//`, `.`, `..` and %-codes
    resolved (RFC 3986, section 6); the query counts for http alone, XRootD's carries tokens.
    """
    text = without_tree(str(path))
    if text.lower().startswith("file:"):
        text = unquote(urlsplit(text).path)
    if "://" not in text:
        try:
            status = os.stat(text)
        except (OSError, ValueError):
            return os.path.realpath(text)
        # Only then: some network file systems give the inode of one file to another later.
        return (status.st_dev, status.st_ino) if status.st_nlink > 1 else os.path.realpath(text)
    try:
        address = urlsplit(text)
        port = address.port
    except ValueError:  # no address, which whoever opens it will say
        return text
    scheme = XROOTD.get(address.scheme, address.scheme)
    host = (address.hostname or "").rstrip(".")
    # posixpath keeps two leading slashes, and only two
    place = posixpath.normpath("/" + unquote(address.path).lstrip("/"))
    query = f"?{address.query}" if address.query and scheme != "root" else ""
    return f"{scheme}://{host}:{port or PORTS.get(scheme)}{place}{query}"


def twice(paths: Iterable[Any]) -> tuple[str, str] | None:
    """Two of the paths that are one file, as they are spelled; None if all are different."""
    seen: dict[Any, str] = {}
    for path in map(str, paths):
        if (which := identity(path)) in seen:
            return seen[which], path
        seen[which] = path
    return None
