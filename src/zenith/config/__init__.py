"""The configuration of an analysis, or of a categorisation: YAML, validated, frozen."""

from zenith.config.analysis import Analysis
from zenith.config.categorisation import Categorisation
from zenith.config.loading import (
    combined,
    dump,
    is_categorisation,
    load,
    load_categorisation,
    observables_of,
    parse,
    parse_categorisation,
    weights_of,
)

__all__ = [
    "Analysis",
    "Categorisation",
    "combined",
    "dump",
    "is_categorisation",
    "load",
    "load_categorisation",
    "observables_of",
    "parse",
    "parse_categorisation",
    "weights_of",
]
