"""Networks as ONNX, for inference elsewhere."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from zenith import __version__
from zenith.artefacts.writing import atomic
from zenith.core.networks.network import Network, Objects
from zenith.errors import InputError
from zenith.training.examples import Examples
from zenith.training.scores import regressions_of, scores_of

DOMAINS = {"": 17, "ai.onnx.ml": 3}  # operators, and those of trees: 2022, with
TOLERANCE = 1e-5  # of scores
CHECKED = 100  # events
IR_VERSION = 8  # this version of the files: what every runtime still in use reads
INSTALL = "pip install 'zenith-hep[onnx]'"
log = logging.getLogger(__name__)


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

    def node(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        name = f"tensor_{len(self.nodes)}"
        found = self.named(name, operator, *inputs, **attributes)
        self.nodes[-1].output.extend(f"{name}_{k}" for k in range(1, outputs))
        return found

    def named(self, name: str, operator: str, *inputs: str, **attributes: Any) -> str:
        """As `node`, for a tensor that has a name for those who use the file."""
        from onnx import helper

        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name


def require_onnx(path: str | Path) -> None:
    """Raises `InputError` if the file cannot be written, before time is spent on the network."""
    try:
        import onnx  # noqa: F401
    except ModuleNotFoundError:
        raise InputError(f"{path}: writing it needs onnx: {INSTALL}") from None


def export_onnx(
    path: str | Path,
    network: Network,
    metadata: Mapping[str, str] | None = None,
    examples: Examples | None = None,
) -> None:
    """Write the network from `events` (N, features), unscaled, to `scores` (N, 1 or classes).

    A collection of objects is two inputs, `NAME` (N, M, fields) and `NAME_valid` (N, M) of truths.
    A regression is one more output, `NAME` (N, 1 or 2): the prediction, and the logarithm of its
    variance. A network without features has no input `events`. The names of features, fields and
    classes are in the file's properties. Where onnxruntime is installed, the outputs for some of
    the examples are compared: of several at once, of which one loses its objects, and of that one
    by itself; where it is not, a warning says so.

    Raises `InputError` if the package onnx is not installed, for a collection whose name is that of
    another input, and if onnxruntime gives other scores.
    """
    require_onnx(path)
    import onnx
    from onnx import TensorProto, helper

    tensor = helper.make_tensor_value_info
    objects, inputs = {}, []
    if network.features:
        inputs.append(tensor("events", TensorProto.FLOAT, ["N", len(network.features)]))
    for name, fields in network.collections.items():
        objects[name] = (name, f"{name}_valid")
        inputs.append(tensor(name, TensorProto.FLOAT, ["N", f"M_{name}", len(fields)]))
        inputs.append(tensor(objects[name][1], TensorProto.BOOL, ["N", f"M_{name}"]))
    taken = [given.name for given in inputs]
    if twice := sorted({name for name in taken if taken.count(name) > 1}):
        raise InputError(
            f"{path}: two inputs would be called {twice[0]!r}: rename a collection of objects"
        )
    graph = _Graph()
    logits, regressions = network.onnx_outputs(graph, "events" if network.features else "", objects)
    if network.classes:
        graph.named("scores", "Softmax", logits, axis=1)
    else:
        graph.named("scores", "Sigmoid", logits)
    for name, found in regressions.items():
        graph.named(name, "Identity", found)
    outputs = {"scores": len(network.classes) or 1, **network.regressions}
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "network",
            inputs,
            [tensor(name, TensorProto.FLOAT, ["N", size]) for name, size in outputs.items()],
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
    content = model.SerializeToString(deterministic=True)
    if examples is not None and len(examples.weight):
        _check(path, network, content, examples)
    with atomic(path) as temporary:
        temporary.write_bytes(content)


def _check(path: str | Path, network: Network, content: bytes, examples: Examples) -> None:
    """Raises `InputError` where onnxruntime, if it is installed, gives other scores."""
    try:
        import onnxruntime
    except ModuleNotFoundError:
        log.warning("%s: is not checked, which needs onnxruntime: %s", path, INSTALL)
        return
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    some = examples.take(np.arange(min(CHECKED, len(examples.weight))))
    objects = {name: some.objects[name] for name in network.collections}
    without = {
        name: Objects(values, valid * (jnp.arange(valid.shape[-1]) > 0))
        for name, (values, valid) in objects.items()
    }
    expected = {"scores": scores_of(network, some.x, without)}
    expected |= regressions_of(network, some.x, without)
    for events in (len(some.weight), 1):
        fed: dict[str, Any] = {"events": some.x.T[:events]} if network.features else {}
        for name, (values, valid) in without.items():
            fed[name] = np.asarray(values).T[:events]
            fed[f"{name}_valid"] = np.asarray(valid).T[:events]
        for (name, of), found in zip(expected.items(), session.run([*expected], fed), strict=True):
            unit = 1.0 if name == "scores" else max(1.0, np.abs(of).max())
            if (away := np.abs(found - of.T[:events]).max() / unit) > TOLERANCE:
                raise InputError(
                    f"{path}: {name} of onnxruntime differ from those of the network by "
                    f"{away:.1e}: write no ONNX file of this network, and report it"
                )
