"""The configuration of an analysis, or of a categorisation: YAML, validated, frozen."""

from zenith.config.analysis import Analysis
from zenith.config.categorisation import Categorisation
from zenith.config.loading import (
    dump,
    is_categorisation,
    load,
    load_categorisation,
    observables_of,
    parse,
    parse_categorisation,
)

__all__ = [
    "Analysis",
    "Categorisation",
    "dump",
    "is_categorisation",
    "load",
    "load_categorisation",
    "observables_of",
    "parse",
    "parse_categorisation",
]
