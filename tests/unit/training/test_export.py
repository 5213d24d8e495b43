"""The ONNX file gives the scores of the network, in a runtime that knows nothing of Zenith."""

import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from zenith.core.networks.perceptron import ACTIVATIONS, Perceptron
from zenith.training.examples import Examples
from zenith.training.export import export_onnx

onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")


@pytest.mark.parametrize("classes", [(), ("signal", "ttbar", "wjets")])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_scores_agree(tmp_path: Path, classes: tuple[str, ...], activation: str) -> None:
    mean, scale = np.array([50.0, 0.4, 900.0]), np.array([30.0, 0.2, 400.0])
    key = jax.random.key(3)
    network = Perceptron.create(key, ("a", "b", "c"), (16, 8), classes, activation, mean, scale)
    network = network.with_arrays(
        {name: a + 0.1 if "bias" in name else a for name, a in network.to_arrays().items()}
    )
    export_onnx(tmp_path / "network.onnx", network, {"name": "test"})
    random = np.random.default_rng(1)
    x = (random.normal(size=(3, 1000)) * 3 * scale[:, None] + mean[:, None]).astype(np.float32)
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx")
    (found,) = session.run(["scores"], {"events": x.T})
    expected = np.asarray(network.scores(x)).T
    assert found.shape == expected.shape == (1000, len(classes) or 1)
    assert expected.std() > 0.05
    np.testing.assert_allclose(found, expected, atol=1e-5)
    (found,) = session.run(["scores"], {"events": x.T[:0]})
    assert found.shape == (0, len(classes) or 1)
    properties = session.get_modelmeta().custom_metadata_map
    assert properties == {"features": "a,b,c", "classes": ",".join(classes), "name": "test"}


def test_equal_networks_are_equal_files(tmp_path: Path) -> None:
    network = Perceptron.create(jax.random.key(0), ("a",), (2,))
    for name in "ab":
        export_onnx(tmp_path / name, network)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_file_that_is_not_checked_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    network = Perceptron.create(jax.random.key(0), ("a",), (2,))
    events = Examples(np.ones((1, 3), np.float32), np.zeros(3, np.int32), np.ones(3))
    export_onnx(tmp_path / "a.onnx", network, None, events)
    assert not caplog.records
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    export_onnx(tmp_path / "b.onnx", network, None, events)
    (record,) = caplog.records
    assert "b.onnx: is not checked, which needs onnxruntime" in record.getMessage()
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
