"""Two toys for categories: the score of a classifier, and a softmax of three classes.

Signals and five backgrounds are Gaussians of three features with one covariance. Scores come from
the true densities, but are not perfect: for the softmax every feature is smeared by 30 % before,
for the one score both densities are after. Means, covariance, cross sections, smearing and numbers
of events are those of the toys of arXiv:2601.07756 (gatohep.data_generation).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LUMINOSITY = 100.0  # 1/pb
SMEARING = 0.3
COVARIANCE = np.full((3, 3), 0.2) + 0.8 * np.eye(3)


class Process(NamedTuple):
    """One Gaussian: its cross section in pb, and its mean in the three features."""

    cross_section: float
    mean: tuple[float, float, float]


SIGNALS = (Process(0.5, (1.5, -1.0, -1.0)), Process(0.1, (-1.0, 1.5, -1.0)))
BACKGROUNDS = (
    Process(100.0, (-0.5, -0.5, 1.0)),
    Process(80.0, (0.5, -0.5, 0.8)),
    Process(50.0, (0.5, 0.5, -0.6)),
    Process(20.0, (-0.5, 1.0, -0.4)),
    Process(10.0, (-0.5, 0.5, -0.2)),
)
# Name: how many signals, simulated events of each, and of all backgrounds
TOYS = {"one_score": (1, 100_000, 300_000), "three_classes": (2, 100_000, 1_000_000)}


class Toy(NamedTuple):
    """Events of a toy; labels 1 … are its signals, those after them the backgrounds."""

    scores: NDArray[np.float32]  # (N, 1), or (N, 3): signals and background, of sum 1
    weight: NDArray[np.float64]
    label: NDArray[np.int64]
    signal_labels: list[int]


def toy(name: str, seed: int, fraction: float = 1.0) -> Toy:
    """A toy of `TOYS`; with a `fraction`, of so many of its events, at the same luminosity."""
    number, each, background = TOYS[name]
    random = np.random.default_rng(seed)
    signals = SIGNALS[:number]
    total = sum(process.cross_section for process in BACKGROUNDS)
    events = [each] * number
    events += [round(background * process.cross_section / total) for process in BACKGROUNDS]
    events = [max(round(n * fraction), 1) for n in events]
    processes = [*signals, *BACKGROUNDS]
    root = np.linalg.cholesky(COVARIANCE)
    features = np.concatenate(
        [
            np.asarray(process.mean) + random.standard_normal((n, 3)) @ root.T
            for process, n in zip(processes, events, strict=True)
        ]
    )
    if number > 1:
        features *= random.normal(1.0, SMEARING, features.shape)
    densities = [_density(features, process) for process in signals]
    shares = [process.cross_section / total for process in BACKGROUNDS]
    densities.append(
        np.sum(
            [s * _density(features, p) for s, p in zip(shares, BACKGROUNDS, strict=True)], axis=0
        )
    )
    scores = np.stack(densities, axis=1)
    if number == 1:
        scores *= np.abs(random.normal(1.0, SMEARING, scores.shape))
    # far from all of them every density is 0: nothing is known, and all classes are as likely
    scores = np.where(scores.sum(axis=1, keepdims=True) > 0, scores, 1.0)
    scores /= scores.sum(axis=1, keepdims=True)
    weights = [p.cross_section * LUMINOSITY / n for p, n in zip(processes, events, strict=True)]
    return Toy(
        (scores if number > 1 else scores[:, :1]).astype(np.float32),
        np.repeat(weights, events),
        np.repeat(np.arange(1, len(processes) + 1), events),
        list(range(1, number + 1)),
    )


def _density(features: NDArray[np.float64], process: Process) -> NDArray[np.float64]:
    """The Gaussian's density (N,), but for the norm that all share."""
    off = features - process.mean
    return np.asarray(np.exp(-0.5 * np.einsum("ni,ij,nj->n", off, np.linalg.inv(COVARIANCE), off)))
