"""Networks that do not move, evaluated once: their scores and categories are columns.

What reads the same events many times, with other thresholds or other weights, then histograms no
more than columns. The model is that of the networks: a category by a network is a cut on a column.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from zenith.artefacts import Columns
from zenith.config import Analysis
from zenith.config.channels import in_channels
from zenith.core.selection.layout import Layout
from zenith.optimisation import model
from zenith.optimisation.selection import Physical, all_thresholds


def events(analysis: Analysis, scored: Mapping[str, Columns], folds: Sequence[int]) -> Layout:
    """The events of `model.events`, from columns that have the scores of the networks."""
    return model.events(_apart(analysis), scored, {}, folds)


def events_of_each_fold(analysis: Analysis, scored: Mapping[str, Columns]) -> Layout:
    """Those of `model.events_of_each_fold`, likewise."""
    return model.events_of_each_fold(_apart(analysis), scored, {})


def _apart(analysis: Analysis) -> Analysis:
    return in_channels(analysis).model_copy(update={"mva": {}})


def selection(analysis: Analysis, moved: Physical) -> Physical:
    """The same hard selection of such events: thresholds, and edges of bins where they move."""
    thresholds = {name: np.float64(t) for name, t in all_thresholds(analysis, moved).items()}
    return {**moved, "thresholds": thresholds, "category_edges": {}, "networks": {}}
