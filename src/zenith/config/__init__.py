"""The configuration of an analysis: YAML, validated, frozen."""

from zenith.config.analysis import Analysis
from zenith.config.loading import (
    combined,
    dump,
    exact_ratio_of,
    load,
    observables_of,
    parse,
    shifts_of,
    source_of,
    weights_of,
)

__all__ = [
    "Analysis",
    "combined",
    "dump",
    "exact_ratio_of",
    "load",
    "observables_of",
    "parse",
    "shifts_of",
    "source_of",
    "weights_of",
]
