"""What is in an artefact, as text: tables that a person reads."""

from collections.abc import Iterator
from pathlib import Path

from zenith.artefacts.json_files import read_json
from zenith.reporting.codecs import codecs_of
from zenith.tables import flat, pairs


def describe(path: str | Path) -> str:
    """The content of any artefact as tables; `InputError` if the file is of no known kind."""
    return "\n\n".join(_paragraphs(path))


def _paragraphs(path: str | Path) -> Iterator[str]:
    path, codecs = codecs_of(path)
    for codec in codecs:
        yield from codec.describe(codec.read(path))
    if not codecs:
        yield f"{path}: a ROOT file without trees or histograms"
    provenance = read_json(path).get("provenance") if path.suffix == ".json" else None
    if provenance:
        yield pairs({f"made with {key}": value for key, value in flat(provenance)})
