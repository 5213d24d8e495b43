"""Networks that do not move, evaluated once: the objective is that of the networks."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

from zenith.artefacts import Columns
from zenith.config import parse
from zenith.core.selection.objective import hard_value
from zenith.optimisation import evaluated, model
from zenith.optimisation.selection import configured
from zenith.training.scores import add_scores


def test_columns_of_scores_are_as_good_as_the_network(
    toy_configuration: Callable[..., dict[str, Any]], toy_columns: dict[str, Columns]
) -> None:
    """Of a threshold on a score, and of categories between edges of it."""
    made = toy_configuration(
        systematics={},
        mva={
            "network": {
                "classes": {"background": ["ttbar", "wjets"], "signal": ["zprime"]},
                "features": ["mtt", "btag_1"],
                "cuts": [],
            }
        },
    )
    signal = made["regions"]["signal"]
    signal["cuts"].append({"cut": "network > 0.4", "tune": [0.1, 0.9], "width": 0.1})
    signal["categories"] = {"score": "network", "edges": [0.5, 0.6]}
    analysis = parse(made)
    rng = np.random.default_rng(1)
    x = rng.uniform([400, 0], [2800, 1], (1000, 2)).T
    network = analysis.mva["network"].untrained(jax.random.key(2)).scaled_to(x, np.ones(1000))
    chosen, objective = configured(analysis, {"network": network}), model.objective(analysis)
    scored = {name: add_scores(own, {"network": network}) for name, own in toy_columns.items()}
    expected, found = (
        float(hard_value(selection, objective, events))
        for selection, events in (
            (chosen, model.events(analysis, toy_columns, {"network": network}, [0])),
            (evaluated.selection(analysis, chosen), evaluated.events(analysis, scored, [0])),
        )
    )
    assert found > 0.0
    assert found == pytest.approx(expected, rel=1e-6)
