"""Files on servers, http(s):// and root://: time limits, what went wrong, and whether it may pass.

A server that refuses, or a name that no server has, is reported within half a minute. What passes
by itself is worth waiting for: too many requests, a fault of the server, silence, a broken
connection.
"""

import functools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

from uproot.source.fsspec import FSSpecSource

CONNECT: float = 5  # seconds for a connection
SILENCE: float = 20  # seconds without a byte of a reply
ALWAYS, TWICE, NEVER = 99, 2, 0  # how often a failure is worth another attempt


@dataclass(frozen=True)
class Failure:
    """What went wrong, in words, and how often it is worth another attempt."""

    reason: str
    again: int = NEVER


class StatusError(Exception):
    """A reply over HTTP that is not the range of bytes that was asked for."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP status {status}")
        self.code = status


class Source(FSSpecSource):
    """uproot's source for files on servers, in which a range that failed is an error.

    Over HTTP, fsspec returns errors among the ranges, and uproot would take them for bytes.
    """

    def __init__(self, path: str, **options: Any) -> None:
        if path.startswith("http"):
            import aiohttp

            timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT, sock_read=SILENCE)
            options["client_kwargs"] = {"timeout": timeout, "raise_for_status": _check}
            options["skip_instance_cache"] = True  # each file has connections of its own
        elif path.startswith("root"):
            _limit_times()
        super().__init__(path, **options)

    def _open(self) -> None:
        super()._open()
        if self._file_path_orig.startswith("http"):
            self._fs._cat_ranges = functools.partial(self._fs._cat_ranges, on_error="raise")


def is_local(path: str) -> bool:
    """Whether a path is one of this machine, with or without file:// before it."""
    return "://" not in path or path.startswith("file:")


def options(path: str) -> dict[str, Any]:
    """What `uproot.open` needs to know for a path: nothing for a local one."""
    return {} if is_local(path) else {"handler": Source}


async def _check(response: Any) -> None:
    """Called by aiohttp with each reply before its body is read."""
    partial = "Range" not in response.request_info.headers or response.status == 206
    if response.status >= 400 or not partial:
        response.close()
        raise StatusError(response.status)


def _limit_times() -> None:
    """XRootD would try to connect for eight minutes; settings of the shell (XRD_…) go before."""
    from XRootD.client.env import EnvPutInt

    EnvPutInt("ConnectionWindow", round(CONNECT))
    EnvPutInt("ConnectionRetry", 1)
    EnvPutInt("StreamErrorWindow", 1)  # a failed connection is not tried again for so long
    EnvPutInt("RequestTimeout", round(15 * SILENCE))  # for all of a reply, over a slow line too
    EnvPutInt("TimeoutResolution", 1)


def failure(error: BaseException, path: str) -> Failure:
    """What an error of `uproot.open`, or of reading from such a file, comes from."""
    text = " ".join(re.sub(r"Failed to submit <.*> request: ", "", str(error)).split())
    text = text or type(error).__name__
    server = "" if is_local(path) else _server(path)
    if not is_local(path) and (not server or "Protocol not known" in text):
        return Failure(f"not an address like https://SERVER/PATH or root://SERVER//PATH ({text})")
    if is_local(path) or path.startswith("root"):
        return _of_xrootd(text, server)
    for cause in _causes(error):
        if isinstance(cause, StatusError | HTTPError):
            return _of_status(cause.code)
        if found := _of_connection(cause, server, text):
            return found
    return Failure(f"cannot be read; it may be cut short, download it ({text})")


def _server(path: str) -> str:
    """The host of an address, with its port, without the password; empty if it has none."""
    try:
        parts = urlsplit(path)
        parts.port  # noqa: B018  raises ValueError for one that cannot be
    except ValueError:
        return ""
    return parts.netloc.rpartition("@")[2]


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _of_status(status: int) -> Failure:
    try:
        name = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        name = str(status)
    match status:
        case 401:
            return Failure(f"the server wants to know who you are ({name}); log in, or download it")
        case 403:
            return Failure(f"the server does not let you read it ({name}); ask for access to it")
        case 404 | 410:
            return Failure(f"there is no such file; check the path ({name})")
        case 416:
            return Failure(f"the file is empty or cut short on the server ({name})")
        case 429:
            return Failure(f"the server has had too many requests ({name}); try later", ALWAYS)
        case 408 | 425:
            return Failure(f"the server asks to try again later ({name})", ALWAYS)
        case _ if status >= 500:
            return Failure(f"the server has a fault of its own ({name}); try later", ALWAYS)
        case _ if status < 300:
            return Failure(f"the server does not serve ranges of bytes: download it ({name})")
        case _:
            return Failure(f"the server refuses the request ({name}); check the address")


# Errors of sockets and of aiohttp, by name: aiohttp is an extra. The first that fits counts.
_UNREACHABLE = "the server {server} cannot be reached ({why}); check the address"
_CONNECTION = (
    (
        {"gaierror", "ClientConnectorDNSError"},
        "there is no server {server}; check the address and the network",
        TWICE,
    ),
    (
        {"SSLError", "ClientSSLError"},
        "no safe connection to {server} ({text}); check its certificate",
        NEVER,
    ),
    ({"TimeoutError"}, "the server {server} does not answer; try later", ALWAYS),
    ({"ClientConnectorError", "ConnectionRefusedError"}, _UNREACHABLE, TWICE),
    ({"TooManyRedirects"}, "the server {server} redirects in circles; check the address", NEVER),
    (
        {"ConnectionError", "ClientConnectionError", "ClientPayloadError"},
        "the server {server} breaks the connection; try later",
        ALWAYS,
    ),
    (
        {"ClientError"},
        "the server {server} does not answer as a web server does ({name})",
        NEVER,
    ),
)


def _of_connection(error: BaseException, server: str, text: str) -> Failure | None:
    number = error.errno if isinstance(error, OSError) else None
    words = {"server": server, "text": text, "name": type(error).__name__}
    words["why"] = os.strerror(number) if number else text
    names = {kind.__name__ for kind in type(error).__mro__}
    for kinds, meaning, again in _CONNECTION:
        if names & kinds:
            return Failure(meaning.format(**words), again)
    return Failure(_UNREACHABLE.format(**words), TWICE) if number else None


# What XRootD says after [ERROR] or [FATAL] (XrdClStatus.cc; numbers: XProtocol.hh), and in words.
_NUMBER = r"Server responded with an error: \[{}\]"
_XROOTD = (
    (_NUMBER.format("(3011|3015|3016)"), "there is no such file; check the path", NEVER),
    (
        _NUMBER.format("(3010|3030)") + "|(Auth|Login) failed",
        "the server {} does not let you read it; ask for access (a valid proxy or token)",
        NEVER,
    ),
    ("Invalid address", "there is no server {}; check the address and the network", TWICE),
    ("Connection error", "the server {} cannot be reached; check the address", TWICE),
    (
        _NUMBER.format("(3003|3005|3007|3008|3012|3014|3024|3034|3035)")
        + "|Operation (expired|interrupted)|Invalid (redirect URL|session)|Redirect limit"
        "|Socket|Stream|Poll",
        "the server {} does not answer; try later",
        ALWAYS,
    ),
)


def _of_xrootd(text: str, server: str) -> Failure:
    if found := re.search(r"\[(?:ERROR|FATAL)\] (.*)", text):
        for pattern, meaning, again in _XROOTD:
            if re.match(pattern, found[1]):
                return Failure(f"{meaning.format(server)} ({text})", again)
    return Failure(f"cannot be read; it may be cut short, copy it again ({text})")
