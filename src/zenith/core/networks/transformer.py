"""Transformer layers on the objects of an event, with masks in place of padding.

A masked transformer pools by sum and mean, and may give pairs a bias of their own, as the particle
transformer does (arXiv:2202.03772); a set transformer pools by attention (arXiv:1810.00825).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Self

import jax
import jax.numpy as jnp
import numpy as np

from zenith.core.networks.attention import TransformerLayer
from zenith.core.networks.encoders import Encoder
from zenith.core.networks.layers import LayerNorm
from zenith.core.networks.network import OnnxGraph
from zenith.core.networks.pairs import PairBias, pair_statistics
from zenith.core.networks.pooling import AttentionPooling, SumAndMean
from zenith.core.networks.tokens import Layout


class Transformer(Encoder):
    """Layers in which the objects of an event attend to each other."""

    layers: tuple[TransformerLayer, ...]
    last: LayerNorm
    pairs: PairBias | None
    pooling: SumAndMean | AttentionPooling

    @property
    def reads_kinematics(self) -> bool:
        """Where pairs have a bias."""
        return self.pairs is not None

    @classmethod
    def create(
        cls,
        key: jax.Array,
        width: int,
        layers: int,
        heads: int,
        activation: str,
        pair_bias: bool = False,
        seeds: int = 0,
    ) -> Self:
        """Pooling is by attention of as many seeds, or without any by sum and mean."""
        of_layers, of_pairs, of_seeds = jax.random.split(key, 3)
        return cls(
            layers=tuple(
                TransformerLayer.create(k, width, heads, activation)
                for k in jax.random.split(of_layers, layers)
            ),
            last=LayerNorm.create(width),
            pairs=PairBias.create(of_pairs, width, heads, activation) if pair_bias else None,
            pooling=AttentionPooling.create(of_seeds, width, heads, seeds)
            if seeds
            else SumAndMean.create(),
        )

    def tokens(self, h: jax.Array, layout: Layout, kinematics: jax.Array | None) -> jax.Array:
        """(width, T) → (width, T); all layers have the same bias of pairs."""
        bias = None
        if self.pairs is not None:
            assert kinematics is not None
            bias = self.pairs(kinematics)
        for layer in self.layers:
            h = layer(h, layout, bias)
        return self.last(h)

    def tokens_onnx(self, graph: OnnxGraph, h: str, valid: str, kinematics: Sequence[str]) -> str:
        """(N, M, width) → (N, M, width)."""
        bias = None if self.pairs is None else self.pairs.onnx(graph, kinematics)
        for layer in self.layers:
            h = layer.onnx(graph, h, valid, bias)
        return self.last.onnx(graph, h)

    def fitted(self, kinematics: jax.Array | None, valid: np.ndarray, weight: np.ndarray) -> Self:
        """The pairs are scaled as well."""
        fitted = super().fitted(kinematics, valid, weight)
        if self.pairs is None:
            return fitted
        assert kinematics is not None
        mean, scale = (
            jnp.asarray(a, jnp.float32) for a in pair_statistics(kinematics, valid, weight)
        )
        return replace(fitted, pairs=replace(self.pairs, mean=mean, scale=scale))
