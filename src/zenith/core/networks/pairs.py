"""What pairs of objects are to each other: distance, relative momentum, sharing and mass.

Of objects a and b (arXiv:2202.03772, with Δη for the difference of rapidities):

    Δ = √(Δη² + Δφ²),  kT = min(pTa, pTb) Δ,  z = min(pTa, pTb) / (pTa + pTb),  m² = (pa + pb)²

as logarithms. m² is a sum of terms that are not negative, so that none of float32 is lost:

    m² = ma² + mb² + 2 (ma² Eb² + mb² |pa|²) / (Ea Eb + |pa||pb|)
         + 4 pTa pTb (sinh²(Δη/2) + sin²(Δφ/2))
"""

from collections.abc import Sequence
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zenith.core.networks.layers import Layers
from zenith.core.networks.network import OnnxGraph, mean_and_deviation

NAMES = ("ln_dr", "ln_kt", "ln_z", "ln_m2")
LEAST = 1e-8  # logarithms see nothing smaller
ENOUGH = 5000  # events, of which pairs are scaled
FIELDS = ("pt", "eta", "phi", "mass")


def pair_features(kinematics: jax.Array) -> jax.Array:
    """pt, eta, phi and mass (4, M, N) → (4, M, M, N)."""
    pt, eta, phi, mass = kinematics

    def a(x: jax.Array) -> jax.Array:
        return x[:, None]

    def b(x: jax.Array) -> jax.Array:
        return x[None]

    d_eta, d_phi = a(eta) - b(eta), a(phi) - b(phi)
    d_phi = d_phi - 2 * np.pi * jnp.round(d_phi / (2 * np.pi))
    dr = jnp.sqrt(d_eta**2 + d_phi**2)
    softer = jnp.minimum(a(pt), b(pt))
    p, m2 = pt * jnp.cosh(eta), mass**2
    energy = jnp.sqrt(p**2 + m2)
    moving = a(m2) * b(energy) ** 2 + b(m2) * a(p) ** 2
    moving = moving / jnp.maximum(a(energy) * b(energy) + a(p) * b(p), LEAST)
    apart = a(pt) * b(pt) * (jnp.sinh(d_eta / 2) ** 2 + jnp.sin(d_phi / 2) ** 2)
    mass2 = a(m2) + b(m2) + 2 * moving + 4 * apart
    z = softer / jnp.maximum(a(pt) + b(pt), LEAST)
    return jnp.log(jnp.maximum(jnp.stack([dr, softer * dr, z, mass2]), LEAST))


def kinematics(values: jax.Array, fields: Sequence[str]) -> jax.Array:
    """pt, eta, phi and mass, 0 where there is none: (fields, …) → (4, …)."""
    none = jnp.zeros_like(values[0])
    return jnp.stack([values[fields.index(f)] if f in fields else none for f in FIELDS])


