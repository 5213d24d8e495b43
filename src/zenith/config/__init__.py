"""The configuration of an analysis: YAML, validated, frozen."""

from zenith.config.analysis import Analysis
from zenith.config.loading import dump, load, observables_of, parse

__all__ = ["Analysis", "dump", "load", "observables_of", "parse"]
