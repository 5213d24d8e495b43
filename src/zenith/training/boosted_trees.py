"""Boosted trees: grown by LightGBM, and taken over into arrays."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from zenith.config.networks.boosted_trees import BoostedTreesSettings
from zenith.config.networks.settings import Mva
from zenith.core.networks.boosted_trees import BoostedTrees
from zenith.core.networks.network import Network
from zenith.errors import ConfigError, FitError
from zenith.training.examples import Examples
from zenith.training.trained import Progress, Trained


def _lightgbm() -> Any:
    try:
        import lightgbm
    except ModuleNotFoundError:
        raise ConfigError(
            "type: boosted_trees needs LightGBM, which is not installed: pip install lightgbm"
        ) from None
    return lightgbm


def train_with_lightgbm(
    network: Network,
    mva: Mva,
    training: Examples,
    validation: Examples,
    random: np.random.Generator,
    progress: Progress,
) -> Trained:
    """As `zenith.training.descent.train_with_jax`; a round is a tree, or one for each class.

    The trees up to the smallest loss on `validation` are kept.

    Raises `ConfigError` if LightGBM is not installed, and `FitError` if it fails or no tree divides
    the events.
    """
    assert isinstance(mva, BoostedTreesSettings)
    assert isinstance(network, BoostedTrees)
    several = bool(network.classes)
    parameters = {
        "objective": "multiclass" if several else "binary",
        "metric": "multi_logloss" if several else "binary_logloss",
        **({"num_class": len(network.classes)} if several else {}),
        "num_leaves": mva.leaves,
        "learning_rate": mva.learning_rate,
        "min_data_in_leaf": mva.leaf_events,
        "min_sum_hessian_in_leaf": mva.leaf_weight,
        "feature_fraction_bynode": mva.feature_share,
        "max_bin": mva.bins,
        "seed": int(random.integers(2**31)),
        "num_threads": mva.threads,
    }
    losses: dict[str, list[float]] = {"train": [], "validation": []}

    def report(environment: Any) -> None:
        for name, _, loss, _ in environment.evaluation_result_list:
            losses[name].append(loss)
        progress(environment.iteration + 1, losses["train"][-1], losses["validation"][-1])
        best = int(np.argmin(losses["validation"]))
        if len(losses["validation"]) - 1 - best >= mva.patience:
            raise _lightgbm().callback.EarlyStopException(best, [])

    seen = training.x, training.label, training.weight
    booster = grow(*seen, parameters, mva.trees, validation, report)
    kept = int(np.argmin(losses["validation"])) + 1
    trees = dumped(booster, kept)
    if all("split_index" not in tree for tree in trees):
        raise FitError(
            f"no tree divides the {len(training.weight)} training events: lower leaf_events "
            f"({mva.leaf_events}) or leaf_weight ({mva.leaf_weight:g})"
        )
    return Trained(taken_over(network, trees), losses, kept)


class Grown(Protocol):
    """What LightGBM has grown, a Booster."""

    def dump_model(self, num_iteration: int | None = None) -> dict[str, Any]:
        """All of it as JSON has it."""


def grow(
    x: NDArray[np.float32],
    label: NDArray[Any],
    weight: NDArray[np.float64],
    parameters: Mapping[str, Any],
    trees: int,
    validation: Examples | None = None,
    report: Callable[[Any], None] | None = None,
) -> Grown:
    """Grow trees with LightGBM's parameters on features (features, N); the same give the same.

    Labels are what the objective takes. With `validation`, `report` is called after each tree with
    the losses. Raises `ConfigError` if LightGBM is not installed, and `FitError` if it fails.
    """
    lightgbm = _lightgbm()
    always = {
        "use_missing": False,
        "deterministic": True,
        "force_col_wise": True,  # else LightGBM measures which is quicker
        "verbose": -1,
    }
    try:
        seen = lightgbm.Dataset(x.T, label, weight=weight)
        sets = {}
        if validation is not None:
            sets["validation"] = seen.create_valid(
                validation.x.T, validation.label, weight=validation.weight
            )
            sets = {"train": seen, **sets}
        booster: Grown = lightgbm.train(
            {**always, **parameters},
            seen,
            trees,
            valid_sets=list(sets.values()),
            valid_names=list(sets),
            callbacks=[report] if report else [],
        )
    except lightgbm.basic.LightGBMError as error:
        raise FitError(f"LightGBM: {error}") from None
    return booster


def dumped(booster: Grown, rounds: int | None = None) -> list[dict[str, Any]]:
    """The trees of the first rounds, or of all, by their roots."""
    return [tree["tree_structure"] for tree in booster.dump_model(rounds)["tree_info"]]


def taken_over(network: BoostedTrees, trees: Sequence[dict[str, Any]]) -> BoostedTrees:
    """The trees of LightGBM's dump, those of one round after the other, in the arrays of `network`.

    Thresholds are rounded down to float32: for features x in float32, x ≤ threshold is then the
    same as in double precision.
    """
    arrays = {name: np.array(array) for name, array in network.to_arrays().items()}
    outputs = len(network.value)
    for number, tree in enumerate(trees):
        at = (number % outputs, number // outputs)
        splits = 0
        waiting = [(tree, 0)]  # nodes, with the leaf that each is at the time
        while waiting:
            node, leaf = waiting.pop()
            if "leaf_value" in node:
                arrays["value"][at][leaf] = node["leaf_value"]
                continue
            arrays["leaf"][at][splits] = leaf
            arrays["feature"][at][splits] = node["split_feature"]
            arrays["threshold"][at][splits] = _rounded_down(node["threshold"])
            splits += 1
            waiting += [(node["right_child"], splits), (node["left_child"], leaf)]
    arrays["used"] = np.array(len(trees) // outputs)
    return network.with_arrays(arrays)


def _rounded_down(number: float) -> np.float32:
    near = np.float32(number)
    return near if float(near) <= number else np.nextafter(near, np.float32(-np.inf))
