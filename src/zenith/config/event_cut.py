"""What tells the events of a sample from others in its files: a number, or a label by its name."""

import re
from typing import Any

from pydantic import model_validator

from zenith.config.selection import ObjectCut

_LABEL = re.compile(r"^\s*(\w+)\s*(==|!=)\s*([^\W\d]\w*)\s*$")


class EventCut(ObjectCut):
    """A requirement on one number of an event, `target == 1`, or on a text, `process == ttbar`.

    A text is one of those that a format gives numbers to; `FileFormat.numbered` puts the number in
    its place.
    """

    label: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _parse_label(cls, data: Any) -> Any:
        match = _LABEL.match(data) if isinstance(data, str) else None
        if match is None or match[3] in ("inf", "nan"):
            return data
        return {"field": match[1], "operator": match[2], "label": match[3]}
