"""Zenith: from NanoAOD to a fitted signal strength, up the gradient of expected significance."""

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = [
    "Categories",
    "Fit",
    "Histogram",
    "Measurement",
    "Run",
    "Significance",
    "above",
    "below",
    "categorise",
    "histogram",
    "load",
    "load_workspace",
    "significance",
]

if TYPE_CHECKING:
    from zenith.api.analysis import Run, load
    from zenith.api.categories import Categories, categorise
    from zenith.api.likelihood import significance
    from zenith.api.selection import Histogram, above, below, histogram
    from zenith.api.workspace import Fit, Measurement, Significance, load_workspace
else:
    _MODULES = {
        "analysis": ("Run", "load"),
        "categories": ("Categories", "categorise"),
        "likelihood": ("significance",),
        "selection": ("Histogram", "above", "below", "histogram"),
        "workspace": ("Fit", "Measurement", "Significance", "load_workspace"),
    }
    _WHERE = {name: module for module, names in _MODULES.items() for name in names}

    def __getattr__(name):
        """The public API is imported when it is first used: the command line starts without it."""
        if name not in _WHERE:
            raise AttributeError(f"module 'zenith' has no attribute {name!r}")
        found = getattr(importlib.import_module(f"zenith.api.{_WHERE[name]}"), name)
        globals()[name] = found
        return found

    def __dir__():
        return sorted({*globals(), *__all__})
