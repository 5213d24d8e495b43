"""Files on servers: what each failure is called, what is tried again, and for how long."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from zenith.errors import InputError
from zenith.events import remote, source

EVENTS = 5000


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "WAITS", (0.0, 0.0, 0.0))
    monkeypatch.setattr(remote, "SILENCE", 0.3)


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("remote") / "nano.root"
    with uproot.recreate(path) as file:
        tree = file.mktree("Events", {"run": "u4", "noise": "f8"})
        noise = np.random.default_rng(1).random(EVENTS)
        tree.extend({"run": np.arange(EVENTS, dtype="u4"), "noise": noise})
    return path.read_bytes()


class Server(BaseHTTPRequestHandler):
    """`/BEHAVIOUR/…`: a status, or a word; `503x2` is that status twice, then the file."""

    content: bytes
    requests: Counter[str]
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        behaviour = self.path.split("/")[1]
        self.requests[behaviour] += 1
        match behaviour.split("x"):
            case ["silence"]:
                time.sleep(0.6)
            case ["break"]:
                pass
            case ["halves"]:
                self.send_part(fraction=0.5)
            case ["short"]:
                self.send_part(of=self.content[:1000])
            case ["whole"]:
                self.send_response(200)
                self.send_header("Content-Length", str(len(self.content)))
                self.end_headers()
                self.wfile.write(self.content)
            case ["late", status] if self.requests[behaviour] > 1:  # when the file is open already
                self.send_status(int(status))
            case [status, times] if status.isdigit() and self.requests[behaviour] <= int(times):
                self.send_status(int(status))
            case [status] if status.isdigit():
                self.send_status(int(status))
            case _:
                self.send_part()

    def send_status(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Location", self.path)
        self.end_headers()

    def send_part(self, of: bytes | None = None, fraction: float = 1.0) -> None:
        of = self.content if of is None else of
        first, last = self.headers["Range"].removeprefix("bytes=").split("-")
        part = of[int(first) : int(last) + 1]
        if not part:
            self.send_status(416)
            return
        self.send_response(206)
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part[: int(fraction * len(part))])

    def log_message(self, *args: Any) -> None:
        """Stay quiet."""


class Quiet(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes is no error of the server."""


