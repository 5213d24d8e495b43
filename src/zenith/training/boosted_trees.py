"""Boosted trees: grown by LightGBM, calibrated, and taken over into arrays."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from zenith.config.networks.boosted_trees import BoostedTreesSettings
from zenith.config.networks.settings import Mva
from zenith.core.networks.boosted_trees import BoostedTrees
from zenith.core.networks.network import Network
from zenith.errors import ConfigError, FitError
from zenith.training.calibrate import vector_scaling
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
    """As `zenith.training.train.train_with_jax`; a round is a tree, or one for each class.

    The trees up to the smallest loss on `validation` are kept, and vector scaling calibrates them
    there. Losses are those before.

    Raises `ConfigError` if LightGBM is not installed, and `FitError` if it fails or no tree divides
    the events.
    """
    assert isinstance(mva, BoostedTreesSettings)
    assert isinstance(network, BoostedTrees)
    lightgbm = _lightgbm()
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
        "use_missing": False,
        "seed": int(random.integers(2**31)),
        "deterministic": True,
        "force_col_wise": True,  # else LightGBM measures which is quicker
        "num_threads": mva.threads,
        "verbose": -1,
    }
    losses: dict[str, list[float]] = {"train": [], "validation": []}

    def report(environment: Any) -> None:
        for name, _, loss, _ in environment.evaluation_result_list:
            losses[name].append(loss)
        progress(environment.iteration + 1, losses["train"][-1], losses["validation"][-1])
        best = int(np.argmin(losses["validation"]))
        if len(losses["validation"]) - 1 - best >= mva.patience:
            raise lightgbm.callback.EarlyStopException(best, [])

    try:
        seen = lightgbm.Dataset(training.x.T, training.label, weight=training.weight)
        unseen = seen.create_valid(validation.x.T, validation.label, weight=validation.weight)
        booster = lightgbm.train(
            parameters,
            seen,
            mva.trees,
            valid_sets=[seen, unseen],
            valid_names=["train", "validation"],
            callbacks=[report],
        )
    except lightgbm.basic.LightGBMError as error:
        raise FitError(f"LightGBM: {error}") from None
    kept = int(np.argmin(losses["validation"])) + 1
    trees = [tree["tree_structure"] for tree in booster.dump_model(kept)["tree_info"]]
    if all("split_index" not in tree for tree in trees):
        raise FitError(
            f"no tree divides the {len(training.weight)} training events: lower leaf_events "
            f"({mva.leaf_events}) or leaf_weight ({mva.leaf_weight:g})"
        )
    grown = taken_over(network, trees)
    raw = grown.logits(jnp.asarray(validation.x))
    slope, offset = vector_scaling(raw, validation.label, validation.weight)
    calibrated = replace(
        grown, slope=jnp.asarray(slope, jnp.float32), offset=jnp.asarray(offset, jnp.float32)
    )
    return Trained(calibrated, losses, kept)


def taken_over(network: BoostedTrees, trees: Sequence[dict[str, Any]]) -> BoostedTrees:
    """The trees of LightGBM's dump, those of one round after the other, in the arrays of `network`.

    Thresholds are rounded down to float32: for features x in float32, x ≤ threshold is then the
    same as in double precision.
    """
    arrays = {name: np.array(array) for name, array in network.to_arrays().items()}
    outputs = len(network.slope)
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
