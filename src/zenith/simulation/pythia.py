"""A Pythia 8 instance (arXiv:2203.11601) with settings."""

from collections.abc import Sequence
from typing import Any

from zenith.errors import ZenithError

BEAM_ENERGY = 13_000.0  # √s in GeV


def common(seed: int) -> list[str]:
    """Pythia's settings of every process; `seed` is between 1 and 900,000,000."""
    return [
        "Print:quiet = on",
        "Random:setSeed = on",
        f"Random:seed = {seed}",
        f"Beams:eCM = {BEAM_ENERGY}",
    ]


def configured(lines: Sequence[str]) -> tuple[Any, Any]:
    """The module of Pythia, and an instance with settings that has not started.

    Raises ZenithError if Pythia is not installed or does not accept them.
    """
    try:
        import pythia8mc
    except ImportError as error:
        raise ZenithError(
            "simulate needs Pythia 8 and FastJet: pip install 'zenith-hep[simulate]'"
        ) from error
    pythia = pythia8mc.Pythia("", False)
    if rejected := [line for line in lines if not pythia.readString(line)]:
        raise ZenithError(f"Pythia does not accept {rejected}: the card is wrong")
    return pythia8mc, pythia
