"""Random events in NanoAOD files, and servers of files."""

import functools
import json
import threading
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from makers.nanoaod import (
    RUNS,
    toy_events,
    write,
)


@pytest.fixture(scope="module")
def events() -> dict[str, Any]:
    return toy_events()


@pytest.fixture
def nano(tmp_path: Path, events: dict[str, Any]) -> str:
    return write(tmp_path / "nano.root", events, RUNS)


@pytest.fixture
def golden(tmp_path: Path) -> str:
    path = tmp_path / "golden.json"
    path.write_text(
        json.dumps({"10": [[1, 3], [5, 9]], "11": [[4, 4]], "12": [[2, 100]], "99": [[1, 9]]})
    )
    return str(path)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[type], str]]:
    servers = []

    def start(handler: type) -> str:
        bound = functools.partial(handler, directory=str(tmp_path))
        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), bound))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
