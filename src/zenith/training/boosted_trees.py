"""Boosted trees: grown by LightGBM, and taken over into arrays."""

import math
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

# Trees from one evaluation of the losses to the next: it takes nearly as long as to grow one
EVERY = 5


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

    The trees up to the smallest loss on `validation` are kept. Losses are those after every fifth
    tree, if their number is a multiple of five.

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
    every = math.gcd(EVERY, mva.trees)

    def best() -> int:
        return every * (1 + int(np.argmin(losses["validation"])))

    def is_enough(tree: int, booster: Grown) -> bool:
        if tree % every:
            return False
        for of_events, found in zip(
            losses.values(), (booster.eval_train(), booster.eval_valid()), strict=True
        ):
            of_events.append(found[0][2])
        progress(tree, losses["train"][-1], losses["validation"][-1])
        return tree - best() >= mva.patience

    seen = training.x, training.label, training.weight
    booster = grow(*seen, parameters, mva.trees, validation, is_enough)
    kept = best()
    trees = dumped(booster, kept)
    if all("split_index" not in tree for tree in trees):
        raise FitError(
            f"no tree divides the {len(training.weight)} training events: lower leaf_events "
            f"({mva.leaf_events}) or leaf_weight ({mva.leaf_weight:g})"
        )
    return Trained(taken_over(network, trees), losses, kept, every=every)


class Grown(Protocol):
    """What LightGBM has grown, a Booster."""

    def dump_model(self, num_iteration: int | None = None) -> dict[str, Any]:
        """All of it as JSON has it."""

    def eval_train(self) -> list[tuple[str, str, float, bool]]:
        """Name of the events and of the loss, the loss, and whether more is better."""

    def eval_valid(self) -> list[tuple[str, str, float, bool]]:
        """The same of the validation events."""


def grow(
    x: NDArray[np.float32],
    label: NDArray[Any],
    weight: NDArray[np.float64],
    parameters: Mapping[str, Any],
    trees: int,
    validation: Examples | None = None,
    is_enough: Callable[[int, Grown], bool] = lambda *_: False,
) -> Grown:
    """Grow trees with LightGBM's parameters on features (features, N); the same give the same.

    Labels are what the objective takes. `is_enough` is asked after each tree, by its number from 1,
    and can have losses evaluated, also those on `validation`. Raises `ConfigError` if LightGBM is
    not installed, and `FitError` if it fails.
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
        booster = lightgbm.Booster({**always, **parameters}, seen)
        if validation is not None:
            x, label, weight = validation.x, validation.label, validation.weight
            booster.add_valid(seen.create_valid(x.T, label, weight=weight), "validation")
        for tree in range(1, 1 + trees):
            booster.update()
            if is_enough(tree, booster):
                break
    except lightgbm.basic.LightGBMError as error:
        raise FitError(f"LightGBM: {error}") from None
    grown: Grown = booster
    return grown


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
