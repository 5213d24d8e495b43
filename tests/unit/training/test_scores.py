"""Networks evaluated on events: compiled once for all of the same structure."""

import jax
import numpy as np

from zenith.core.networks.boosted_trees import BoostedTrees
from zenith.training.scores import evaluated


def test_networks_of_all_folds_and_events_of_any_number_share_what_is_compiled() -> None:
    """One network of the structure is traced, for one size; the scores are those of each."""
    traced = []

    def logits(network: BoostedTrees, events: jax.Array) -> jax.Array:
        traced.append(events.shape)
        return network.logits(events)

    rng = np.random.default_rng(1)
    shell = BoostedTrees.create(["a", "b"], (), trees=3, leaves=4)
    used = np.array(3.0, np.float32)
    for fold, events in enumerate((0, 7, 900, 1024)):
        value = np.full((1, 3, 4), fold, np.float32)  # of every leaf
        network = shell.with_arrays({**shell.to_arrays(), "value": value, "used": used})
        x = rng.normal(size=(2, events)).astype(np.float32)
        found = evaluated(logits, network, x)
        np.testing.assert_array_equal(found, np.full((1, events), 3 * fold))
    assert traced == [(2, 1024)]
