"""The whole configuration of one analysis, with sections that agree."""

from typing import Self

from pydantic import model_validator

from zenith.config.agreement import agree
from zenith.config.sections import Sections


class Analysis(Sections):
    """One analysis, from files to figures."""

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        agree(self)
        return self
