"""Networks on the features of events, on collections of objects, or on both.

    e = E(scaled features),  p = P(objects),  logits = head [fusion(e, p), number and Σ pT of each]

E and P depend on the type; each may be absent. The objects of all collections are tokens of one
set, each embedded by the dense layer of its own collection. Their number and the scalar sum of pT
reach the head whatever the pooling: a mean, or attention, cannot count.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zenith.core.networks.encoders import Encoder
from zenith.core.networks.feature_tokens import FeatureTokens
from zenith.core.networks.fusion import Fusion, Kind
from zenith.core.networks.layers import Dense, Layers
from zenith.core.networks.network import Network, Objects, OnnxGraph, mean_and_deviation
from zenith.core.networks.pairs import FIELDS, kinematics
from zenith.core.networks.pooling import number, number_onnx, total, total_onnx
from zenith.core.networks.residual import Residual
from zenith.core.networks.scaling import Scaling
from zenith.core.networks.tokens import Layout, PackedObjects, joined, tokens

EventEncoder = Layers | Residual | FeatureTokens


class Parts(NamedTuple):
    """What a type chooses: how events are read, and how objects are."""

    events: Callable[[jax.Array, int], EventEncoder]  # of a key and the number of inputs
    objects: Callable[[jax.Array], Encoder]
    fusion: Kind
    head: Sequence[int]  # widths of the hidden layers
    width: int
    heads: int
    activation: str


class SetNetwork(Network):
    """A network that reads events and their objects; the sums are scaled but never learned."""

    features: tuple[str, ...] = eqx.field(static=True)
    classes: tuple[str, ...] = eqx.field(static=True)
    names: tuple[str, ...] = eqx.field(static=True)  # of the collections
    event_scaling: Scaling
    object_scalings: tuple[Scaling, ...]  # of each collection
    embeddings: tuple[Dense, ...]
    event_encoder: EventEncoder | None
    object_encoder: Encoder | None
    pooled: Dense | None  # from the pooled objects to the width
    fusion: Fusion | None  # where there are both
    sums_mean: jax.Array  # (sums,), of the number and the sum of pT of each collection
    sums_scale: jax.Array  # (sums,), above 0
    head: Layers

    @classmethod
    def create(
        cls,
        key: jax.Array,
        features: Scaling,
        objects: Mapping[str, Scaling],
        classes: Sequence[str],
        parts: Parts,
    ) -> Self:
        """Draw all weights; the scalings are those given until `scaled_to`."""
        width, act = parts.width, parts.activation
        of_events, of_objects, of_fields, of_pooled, of_fusion, of_head = jax.random.split(key, 6)
        event = parts.events(of_events, len(features.rows)) if features.features else None
        embeddings = tuple(
            Dense.create(k, len(scaling.rows), width)
            for k, scaling in zip(
                jax.random.split(of_fields, max(len(objects), 1)), objects.values(), strict=False
            )
        )
        encoder = parts.objects(of_objects) if objects else None
        pooled = None if encoder is None else Dense.create(of_pooled, encoder.outputs(width), width)
        fusion = None
        if event is not None and encoder is not None:
            fusion = Fusion.create(of_fusion, width, parts.fusion, parts.heads, act)
        sums = sum(2 if "pt" in scaling.features else 1 for scaling in objects.values())
        inputs = width * (fusion.outputs if fusion else 1) + sums
        return cls(
            features=features.features,
            classes=tuple(classes),
            names=tuple(objects),
            event_scaling=features,
            object_scalings=tuple(objects.values()),
            embeddings=embeddings,
            event_encoder=event,
            object_encoder=encoder,
            pooled=pooled,
            fusion=fusion,
            sums_mean=jnp.zeros(sums, jnp.float32),
            sums_scale=jnp.ones(sums, jnp.float32),
            head=Layers.create(of_head, (inputs, *parts.head, len(classes) or 1), act),
        )

    @property
    def collections(self) -> Mapping[str, tuple[str, ...]]:
        """The collections that it reads, with their fields."""
        scalings = zip(self.names, self.object_scalings, strict=True)
        return {name: scaling.features for name, scaling in scalings}

    @property
    def packs(self) -> bool:
        """It does."""
        return True

    def may_lack(self, collection: str | None = None) -> tuple[str, ...]:
        """What its scalings say may be missing."""
        scaling = self.event_scaling
        if collection is not None:
            scaling = self.object_scalings[self.names.index(collection)]
        return tuple(scaling.features[k] for k in scaling.missing)

    @property
    def inputs(self) -> tuple[tuple[str, str], ...]:
        """The rows of the scaled features of events."""
        return self.event_scaling.rows

    def scaled(self, events: np.ndarray) -> np.ndarray:
        """The features of events as the first layer sees them."""
        return np.asarray(self.event_scaling(jnp.asarray(events)))

    def scaled_objects(
        self, collection: str, values: np.ndarray
    ) -> tuple[tuple[tuple[str, str], ...], np.ndarray]:
        """The fields of objects as their tokens are made of them."""
        scaling = self.object_scalings[self.names.index(collection)]
        return scaling.rows, np.asarray(scaling(jnp.asarray(values)))

    def scaled_to(
        self, events: np.ndarray, weight: np.ndarray, objects: Mapping[str, Objects] = {}
    ) -> Self:
        """Features scaled on weighted events, fields on their valid objects, as are the sums.

        Raises `InputError` for a feature or a field that never varies.
        """
        scalings = []
        for name, scaling in zip(self.names, self.object_scalings, strict=True):
            values, valid = (np.asarray(array) for array in objects[name])
            of_each = np.broadcast_to(weight, valid.shape)[valid]
            scalings.append(scaling.fitted(values[:, valid], of_each, f"objects of {name!r}"))
        new = replace(self, object_scalings=tuple(scalings))
        if self.features:
            new = replace(new, event_scaling=self.event_scaling.fitted(events, weight))
        if self.object_encoder is None:
            return new
        read = [tokens(objects[name]) for name in self.names]
        mean, scale = mean_and_deviation(np.asarray(self._sums(read, jnp.float32)), weight)
        layout = joined([layout for _, layout in read], [values.shape[1] for values, _ in read])
        there = self._kinematics(read) if self.object_encoder.reads_kinematics else None
        encoder = self.object_encoder.fitted(there, np.asarray(layout.valid), weight)
        return replace(
            new,
            object_encoder=encoder,
            sums_mean=jnp.asarray(mean, jnp.float32),
            sums_scale=jnp.asarray(np.where(scale > 0, scale, 1.0), jnp.float32),
        )

    def logits(
        self, events: jax.Array, objects: Mapping[str, Objects | PackedObjects] = {}
    ) -> jax.Array:
        """(features, N) and objects, padded or packed, → (1 or classes, N)."""
        return self.head(self.embedding(events, objects))

    @property
    def embedded(self) -> int:
        """The number of rows of the embedding."""
        return self.head.dense[0].weight.shape[1]

    def embedding(
        self, events: jax.Array, objects: Mapping[str, Objects | PackedObjects] = {}
    ) -> jax.Array:
        """What the head reads: (features, N) → (embedding, N)."""
        of_event = None
        if self.event_encoder is not None:
            of_event = self.event_encoder(self.event_scaling(events))
        if self.object_encoder is None or self.pooled is None:
            assert of_event is not None
            return of_event
        read = [tokens(objects[name]) for name in self.names]
        read = [(values.astype(events.dtype), layout) for values, layout in read]
        embedded = [
            dense(scaling(values))
            for dense, scaling, (values, _) in zip(
                self.embeddings, self.object_scalings, read, strict=True
            )
        ]
        layout = joined([layout for _, layout in read], [h.shape[1] for h in embedded])
        h = jnp.concatenate(embedded, axis=1)
        there = self._kinematics(read) if self.object_encoder.reads_kinematics else None
        of_objects = self.pooled(self.object_encoder(h, layout, there))
        fused = of_objects
        if self.fusion is not None:
            assert of_event is not None
            fused = self.fusion(of_event, of_objects)
        mean, scale = (
            jax.lax.stop_gradient(a).astype(events.dtype)[:, None]
            for a in (self.sums_mean, self.sums_scale)
        )
        return jnp.concatenate([fused, (self._sums(read, events.dtype) - mean) / scale])

    def _sums(self, read: Sequence[tuple[jax.Array, Layout]], dtype: jnp.dtype) -> jax.Array:
        """The number of objects of each collection, and the scalar sum of their pT: (sums, N)."""
        rows = []
        for scaling, (values, layout) in zip(self.object_scalings, read, strict=True):
            rows.append(number(layout, dtype)[None])
            if "pt" in scaling.features:
                k = scaling.features.index("pt")
                rows.append(total(values[k : k + 1], layout).astype(dtype))
        return jnp.concatenate(rows)

    def _kinematics(self, read: Sequence[tuple[jax.Array, Layout]]) -> jax.Array:
        """pt, eta, phi and mass of all objects, (4, M, N)."""
        padded = [
            layout.padded(kinematics(values, scaling.features))
            for scaling, (values, layout) in zip(self.object_scalings, read, strict=True)
        ]
        return jnp.concatenate(padded, axis=1)

    def combined(
        self, matrix: np.ndarray, offsets: np.ndarray, classes: tuple[str, ...]
    ) -> "SetNetwork":
        """The last layer of the new outputs is `matrix` times that of the old ones."""
        return replace(self, head=self.head.combined(matrix, offsets), classes=classes)

    def onnx(self, graph: OnnxGraph, events: str, objects: Mapping[str, tuple[str, str]]) -> str:
        """The nodes of padded objects."""
        of_event = ""
        if self.event_encoder is not None:
            of_event = self.event_encoder.onnx(graph, self.event_scaling.onnx(graph, events))
        if self.object_encoder is None or self.pooled is None:
            return self.head.onnx(graph, of_event)
        embedded, masks, sums, of_fields = [], [], [], []
        for name, scaling, dense in zip(
            self.names, self.object_scalings, self.embeddings, strict=True
        ):
            values, valid = objects[name]
            where = graph.node("Unsqueeze", valid, graph.node("Constant", value_ints=[2]))
            values = graph.node("Where", where, values, graph.constant(0.0))
            embedded.append(dense.onnx(graph, scaling.onnx(graph, values)))
            masks.append(valid)
            if self.object_encoder.reads_kinematics:
                fields = scaling.features
                of_fields.append([_field(graph, values, fields, field) for field in FIELDS])
            sums.append(number_onnx(graph, valid))
            if "pt" in scaling.features:
                k = graph.node("Constant", value_ints=[scaling.features.index("pt")])
                pt = graph.node("Gather", values, k, axis=2)
                sums.append(total_onnx(graph, pt, valid))
        h, valid = (_joined(graph, parts) for parts in (embedded, masks))
        there = [_joined(graph, parts) for parts in zip(*of_fields, strict=True)]
        of_objects = self.pooled.onnx(graph, self.object_encoder.onnx(graph, h, valid, there))
        fused = of_objects
        if self.fusion is not None:
            fused = self.fusion.onnx(graph, of_event, of_objects)
        counted = graph.node("Sub", _joined(graph, sums), graph.constant(self.sums_mean))
        counted = graph.node("Div", counted, graph.constant(self.sums_scale))
        return self.head.onnx(graph, graph.node("Concat", fused, counted, axis=-1))


def _joined(graph: OnnxGraph, parts: Sequence[str]) -> str:
    """One after another along the second axis: objects of collections, or sums."""
    return parts[0] if len(parts) == 1 else graph.node("Concat", *parts, axis=1)


def _field(graph: OnnxGraph, values: str, fields: Sequence[str], field: str) -> str:
    """One field of objects (N, M, fields) as (N, M), 0 where there is none."""
    known = field in fields
    k = graph.node("Constant", value_int=fields.index(field) if known else 0)
    found = graph.node("Gather", values, k, axis=2)
    return found if known else graph.node("Mul", found, graph.constant(0.0))
