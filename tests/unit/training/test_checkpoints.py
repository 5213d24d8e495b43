"""Trainings that go on after a stop with the same numbers; their bootstrap and precision."""

from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zenith.artefacts.tensors import write_tensors
from zenith.config.networks.perceptron import PerceptronSettings
from zenith.core.networks.network import Network
from zenith.errors import ConfigError, InputError
from zenith.training import checkpoints
from zenith.training.batches import Batch
from zenith.training.descent import matrix_products
from zenith.training.examples import Examples
from zenith.training.train import train
from zenith.training.trained import Trained


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "PAUSE", 0.0)


def settings(**changes: Any) -> PerceptronSettings:
    given = {"classes": {"a": ["a"], "b": ["b"]}, "features": ["x"], "hidden": [3], "epochs": 5}
    return PerceptronSettings.model_validate(
        {**given, "ensemble": 2, "bootstrap": True, "batch": 50, "patience": 5, **changes}
    )


def events(seed: int) -> Examples:
    random = np.random.default_rng(seed)
    label = np.tile([0, 1], 100).astype(np.int32)
    x = random.normal(label, 1.0).astype(np.float32)[None]
    return Examples(x, label, random.exponential(1.0, 200))


def noted(network: Network) -> dict[str, float]:
    return {"sum": float(jax.tree.leaves(network)[0].sum())}


def trained(path: Path | None = None, stop: int = 99, seed: int = 1, **changes: Any) -> Any:
    """The epochs that were trained, and what came of them."""
    seen: list[int] = []

    def report(epoch: int, *_: float) -> None:
        seen.append(epoch)
        if epoch == stop:
            raise KeyboardInterrupt

    found: Trained | None = None
    try:
        found = train(
            "n", settings(**changes), events(1), events(2), seed, report, None, path, watch=noted
        )
    except KeyboardInterrupt:
        assert stop != 99
    return seen, found


def test_a_training_that_was_stopped_ends_with_the_same_network(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    _, whole = trained()
    assert trained(path, stop=3)[0] == [1, 2, 3]  # it was stopped before the third was written
    assert trained(path, stop=5)[0] == [3, 4, 5]
    seen, found = trained(path)
    assert seen == [5]
    assert found.losses == whole.losses
    assert found.noted == whole.noted
    assert len(set(whole.noted["sum"])) == 5  # another network after each epoch
    assert found.best_epoch == whole.best_epoch
    assert eqx.tree_equal(found.network, whole.network)
    # of another seed, another configuration and no other file it begins again
    assert trained(path, seed=2, stop=1)[0] == [1]
    assert trained(path, epochs=4, stop=1)[0] == [1]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    content = path.read_bytes()
    other = tmp_path / "other.safetensors"
    write_tensors(other, {"network": {}}, {"weight": np.ones(3)})
    for wrong in (content[: len(content) // 2], b"", content[:-40], other.read_bytes()):
        path.write_bytes(wrong)
        with pytest.raises(InputError) as error:
            trained(path)
        text = str(error.value)
        assert text.startswith(f"mva.n: {path}: not a checkpoint (")
        assert text.endswith("); remove it, and the training begins again")
        assert text.count("safetensors:") == len(text.splitlines()) == 1
        assert path.read_bytes() == wrong


def test_a_bootstrap_repeats_events() -> None:
    batch = Batch.of(events(1), multiple=64)
    repeats = np.random.default_rng(1).poisson(1.0, (200, 2))
    of_second = batch.replicated(repeats).of_network(1)
    np.testing.assert_allclose(of_second.weight[:200], events(1).weight * repeats[:, 1], rtol=1e-6)
    assert float(jnp.abs(of_second.weight[200:]).max()) == 0.0
    plain, repeated = (trained(epochs=1, bootstrap=how)[1] for how in (False, True))
    assert plain.losses != repeated.losses


def test_bfloat16_is_of_products_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="precision: bfloat16 needs a GPU, and there is none"):
        trained(precision="bfloat16")
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    matrix = jnp.ones((4, 4), jnp.float32)
    for precision, reduced in (("bfloat16", True), ("float32", False)):
        with matrix_products(precision):
            traced = jax.jit(lambda a: a @ a).trace(matrix)
        text = traced.lower(lowering_platforms=("cuda",)).as_text()
        assert ("lhs_precision_type = bf16" in text) == reduced
        assert "-> tensor<4x4xf32>" in text
