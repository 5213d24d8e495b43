"""Networks as ONNX, for inference elsewhere."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jax.typing import ArrayLike

from zenith import __version__
from zenith.artefacts.writing import atomic
from zenith.core.networks.network import Network
from zenith.errors import InputError

DOMAINS = {"": 17, "ai.onnx.ml": 3}  # operators, and those of trees: 2022, with
IR_VERSION = 8  # this version of the files: what every runtime still in use reads


class _Graph:
    """Nodes and constants of one network, with names that are numbers in order."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: ArrayLike) -> str:
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        return self.named(f"tensor_{len(self.nodes)}", operator, *inputs, **attributes)

    def named(self, name: str, operator: str, *inputs: str, **attributes: Any) -> str:
        """As `node`, for a tensor that has a name for those who use the file."""
        from onnx import helper

        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name


def export_onnx(
    path: str | Path, network: Network, metadata: Mapping[str, str] | None = None
) -> None:
    """Write the network from `features` (N, features), unscaled, to `scores` (N, 1 or classes).

    A collection of objects is two inputs, `NAME` (N, M, fields) and `NAME_valid` (N, M) of truths.
    The names of features and classes are in the file's properties. Raises `InputError` if the
    package onnx is not installed.
    """
    try:
        import onnx
        from onnx import TensorProto, helper
    except ModuleNotFoundError:
        raise InputError(f"{path}: writing it needs onnx: pip install 'zenith-hep[onnx]'") from None
    tensor = helper.make_tensor_value_info
    inputs = [tensor("features", TensorProto.FLOAT, ["N", len(network.features)])]
    objects = {}
    for name, fields in network.collections.items():
        objects[name] = (name, f"{name}_valid")
        inputs.append(tensor(name, TensorProto.FLOAT, ["N", f"M_{name}", len(fields)]))
        inputs.append(tensor(objects[name][1], TensorProto.BOOL, ["N", f"M_{name}"]))
    graph = _Graph()
    logits = network.onnx(graph, "features", objects)
    if network.classes:
        graph.named("scores", "Softmax", logits, axis=1)
    else:
        graph.named("scores", "Sigmoid", logits)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "network",
            inputs,
            [tensor("scores", TensorProto.FLOAT, ["N", len(network.classes) or 1])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid(*domain) for domain in sorted(DOMAINS.items())],
        ir_version=IR_VERSION,
        producer_name="zenith",
        producer_version=__version__,
    )
    names = {"features": ",".join(network.features), "classes": ",".join(network.classes)}
    names |= {name: ",".join(fields) for name, fields in network.collections.items()}
    helper.set_model_props(model, names | dict(metadata or {}))
    onnx.checker.check_model(model)
    with atomic(path) as temporary:
        temporary.write_bytes(model.SerializeToString(deterministic=True))
