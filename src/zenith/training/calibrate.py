"""Calibration: scores that are probabilities on events which taught nothing else."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression, minimize
from scipy.special import logit, logsumexp

from zenith.core.networks.calibrated import KNOTS, Affine, Calibrated, Calibration, Isotonic
from zenith.core.networks.network import Network
from zenith.errors import InputError
from zenith.training.examples import Examples
from zenith.training.scores import logits_of

Array = NDArray[np.float64]
Linear = Literal["temperature", "vector", "matrix"]
Kind = Literal["temperature", "vector", "matrix", "isotonic"]


def calibrated(network: Network, kind: Kind, events: Examples) -> Calibrated:
    """The network with a calibration that is learnt from events, of the weights that count.

    Raises `InputError` for a class without events, labels beyond the classes, and scores of which
    all are equal.
    """
    shell = Calibrated.of(network, kind)
    outputs = len(network.classes) or 1
    counts = np.bincount(np.maximum(events.label, 0), minlength=max(outputs, 2))
    if (events.label < 0).any() or len(counts) > max(outputs, 2):
        wrong = events.label[(events.label < 0) | (events.label >= max(outputs, 2))]
        raise InputError(
            f"calibration: the label {wrong[0]} is beyond the {max(outputs, 2)} classes "
            f"(0 to {max(outputs, 2) - 1})"
        )
    if not counts.all():
        what = network.classes[counts.argmin()] if network.classes else f"number {counts.argmin()}"
        raise InputError(f"calibration: the class {what} has no events that could calibrate it")
    logits = logits_of(network, events.x, events.objects).astype(float)
    if (np.ptp(logits, axis=1) == 0.0).all():
        raise InputError(
            f"calibration: all {len(events.label)} scores are equal: the network has learnt "
            "nothing that could be calibrated"
        )
    found: Calibration
    if kind == "isotonic":
        if negative := np.count_nonzero(events.weight < 0.0):
            raise InputError(
                f"calibration: {negative} of {len(events.label)} weights are negative, which "
                "isotonic regression cannot have: write negative_weights: absolute, or drop"
            )
        found = Isotonic(*map(_float32, rising(logits, events.label, events.weight)))
    else:
        found = Affine(*map(_float32, linear(kind, logits, events.label, events.weight)))
    return replace(shell, calibration=found)


def _float32(array: Array) -> jnp.ndarray:
    return jnp.asarray(array, jnp.float32)


def linear(
    kind: Linear, logits: ArrayLike, label: ArrayLike, weight: ArrayLike
) -> tuple[Array, Array]:
    """M (outputs, outputs) and b (outputs,) of M z + b with the least cross-entropy.

    Guo et al., arXiv:1706.04599: `temperature` has one slope for all logits (outputs, N), `vector`
    one for each and b, `matrix` all of M and b; with one output, whose score is a sigmoid, `vector`
    is Platt's scaling. The weights, (N,), count as their effective number of events, beside a
    Gaussian of unit width for each parameter, about no change: a few events do not ask for infinite
    slopes. No element of the diagonal is below 0.
    """
    z = np.asarray(logits, float)
    outputs = len(z)
    weight = _effective(weight)
    is_class = np.asarray(label) == np.arange(max(outputs, 2))[:, None]
    moves = _moves(kind, outputs)

    def cost(parameters: Array) -> tuple[float, Array]:
        matrix, offset = _unpacked(parameters @ moves, outputs)
        scaled = matrix @ z + offset[:, None]
        if outputs == 1:
            scaled = np.concatenate([np.zeros_like(scaled), scaled])
        log_p = scaled - logsumexp(scaled, axis=0)
        pull = (weight * (np.exp(log_p) - is_class))[-outputs:]
        gradient = moves @ np.concatenate([(pull @ z.T).ravel(), pull.sum(axis=1)])
        entropy = -(weight * log_p)[is_class].sum()
        return entropy + 0.5 * (parameters**2).sum(), gradient + parameters

    on_diagonal = moves @ np.concatenate([np.eye(outputs).ravel(), np.zeros(outputs)]) > 0.0
    bounds = [(-1.0 if diagonal else None, None) for diagonal in on_diagonal]
    found = minimize(cost, np.zeros(len(moves)), jac=True, method="L-BFGS-B", bounds=bounds)
    return _unpacked(found.x @ moves, outputs)


def _moves(kind: Linear, outputs: int) -> Array:
    """What each parameter adds to the elements of M, row by row, and of b."""
    everything = np.eye(outputs**2 + outputs)
    diagonal = everything[: outputs**2 : outputs + 1]
    if kind == "temperature":
        return np.asarray(diagonal.sum(axis=0, keepdims=True))
    return np.concatenate([diagonal, everything[outputs**2 :]]) if kind == "vector" else everything


def _unpacked(moved: Array, outputs: int) -> tuple[Array, Array]:
    matrix = np.eye(outputs) + moved[: outputs**2].reshape(outputs, outputs)
    return matrix, moved[outputs**2 :]


def rising(logits: ArrayLike, label: ArrayLike, weight: ArrayLike) -> tuple[Array, Array]:
    """Points (outputs, KNOTS) of the log-odds of each class, before and after.

    Isotonic regression finds the rising shares of a class of the least squared error (pool adjacent
    violators), each the same in a block of events; a point is the mean log-odds of a block before,
    and those of its share after, and in between there are straight lines: blocks by themselves
    would make scores equal that are not. One event of the class below all scores, and one of the
    others above all, keep shares from being 0 or 1. Weights (N,) count as their effective number
    of events; none is below 0. Blocks that are closer than one part in KNOTS of their range are
    merged with their neighbours.
    """
    z = np.asarray(logits, float)
    weight, label = _effective(weight), np.asarray(label)
    outputs = len(z)
    points = np.empty((2, outputs, KNOTS))
    for k in range(outputs):
        t = z[0] if outputs == 1 else z[k] - logsumexp(np.delete(z, k, axis=0), axis=0)
        x, y = _blocks(t, label == (1 if outputs == 1 else k), weight)
        points[:, k] = [np.pad(side, (0, KNOTS - len(x)), mode="edge") for side in (x, y)]
    return points[0], points[1]


def _blocks(t: Array, is_class: NDArray[np.bool_], weight: Array) -> tuple[Array, Array]:
    counted = weight > 0.0
    values, place = np.unique(t[counted], return_inverse=True)  # equal scores stay equal
    w = np.bincount(place, weight[counted])
    of_class = np.bincount(place, (weight * is_class)[counted])
    values = np.concatenate([values[:1], values, values[-1:]])
    w, of_class = (np.concatenate([[1.0], a, [end]]) for a, end in ((w, 1.0), (of_class, 0.0)))
    pooled = isotonic_regression(of_class / w, weights=w)
    sums = np.add.reduceat([w, w * values, of_class], pooled.blocks[:-1], axis=1)
    closest = np.ptp(sums[1] / sums[0]) / (KNOTS - 1)
    while len(sums[0]) > 1:
        gaps = np.diff(sums[1] / sums[0])
        k = int(gaps.argmin())
        if gaps[k] >= closest and len(gaps) < KNOTS:
            break
        sums = np.add.reduceat(sums, np.delete(np.arange(len(sums[0])), k + 1), axis=1)
    return sums[1] / sums[0], logit(sums[2] / sums[0])


def _effective(weight: ArrayLike) -> Array:
    """Weights whose sum is the effective number of events."""
    w = np.asarray(weight, float)
    return np.asarray(w * (w.sum() / (w**2).sum()))


def set_aside(
    events: Examples, classes: Sequence[str], share: float, random: np.random.Generator
) -> tuple[Examples, Examples]:
    """The events that choose the epoch, and those that calibrate: this share of each class.

    With a share of 1 both are all events. Raises `InputError` for a class that has too few.
    """
    if share == 1.0:
        return events, events
    aside = np.zeros(len(events.label), bool)
    for k, of_class in enumerate(classes):
        own = random.permutation(np.flatnonzero(events.label == k))
        number = round(share * len(own))
        if not 0 < number < len(own):
            raise InputError(
                f"calibration: {number} of the {len(own)} validation events of class {of_class!r} "
                f"would calibrate, and {len(own) - number} choose the epoch: add events, or write "
                "calibration.share: 1, so that all do both"
            )
        aside[own[:number]] = True
    return events.take(~aside), events.take(aside)
