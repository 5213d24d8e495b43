"""The files of records of the CERN Open Data portal, asked of its web API."""

import json
import urllib.request
from typing import Any

from zenith.errors import InputError, ReadError

SERVER = "https://opendata.cern.ch"


def query(record: int, server: str = SERVER) -> dict[str, Any]:
    """The ROOT files of a record as an entry of a catalogue: `{"nominal": {"files": […]}}`.

    A record names its files directly, or through indices (JSON lists of files) that are part of
    the reply or documents of their own: https://opendata.cern.ch/docs/about.

    Raises
    ------
    InputError
        The server does not answer, or the record has no ROOT files.
    """
    metadata = _read(f"{server}/api/records/{record}", record).get("metadata", {})
    listed = list(metadata.get("files", ()))
    for index in metadata.get("_file_indices", ()):
        listed += index.get("files") or [{"uri": index["key"]}]
    files: list[dict[str, Any]] = []
    for file in listed:
        if file["uri"].endswith("_file_index.json"):
            name = file["uri"].rsplit("/", 1)[-1]
            files += _read(f"{server}/record/{record}/files/{name}", record)
        else:
            files.append(file)
    paths = sorted({file["uri"] for file in files if file["uri"].endswith(".root")})
    if not paths:
        raise InputError(f"record {record}: {server} lists no ROOT file for it; check the number")
    title = metadata.get("title", "")
    return {"nominal": {"title": title, "files": [{"path": path} for path in paths]}}


def _read(url: str, record: int) -> Any:
    from zenith.events import remote  # with uproot: not for `--help`
    from zenith.events.source import reading

    if not url.startswith(("http://", "https://")):
        raise InputError(f"{url}: not an address like {SERVER}")

    def ask() -> bytes:
        with urllib.request.urlopen(url, timeout=remote.SILENCE) as reply:
            return bytes(reply.read())

    try:
        return json.loads(reading(url, ask))
    except (ReadError, ValueError) as error:
        raise InputError(
            f"record {record}: no valid answer ({error}); check the number and the network"
        ) from None
