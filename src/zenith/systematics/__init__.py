"""The kinds of systematic uncertainties, one module each, and what another package makes one of.

A kind is found by the name of its entry point in the group `zenith.systematics`; Zenith's own are
listed in `zenith.config.systematics`.
"""

from zenith.config.marks import concerns
from zenith.config.steps import TEMPLATES
from zenith.config.systematics import SHAPES, WEIGHTS, Rate, Replacement, Side
from zenith.events.shifts import Shift
from zenith.events.weights import Reweighting

__all__ = [
    "SHAPES",
    "TEMPLATES",
    "WEIGHTS",
    "Rate",
    "Replacement",
    "Reweighting",
    "Shift",
    "Side",
    "concerns",
]
