"""What a first layer sees of features of events, or of objects: transforms, scalers, encodings.

A scaling is part of its network and never learned by descent: no gradient reaches its numbers,
which are statistics of the training events (or of their valid objects) with the absolute values of
their weights.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import ndtr

from zenith.core.networks import transforms
from zenith.core.networks.network import OnnxGraph
from zenith.errors import InputError

SCALERS = ("standard", "robust", "min_max", "none", "quantile", "piecewise_linear")
AFFINE = SCALERS[:4]
PIECES = 16  # bins of a piecewise-linear encoding (arXiv:2203.05556)
NORMAL = np.linspace(-3.0, 3.0, 65)  # quantiles of a Gaussian that those of a feature become
LEVELS = ndtr(NORMAL)
GAUSSIAN_RANGE = 1.3489795  # interquartile range of a Gaussian of unit width
FLOAT = 1  # of ONNX


class Scaling(eqx.Module):
    """Rows of features: (features, …) → (rows, …).

    Of each feature its transforms (`zenith.core.networks.transforms`), each scaled to mean 0 and
    deviation 1 (`standard`), median 0 and interquartile range of a Gaussian (`robust`), into
    [0, 1] (`min_max`), to a Gaussian distribution (`quantile`) or into one row for each of several
    bins (`piecewise_linear`). Of a category a row for each of its values, and one for any other.

    A feature may be missing in some events, NaN: then its rows are 0, and one more row is 1, whose
    weights in the first layer are the embedding that is learned of what is missing.
    """

    features: tuple[str, ...] = eqx.field(static=True)
    reads: transforms.Inputs = eqx.field(static=True)
    scalers: tuple[str, ...] = eqx.field(static=True)  # of each of `reads`
    categories: tuple[tuple[int, tuple[float, ...]], ...] = eqx.field(static=True)
    missing: tuple[int, ...] = eqx.field(static=True)
    centre: jax.Array  # (affine reads,)
    width: jax.Array  # (affine reads,), above 0
    quantiles: jax.Array  # (reads by quantile, levels)
    edges: jax.Array  # (reads by pieces, bins + 1)

    @classmethod
    def create(
        cls,
        features: Sequence[str],
        transform: Mapping[str, Sequence[str]] = {},
        scalers: Mapping[str, str] = {},
        categories: Mapping[str, Sequence[float]] = {},
        missing: Sequence[str] = (),
    ) -> Self:
        """The identity for now; `standard` is the scaler where `scalers` names no other."""
        number = {feature: k for k, feature in enumerate(features)}
        values = transforms.inputs(features, {name: () for name in categories} | dict(transform))
        of_each = [scalers.get(features[k], "standard") for _, k in values]
        affine = sum(scaler in AFFINE for scaler in of_each)
        pieces = of_each.count("piecewise_linear")
        return cls(
            features=tuple(features),
            reads=values,
            scalers=tuple(of_each),
            categories=tuple((number[name], tuple(v)) for name, v in categories.items()),
            missing=tuple(number[name] for name in missing),
            centre=jnp.zeros(affine, jnp.float32),
            width=jnp.ones(affine, jnp.float32),
            quantiles=jnp.tile(jnp.asarray(NORMAL, jnp.float32), (of_each.count("quantile"), 1)),
            edges=jnp.tile(jnp.arange(PIECES + 1, dtype=jnp.float32), (pieces, 1)),
        )

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """Of each row its feature, and its transform or what else it is."""
        named = [(self.features[k], transform) for transform, k in self.reads]
        found = [named[k] for k in self._by(*AFFINE)] + [named[k] for k in self._by("quantile")]
        for k in self._by("piecewise_linear"):
            found += [(named[k][0], f"{named[k][1]}_{bin_ + 1}") for bin_ in range(PIECES)]
        for k, values in self.categories:
            found += [(self.features[k], f"is_{value:g}") for value in values]
            found.append((self.features[k], "is_other"))
        return tuple(found + [(self.features[k], "missing") for k in self.missing])

    def _by(self, *scalers: str) -> list[int]:
        return [k for k, scaler in enumerate(self.scalers) if scaler in scalers]

    def _of_missing(self) -> np.ndarray:
        """Which rows each feature that may be missing has, (missing, rows without theirs)."""
        rows = self.rows[: len(self.rows) - len(self.missing)]
        return np.array(
            [[row[0] == self.features[k] for row in rows] for k in self.missing], np.float32
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        """(features, …) → (rows, …)."""
        missing = jnp.isnan(x[np.array(self.missing, int)]).astype(x.dtype)
        if self.missing:
            x = jnp.where(jnp.isnan(x), 1.0, x)
        own: Scaling = jax.lax.stop_gradient(self)
        values = transforms.transformed(x, self.reads) if self.reads else x[:0]
        ones = (1,) * (x.ndim - 1)
        rows = []
        if affine := self._by(*AFFINE):
            centre, width = (a.astype(x.dtype).reshape(-1, *ones) for a in (own.centre, own.width))
            rows.append((values[np.array(affine)] - centre) / width)
        for k, knots in zip(self._by("quantile"), own.quantiles, strict=True):
            steps = jnp.asarray(np.diff(NORMAL), x.dtype)
            sums = jnp.tensordot(steps, _pieces(values[k], knots), 1)
            rows.append((sums + NORMAL[0].astype(x.dtype))[None])
        for k, knots in zip(self._by("piecewise_linear"), own.edges, strict=True):
            rows.append(_pieces(values[k], knots))
        for k, known in self.categories:
            is_value = (x[k] == jnp.asarray(known, x.dtype).reshape(-1, *ones)).astype(x.dtype)
            rows += [is_value, 1.0 - is_value.sum(axis=0, keepdims=True)]
        found = jnp.concatenate(rows)
        if self.missing:
            found = found * (1.0 - jnp.tensordot(self._of_missing().T.astype(x.dtype), missing, 1))
        return jnp.concatenate([found, missing])

    def fitted(self, x: np.ndarray, weight: np.ndarray, what: str = "events") -> Self:
        """The same for features (features, n) of weights (n,), none below 0.

        Raises `InputError` for a feature that never varies, or its transform.
        """
        filled = np.where(np.isnan(x), 1.0, x) if self.missing else x
        values = np.asarray(transforms.transformed(jnp.asarray(filled), self.reads), np.float64)
        lists: tuple[list[Any], ...] = ([], [], [], [])
        centre, width, quantiles, edges = lists
        for (transform, k), scaler, row in zip(self.reads, self.scalers, values, strict=True):
            there = np.isfinite(x[k]) & (weight > 0)
            v, w = row[there], weight[there]
            if len(v) == 0 or v.min() == v.max():
                seen = f"{v[0]:g} in all" if len(v) else "missing in all"
                which = f"feature {self.features[k]!r}" if transform == "raw" else (
                    f"{transform} of the feature {self.features[k]!r}"
                )  # fmt: skip
                raise InputError(f"the {which} is {seen} training {what}: remove it")
            if scaler == "quantile":
                quantiles.append(_increasing(_quantile(v, w, LEVELS)))
            elif scaler == "piecewise_linear":
                edges.append(_increasing(_quantile(v, w, np.linspace(0.0, 1.0, PIECES + 1))))
            else:
                c, s = _affine(scaler, v, w)
                centre.append(c)
                width.append(s)

        def array(found: list[Any], like: jax.Array) -> jax.Array:
            return jnp.asarray(found, jnp.float32).reshape(like.shape)

        return replace(
            self,
            centre=array(centre, self.centre),
            width=array(width, self.width),
            quantiles=array(quantiles, self.quantiles),
            edges=array(edges, self.edges),
        )

    def onnx(self, graph: OnnxGraph, x: str) -> str:
        """(…, features) → (…, rows)."""
        missing = ""
        if self.missing:
            lacks = graph.node("IsNaN", x)
            missing = graph.node("Cast", _columns(graph, lacks, self.missing), to=FLOAT)
            x = graph.node("Where", lacks, graph.constant(1.0), x)
        rows = []
        if self.reads:
            values = transforms.onnx(graph, x, len(self.features), self.reads)
            if affine := self._by(*AFFINE):
                here = values if len(affine) == len(self.reads) else (
                    _columns(graph, values, affine)
                )  # fmt: skip
                shifted = graph.node("Sub", here, graph.constant(self.centre))
                rows.append(graph.node("Div", shifted, graph.constant(self.width)))
            for k, knots in zip(self._by("quantile"), self.quantiles, strict=True):
                pieces = _pieces_onnx(graph, _columns(graph, values, [k]), knots)
                steps = graph.constant(np.diff(NORMAL)[:, None])
                sums = graph.node("MatMul", pieces, steps)
                rows.append(graph.node("Add", sums, graph.constant(NORMAL[0])))
            for k, knots in zip(self._by("piecewise_linear"), self.edges, strict=True):
                rows.append(_pieces_onnx(graph, _columns(graph, values, [k]), knots))
        for k, known in self.categories:
            equal = graph.node("Equal", _columns(graph, x, [k]), graph.constant(np.array(known)))
            is_value = graph.node("Cast", equal, to=FLOAT)
            # onnxruntime 1.31 does not reduce the last axis of no events where it is axis -1
            some = graph.node("MatMul", is_value, graph.constant(np.ones((len(known), 1))))
            rows += [is_value, graph.node("Sub", graph.constant(1.0), some)]
        found = rows[0] if len(rows) == 1 else graph.node("Concat", *rows, axis=-1)
        if not self.missing:
            return found
        lost = graph.node("MatMul", missing, graph.constant(self._of_missing()))
        found = graph.node("Mul", found, graph.node("Sub", graph.constant(1.0), lost))
        return graph.node("Concat", found, missing, axis=-1)


def _columns(graph: OnnxGraph, x: str, chosen: Sequence[int]) -> str:
    return graph.node("Gather", x, graph.node("Constant", value_ints=list(chosen)), axis=-1)


def _pieces(x: jax.Array, edges: jax.Array) -> jax.Array:
    """How much of each bin is below x, from 0 to 1: (…) → (bins, …)."""
    low, high = (e.astype(x.dtype).reshape(-1, *[1] * x.ndim) for e in (edges[:-1], edges[1:]))
    return jnp.clip((x - low) / (high - low), 0.0, 1.0)


def _pieces_onnx(graph: OnnxGraph, x: str, edges: jax.Array) -> str:
    """(…, 1) → (…, bins)."""
    shifted = graph.node("Sub", x, graph.constant(edges[:-1]))
    share = graph.node("Div", shifted, graph.constant(edges[1:] - edges[:-1]))
    return graph.node("Max", graph.node("Min", share, graph.constant(1.0)), graph.constant(0.0))


def _affine(scaler: str, v: np.ndarray, w: np.ndarray) -> tuple[float, float]:
    """What is subtracted from values, and what the rest is divided by."""
    if scaler == "none":
        return 0.0, 1.0
    if scaler == "min_max":
        return v.min(), v.max() - v.min()
    mean = np.average(v, weights=w)
    deviation = np.sqrt(np.average((v - mean) ** 2, weights=w))
    if scaler == "standard":
        return mean, deviation
    low, median, high = _quantile(v, w, np.array([0.25, 0.5, 0.75]))
    return median, (high - low) / GAUSSIAN_RANGE or deviation


def _quantile(v: np.ndarray, w: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Quantiles of weighted values: each is at the middle of its own weight."""
    order = np.argsort(v, kind="stable")
    v, w = v[order], w[order]
    found: np.ndarray = np.interp(levels, (np.cumsum(w) - 0.5 * w) / w.sum(), v)
    return found


def _increasing(edges: np.ndarray) -> np.ndarray:
    """Edges in float32 that are all different: a value that many events share is a step."""
    edges = edges.astype(np.float32)
    gap = np.float32(1e-6) * (edges[-1] - edges[0])
    for k in range(1, len(edges)):
        least = edges[k - 1] + max(gap, 2 * np.spacing(abs(edges[k - 1])))
        edges[k] = max(edges[k], least)
    return edges
