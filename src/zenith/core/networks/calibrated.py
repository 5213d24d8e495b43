"""A network and what makes its scores probabilities: a function of its logits.

The function is learnt after the network, from other events, and stays as it is where the network
moves in a climb.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Literal, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zenith.core.networks.network import Network, Objects, OnnxGraph
from zenith.core.networks.wrapping import Wrapping
from zenith.errors import InputError

KNOTS = 64  # points of a rising function of log-odds, at most
_ITSELF = -1e30  # added to a logit that a sum of exponentials leaves out


class Calibration(eqx.Module):
    """A function of logits (outputs, N), float32 arrays of fixed shapes."""

    @abstractmethod
    def __call__(self, logits: jax.Array) -> jax.Array:
        """(outputs, N) → (outputs, N)."""

    @abstractmethod
    def onnx(self, graph: OnnxGraph, logits: str) -> str:
        """The same nodes, (N, outputs) → (N, outputs)."""


class Affine(Calibration):
    """Logits z → M z + b: temperature, vector and matrix scaling (arXiv:1706.04599)."""

    matrix: jax.Array  # (outputs, outputs)
    offset: jax.Array  # (outputs,)

    @classmethod
    def identity(cls, outputs: int) -> Self:
        """The one that leaves logits as they are."""
        return cls(jnp.eye(outputs, dtype=jnp.float32), jnp.zeros(outputs, jnp.float32))

    def __call__(self, logits: jax.Array) -> jax.Array:
        """(outputs, N) → (outputs, N)."""
        scaled = jnp.einsum("kj,jn->kn", self.matrix, logits, precision="highest")
        return scaled + self.offset[:, None]

    def onnx(self, graph: OnnxGraph, logits: str) -> str:
        """One product."""
        matrix, offset = graph.constant(self.matrix), graph.constant(self.offset)
        return graph.node("Gemm", logits, matrix, offset, transB=1)


class Isotonic(Calibration):
    """Of each class the log-odds against all others, t → f(t), with f rising.

    f is linear between points (x, y), and has the slope 1 beyond them: no two scores become equal.
    The log-odds of two classes are the logit; of more they are t = z - ln Σ exp of the other
    logits, and the shares 1 / (1 + exp(-f)) are normalised to add up to 1. Points that are not
    needed repeat the last one.
    """

    x: jax.Array  # (outputs, KNOTS), rising
    y: jax.Array  # (outputs, KNOTS), rising

    @classmethod
    def identity(cls, outputs: int) -> Self:
        """The one that leaves scores as they are."""
        zero = jnp.zeros((outputs, KNOTS), jnp.float32)
        return cls(zero, zero)

    @property
    def _pieces(self) -> tuple[jax.Array, jax.Array]:
        """Lengths and slopes of the pieces, (outputs, KNOTS - 1) each."""
        length, rise = jnp.diff(self.x), jnp.diff(self.y)
        return length, jnp.where(length > 0.0, rise / jnp.where(length > 0.0, length, 1.0), 0.0)

    def __call__(self, logits: jax.Array) -> jax.Array:
        """(outputs, N) → (outputs, N)."""
        outputs = len(logits)
        others = jnp.where(jnp.eye(outputs, dtype=bool)[:, :, None], _ITSELF, logits)
        t = logits if outputs == 1 else logits - jax.nn.logsumexp(others, axis=1)
        length, slope = self._pieces
        passed = jnp.clip(t[..., None] - self.x[:, None, :-1], 0.0, length[:, None])
        inside = (passed * slope[:, None]).sum(axis=-1)
        first, last = self.x[:, :1], self.x[:, -1:]
        beyond = jnp.minimum(t - first, 0.0) + jnp.maximum(t - last, 0.0)
        f = self.y[:, :1] + inside + beyond
        return f if outputs == 1 else jax.nn.log_sigmoid(f)

    def onnx(self, graph: OnnxGraph, logits: str) -> str:
        """The same sums."""
        zero, outputs = graph.constant(0.0), len(self.x)
        t, last_axis = logits, graph.node("Constant", value_ints=[2])
        if outputs > 1:
            rows = graph.node("Unsqueeze", logits, graph.node("Constant", value_ints=[1]))
            mask = graph.constant(np.where(np.eye(outputs, dtype=bool), _ITSELF, 0.0))
            others = graph.node("Add", rows, mask)
            most = graph.node("ReduceMax", others, axes=[2], keepdims=1)
            powers = graph.node("Exp", graph.node("Sub", others, most))
            sums = graph.node("Log", graph.node("ReduceSum", powers, last_axis, keepdims=1))
            of_others = graph.node("Squeeze", graph.node("Add", sums, most), last_axis)
            t = graph.node("Sub", logits, of_others)
        length, slope = self._pieces
        rows = graph.node("Unsqueeze", t, last_axis)
        above = graph.node("Max", graph.node("Sub", rows, graph.constant(self.x[:, :-1])), zero)
        passed = graph.node("Min", above, graph.constant(length))
        risen = graph.node("Mul", passed, graph.constant(slope))
        f = graph.node("Add", graph.constant(self.y[:, 0]),
                       graph.node("ReduceSum", risen, last_axis, keepdims=0))  # fmt: skip
        for limit, edge in (("Min", self.x[:, 0]), ("Max", self.x[:, -1])):
            beyond = graph.node(limit, graph.node("Sub", t, graph.constant(edge)), zero)
            f = graph.node("Add", f, beyond)
        if outputs == 1:
            return f
        return graph.node("Neg", graph.node("Softplus", graph.node("Neg", f)))


class Calibrated(Wrapping):
    """A network, and the calibration of its logits. A climb moves the network alone."""

    features: tuple[str, ...] = eqx.field(static=True)
    classes: tuple[str, ...] = eqx.field(static=True)
    network: Network
    calibration: Calibration

    @classmethod
    def of(
        cls, network: Network, kind: Literal["temperature", "vector", "matrix", "isotonic"]
    ) -> Self:
        """With a calibration that has learnt nothing yet."""
        made = Isotonic if kind == "isotonic" else Affine
        calibration = made.identity(len(network.classes) or 1)
        return cls(network.features, network.classes, network, calibration)

    @property
    def inner(self) -> Network:
        """The network."""
        return self.network

    @property
    def uncalibrated(self) -> Network:
        """The network."""
        return self.network

    def outputs(self, events: jax.Array, objects: Mapping[str, Objects] = {}) -> jax.Array:
        """Those of the network, of which the logits are calibrated."""
        given = (events, objects) if self.collections else (events,)
        calibration: Calibration = jax.lax.stop_gradient(self.calibration)
        found, number = self.network.outputs(*given), len(self.classes) or 1
        return jnp.concatenate([calibration(found[:number]), found[number:]])

    def logits(self, events: jax.Array, objects: Mapping[str, Objects] = {}) -> jax.Array:
        """(features, N) → (1 or classes, N), calibrated."""
        given = (events, objects) if self.collections else (events,)
        calibration: Calibration = jax.lax.stop_gradient(self.calibration)
        return calibration(self.network.logits(*given))

    def onnx(self, graph: OnnxGraph, events: str, objects: Mapping[str, tuple[str, str]]) -> str:
        """The nodes of the network, then those of the calibration."""
        return self.onnx_outputs(graph, events, objects)[0]

    def onnx_outputs(
        self, graph: OnnxGraph, events: str, objects: Mapping[str, tuple[str, str]]
    ) -> tuple[str, dict[str, str]]:
        """The same, and the regressions of the network."""
        logits, regressions = self.network.onnx_outputs(graph, events, objects)
        return self.calibration.onnx(graph, logits), regressions

    def combined(
        self, matrix: np.ndarray, offsets: np.ndarray, classes: tuple[str, ...]
    ) -> Network:
        """The network combined, with the calibration in its last layer.

        Raises `InputError` for an isotonic one, which is not linear.
        """
        if not isinstance(self.calibration, Affine):
            raise InputError(
                "an isotonic calibration is in no last layer that other outputs could be of: "
                "choose another type of calibration, or none"
            )
        scaled = matrix @ np.asarray(self.calibration.matrix, float)
        moved = matrix @ np.asarray(self.calibration.offset, float) + offsets
        return self.network.combined(scaled, moved, classes)
