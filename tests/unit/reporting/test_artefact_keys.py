"""The table of keys has every key, as the types say it."""

import re

from zenith.artefacts.json_codec import JsonCodec
from zenith.reporting.artefact_keys import reference
from zenith.reporting.codecs import CODECS, OTHER_JSON


def rows(section: str) -> dict[str, tuple[str, str]]:
    """Type and meaning by key."""
    lines = [[c.strip() for c in line.strip("|").split("|")] for line in section.splitlines()]
    return {cells[0].strip("`"): (cells[1], cells[2]) for cells in lines if len(cells) == 3}


def test_every_key_of_every_kind_is_told_with_its_type_and_meaning() -> None:
    titles = re.findall(r"^## (.*)$", reference(), re.M)
    codecs = [c for c in CODECS if isinstance(c, JsonCodec) and c is not OTHER_JSON]
    assert titles == [codec.name.capitalize() for codec in codecs]
    sections = dict(zip(titles, reference().split("\n## "), strict=True))
    fit = rows(sections["Result of a fit"])
    assert fit["mu"][0] == "number or null"
    assert fit["upper_limit.expected"][0] == "list of numbers or null"
    assert fit["parameters[].at_bound"][0] == "true or false (optional)"
    assert fit["yields.*.*.postfit_error"] == ("number or null", "its uncertainty")
    assert rows(sections["Cutflow of regions"])["*.processes.*.yield"][0] == "list of numbers"
    for section in sections.values():
        found = rows(section)
        assert found.pop("key") == ("type", "meaning")
        for key, (kind, meaning) in found.items():
            assert key.startswith("--") or (kind and meaning), key