class PairBias(eqx.Module):
    """A bias of attention in each head, from what pairs are to each other."""

    mean: jax.Array  # (4,), over pairs of different objects; not learned
    scale: jax.Array  # (4,)
    layers: Layers

    @classmethod
    def create(cls, key: jax.Array, width: int, heads: int, activation: str) -> Self:
        """With one hidden layer of this width; not scaled yet."""
        layers = Layers.create(key, (len(NAMES), width, heads), activation)
        return cls(jnp.zeros(4, jnp.float32), jnp.ones(4, jnp.float32), layers)

    def __call__(self, kinematics: jax.Array) -> jax.Array:
        """pt, eta, phi and mass of padded objects (4, M, N) → (N, heads, M, M)."""
        mean, scale = (
            jax.lax.stop_gradient(a).astype(kinematics.dtype)[:, None, None, None]
            for a in (self.mean, self.scale)
        )
        scaled = (pair_features(kinematics) - mean) / scale
        itself = jnp.eye(kinematics.shape[1], dtype=bool)[..., None]
        bias = self.layers(jnp.where(itself, 0.0, scaled))
        return jnp.transpose(bias, (3, 0, 1, 2))

    def onnx(self, graph: OnnxGraph, kinematics: Sequence[str]) -> str:
        """pt, eta, phi and mass, (N, M) each → (N, heads, M, M)."""

        def node(operator: str, *inputs: str) -> str:
            return graph.node(operator, *inputs)

        def pair(x: str) -> tuple[str, str]:
            axes = (graph.node("Constant", value_ints=[axis]) for axis in (2, 1))
            a, b = (node("Unsqueeze", x, axis) for axis in axes)
            return a, b

        def times(factor: float, x: str) -> str:
            return node("Mul", graph.constant(factor), x)

        def squared(x: str) -> str:
            return node("Mul", x, x)

        pt, eta, phi, mass = kinematics
        (pt_a, pt_b), d_eta, d_phi = pair(pt), node("Sub", *pair(eta)), node("Sub", *pair(phi))
        turns = node("Round", times(1 / (2 * np.pi), d_phi))
        d_phi = node("Sub", d_phi, times(2 * np.pi, turns))
        dr = node("Sqrt", node("Add", squared(d_eta), squared(d_phi)))
        softer, least = node("Min", pt_a, pt_b), graph.constant(LEAST)
        p, m2 = node("Mul", pt, node("Cosh", eta)), squared(mass)
        energy = node("Sqrt", node("Add", squared(p), m2))
        (p_a, p_b), (m2_a, m2_b), (e_a, e_b) = pair(p), pair(m2), pair(energy)
        moving = node(
            "Div",
            node("Add", node("Mul", m2_a, squared(e_b)), node("Mul", m2_b, squared(p_a))),
            node("Max", node("Add", node("Mul", e_a, e_b), node("Mul", p_a, p_b)), least),
        )
        angles = node(
            "Add", squared(node("Sinh", times(0.5, d_eta))), squared(node("Sin", times(0.5, d_phi)))
        )
        apart = node("Mul", node("Mul", pt_a, pt_b), angles)
        mass2 = node(
            "Add", node("Add", m2_a, m2_b), node("Add", times(2.0, moving), times(4.0, apart))
        )
        z = node("Div", softer, node("Max", node("Add", pt_a, pt_b), least))
        last = graph.node("Constant", value_ints=[-1])
        features = [node("Unsqueeze", x, last) for x in (dr, node("Mul", softer, dr), z, mass2)]
        x = node("Log", node("Max", graph.node("Concat", *features, axis=-1), least))
        x = node("Div", node("Sub", x, graph.constant(self.mean)), graph.constant(self.scale))
        bias = self.layers.onnx(graph, node("Mul", x, _others(graph, pt)))
        return graph.node("Transpose", bias, perm=[0, 3, 1, 2])


def _others(graph: OnnxGraph, pt: str) -> str:
    """1 for pairs of different objects, 0 else, (M, M, 1), of pt (N, M)."""
    most = graph.node("Shape", pt, start=1, end=2)
    both = graph.node("Concat", most, most, axis=0)
    zeros = graph.node("ConstantOfShape", both)  # float32
    itself = graph.node("EyeLike", zeros)
    others = graph.node("Sub", graph.constant(1.0), itself)
    return graph.node("Unsqueeze", others, graph.node("Constant", value_ints=[2]))


def pair_statistics(
    kinematics: jax.Array, valid: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation, (4,), over pairs of different valid objects of events of weights (N,).

    Of more events than enough, some are read, at equal distances.
    """
    some = slice(None, None, -(-len(weight) // ENOUGH))
    valid, weight = valid[:, some], weight[some]
    features = np.asarray(pair_features(jnp.where(valid, kinematics[..., some], 1.0)), np.float64)
    different = ~np.eye(len(valid), dtype=bool)[..., None]
    of_pair = np.where(valid[:, None] & valid[None] & different, weight, 0.0)
    if not of_pair.any():
        return np.zeros(4), np.ones(4)
    mean, deviation = mean_and_deviation(features.reshape(4, -1), of_pair.ravel())
    return mean, np.where(deviation > 0, deviation, 1.0)
