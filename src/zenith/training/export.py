"""Networks as ONNX, for inference elsewhere: one node for each operation of `Network.scores`."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from zenith import __version__
from zenith.artefacts.writing import atomic
from zenith.core.networks.perceptron import Network
from zenith.errors import InputError

OPSET, IR_VERSION = 17, 8  # 2022: what every runtime still in use reads


def export_onnx(
    path: str | Path, network: Network, metadata: Mapping[str, str] | None = None
) -> None:
    """Write the network from `features` (N, features), unscaled, to `scores` (N, 1 or classes).

    The names of the features and classes are in the file's properties. Raises `InputError` if the
    package onnx is not installed.
    """
    try:
        import onnx
        from onnx import TensorProto, helper, numpy_helper
    except ModuleNotFoundError:
        raise InputError(f"{path}: writing it needs onnx: pip install 'zenith-hep[onnx]'") from None
    arrays = network.to_arrays()
    inverse = 1 / arrays.pop("scale")
    constants = {"inverse": inverse, "shift": arrays.pop("mean") * inverse} | arrays
    nodes = [
        helper.make_node("Mul", ["features", "inverse"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "shift"], ["h0"]),
    ]
    last = len(network.weights) - 1
    for k in range(last + 1):
        layer = [f"h{k}", f"layers.{k}.weight", f"layers.{k}.bias"]
        nodes.append(helper.make_node("Gemm", layer, [f"z{k}"], transB=1))
        if k < last:
            nodes += _activation(network.activation, f"z{k}", f"h{k + 1}")
    if network.classes:
        nodes.append(helper.make_node("Softmax", [f"z{last}"], ["scores"], axis=1))
    else:
        nodes.append(helper.make_node("Sigmoid", [f"z{last}"], ["scores"]))
    outputs = len(network.classes) or 1
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", len(inverse)])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", outputs])],
        [numpy_helper.from_array(a.astype(np.float32), n) for n, a in constants.items()],
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="zenith",
        producer_version=__version__,
    )
    names = {"features": ",".join(network.features), "classes": ",".join(network.classes)}
    helper.set_model_props(model, names | dict(metadata or {}))
    onnx.checker.check_model(model)
    with atomic(path) as temporary:
        temporary.write_bytes(model.SerializeToString(deterministic=True))


def _activation(name: str, source: str, target: str) -> list:  # type: ignore[type-arg]
    from onnx import helper

    if name == "silu":  # x · σ(x), which this opset has no node for
        gate = helper.make_node("Sigmoid", [source], [f"{target}_gate"])
        return [gate, helper.make_node("Mul", [source, f"{target}_gate"], [target])]
    return [helper.make_node({"relu": "Relu", "tanh": "Tanh"}[name], [source], [target])]