@pytest.fixture(scope="module")
def http(content: bytes) -> Iterator[str]:
    Server.content = content
    server = Quiet(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each behaviour was asked for."""
    monkeypatch.setattr(Server, "requests", Counter(), raising=False)
    return Server.requests


def read(path: str) -> np.ndarray:
    with source.open_file(path) as file:
        return source.reading(path, lambda: file["Events"]["run"].array(library="np"))


def message(path: str) -> str:
    with pytest.raises(InputError) as raised:
        read(path)
    text = str(raised.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("behaviour", "words", "attempts"),
    [
        ("401", "wants to know who you are (401 Unauthorized)", 1),
        ("403", "does not let you read it (403 Forbidden)", 1),
        ("404", "there is no such file; check the path", 1),
        ("410", "there is no such file; check the path", 1),
        ("416", "empty or cut short on the server", 1),
        ("451", "refuses the request (451", 1),
        ("304", "refuses the request (304", 1),
        ("whole", "does not serve ranges of bytes: download it", 1),
        ("429", "too many requests (429", 4),
        ("408", "asks to try again later (408", 4),
        ("500", "a fault of its own (500 Internal Server Error)", 4),
        ("502", "a fault of its own (502 Bad Gateway)", 4),
        ("503", "a fault of its own (503 Service Unavailable)", 4),
        ("504", "a fault of its own (504 Gateway Timeout)", 4),
        ("599", "a fault of its own (599)", 4),
        ("silence", "does not answer", 4),
        ("halves", "breaks the connection", 4),
        ("late-x503", "a fault of its own (503", 5),
        ("late-x403", "does not let you read it", 2),
    ],
)
def test_each_failure_has_its_own_words(
    behaviour: str, words: str, attempts: int, http: str, requests: Counter[str]
) -> None:
    behaviour = behaviour.replace("-", "")
    text = message(f"{http}/{behaviour}/nano.root")
    assert words in text
    assert ("tried 4 times" in text) == (attempts >= 4)
    assert requests[behaviour] == attempts
    assert ("cut short" in text) == (behaviour == "416")


def test_a_server_that_redirects_in_circles(http: str, requests: Counter[str]) -> None:
    assert "redirects in circles" in message(f"{http}/302/nano.root")


def test_a_connection_that_breaks(http: str, requests: Counter[str]) -> None:
    assert "breaks the connection; try later (tried 4 times)" in message(f"{http}/break/nano.root")


def test_only_a_file_that_is_short_is_called_short(http: str, requests: Counter[str]) -> None:
    assert "cut short" in message(f"{http}/short/nano.root")


@pytest.mark.parametrize("behaviour", ["file", "503x1", "429x2", "500x3"])
def test_what_passes_is_waited_for(behaviour: str, http: str, requests: Counter[str]) -> None:
    assert read(f"{http}/{behaviour}/nano.root").tolist() == list(range(EVENTS))


def test_waits_grow(
    http: str, requests: Counter[str], monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(Server, "requests", Counter(), raising=False)
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    with caplog.at_level("WARNING"):
        message(f"{http}/503/nano.root")
    assert slept == [*source.WAITS]
    assert slept == sorted(set(slept))
    assert "503 Service Unavailable" in caplog.text


def closed_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://127.0.0.1:{port}/x.root", "127.0.0.1:{port} cannot be reached"),
        ("https://127.0.0.1:{port}/x.root", "127.0.0.1:{port} cannot be reached"),
        ("http://me:secret@127.0.0.1:{port}/x.root", "server 127.0.0.1:{port} cannot be reached"),
        ("root://127.0.0.1:{port}//x.root", "127.0.0.1:{port} cannot be reached"),
        ("http://nowhere.invalid/x.root", "no server nowhere.invalid"),
        ("root://nowhere.invalid//x.root", "no server nowhere.invalid"),
        ("http:///x.root", "not an address"),
        ("http://127.0.0.1:99999/x.root", "not an address"),
        ("root:///x.root", "not an address"),
        ("htp://127.0.0.1/x.root", "not an address"),
        ("xroot://127.0.0.1//x.root", "not an address"),
        ("file:///absent/x.root", "no such file"),
    ],
)
def test_a_server_that_cannot_be_reached_is_told_at_once(
    address: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    port = closed_port()
    before = time.monotonic()
    text = message(address.format(port=port))
    assert words.format(port=port) in text
    assert "cut short" not in text
    assert time.monotonic() - before + sum(slept) < 30.0


def test_a_server_without_the_encryption_that_https_wants(http: str) -> None:
    text = message(http.replace("http:", "https:") + "/file/nano.root")
    assert "no safe connection to 127.0.0.1" in text


def test_a_server_for_xrootd_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It accepts the connection and never answers: XRootD waits for `CONNECT` seconds."""
    monkeypatch.setattr(remote, "CONNECT", 1)
    monkeypatch.setattr(source, "WAITS", ())
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        text = message(f"root://127.0.0.1:{listener.getsockname()[1]}//x.root")
    assert "does not answer" in text


def from_places(*places: str) -> list[str]:
    """The places that were tried in vain, and the one that a file was read from."""
    tried = []

    def use(place: str, patient: bool) -> None:
        tried.append(place.split("/")[3] if "//" in place else Path(place).name)
        with source.open_file(place, patient=patient) as file:
            source.reading(place, lambda: file["Events"]["run"].array(library="np"))

    source.from_first(places, use)
    return tried


def test_places_are_tried_in_order(
    http: str, requests: Counter[str], tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "here.root").write_bytes(content)
    here, gone = str(tmp_path / "here.root"), str(tmp_path / "gone.root")
    assert from_places(here, f"{http}/file/a") == ["here.root"]
    assert from_places(f"{http}/file/a", here) == ["file"]
    assert from_places(gone, f"{http}/403/a", here) == ["gone.root", "403", "here.root"]
    assert requests["file"] > 0
    assert requests["403"] == 1


def test_no_server_is_waited_for_while_there_are_other_places(
    http: str, requests: Counter[str]
) -> None:
    assert from_places(f"{http}/503/a", f"{http}/file/a") == ["503", "file"]
    assert requests["503"] == 1
    # then it is: the one that is gone for good is not asked again
    assert from_places(f"{http}/404/a", f"{http}/500x3/a") == ["404", "500x3", "500x3"]
    assert requests["404"] == 1


def test_when_no_place_will_do_each_is_told(http: str, requests: Counter[str]) -> None:
    with pytest.raises(InputError) as raised:
        from_places(f"{http}/404/a", f"{http}/503/a", f"{http}/whole/a")
    text = str(raised.value)
    assert [word in text for word in ("no such file", "503 Service", "ranges of bytes")] == 3 * [
        True
    ]
    assert len(text.splitlines()) == 1


def test_what_is_wrong_with_the_analysis_is_wrong_everywhere(http: str) -> None:
    calls = []

    def use(place: str, patient: bool) -> None:
        calls.append(place)
        raise InputError("no branch Muon_pt")

    with pytest.raises(InputError, match=r"^no branch Muon_pt$"):
        source.from_first(["a", "b"], use)
    assert calls == ["a"]


FATAL, OPEN = "[FATAL] ", "Failed to open file: [ERROR] "


@pytest.mark.parametrize(
    ("said", "words", "attempts"),
    [
        (OPEN + "Operation expired", "does not answer", 4),
        (OPEN + "Invalid redirect URL", "does not answer", 4),
        (OPEN + "Socket timeout", "does not answer", 4),
        (FATAL + "Socket error", "does not answer", 4),
        (FATAL + "Stream disconnect", "does not answer", 4),
        (OPEN + "Server responded with an error: [3024] overloaded", "does not answer", 4),
        (OPEN + "Server responded with an error: [3011] No such file", "no such file", 1),
        (OPEN + "Server responded with an error: [3010] Unauthorized", "not let you read", 1),
        (FATAL + "Auth failed", "not let you read", 1),
        (FATAL + "Connection error", "server.org cannot be reached", 3),
        (FATAL + "Invalid address", "no server server.org", 3),
        (OPEN + "Invalid arguments", "may be cut short", 1),
    ],
)
def test_what_xrootd_says(
    said: str, words: str, attempts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []

    def fails(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        raise OSError(said)

    monkeypatch.setattr(uproot, "open", fails)
    assert words in message("root://server.org//x.root")
    assert len(calls) == attempts


def test_local_files_are_never_waited_for(tmp_path: Path, content: bytes) -> None:
    name = "Operation expired [3024] Socket timeout"
    (tmp_path / name).write_bytes(content[:1000])
    text = message(str(tmp_path / name))
    assert "it may be cut short, copy it again" in text
    assert "tried" not in text
