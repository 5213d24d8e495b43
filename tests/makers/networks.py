"""Settings of networks that read objects, for tests that need what is read and not the network."""

from typing import Any

from zenith.config import Analysis
from zenith.config.networks.descent import DescentSettings


class Reader(DescentSettings):
    """A type of network that reads objects."""

    reads_objects = True

    def create(self, key: Any) -> Any:
        raise AssertionError("nothing here needs the network itself")


def reading(analysis: Analysis, **networks: dict[str, Any]) -> Analysis:
    """The analysis with these networks, by their settings."""
    mva = {name: Reader.model_validate(settings) for name, settings in networks.items()}
    return analysis.model_copy(update={"mva": mva})
