"""Errors and correlations from the second derivatives of -2 log L at its minimum.

Of Minuit's HESSE they are differences of the function, the mixed ones on one side, to which third
derivatives contribute, and within bounds they are those of other variables. Errors are wrong by up
to two per cent then, or by factors where few simulated events stand for many and templates respond
by uneven steps. Here they are differences on both sides of the gradient.

The covariance V is checked: a displacement d = s V_i / √V_ii, along the profile of parameter i by s
of its errors, has to raise -2 log L by s². Where data do not determine a parameter it does not.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zenith.statistics.kinks import Vector
from zenith.statistics.likelihood import Likelihood

Matrix = NDArray[np.float64]

STEP = 0.01  # to each side, in errors with all other parameters held
FIRST = 1e-3  # of a first step of a parameter, from which that one follows
DISPLACEMENT = 0.03  # s, in errors
AGREEMENT = 0.03  # by how much of s² the rise may differ: 1.5 % of an error


class Curvature(NamedTuple):
    """What second derivatives give, for all parameters; 0 for those that do not move."""

    errors: Vector
    correlation: Matrix


def curvature(likelihood: Likelihood, x: Vector, held: Iterable[int]) -> Curvature | None:
    """At the minimum x with some parameters held; None where it is not one in every direction."""
    moving = likelihood.moving(held)
    free = np.flatnonzero(moving).tolist()

    def second(index: int, size: float) -> Vector:
        step = np.zeros(len(x))
        step[index] = size
        change = likelihood.gradient(x + step, moving) - likelihood.gradient(x - step, moving)
        return change[free] / (2.0 * size)

    first = FIRST * likelihood.steps
    diagonal = np.array([second(i, first[i])[k] for k, i in enumerate(free)])
    if not (diagonal > 0.0).all():
        return None
    single = np.sqrt(2.0 / diagonal)  # errors with all other parameters held
    rows = [second(i, STEP * error) * error for i, error in zip(free, single, strict=True)]
    scaled = np.array(rows).reshape(len(free), len(free)) * single / 2.0
    scaled = (scaled + scaled.T) / 2.0
    try:
        root = np.linalg.inv(np.linalg.cholesky(scaled))
    except np.linalg.LinAlgError:
        return None
    inverse = root.T @ root
    width = np.sqrt(inverse.diagonal())
    found = Curvature(np.zeros(len(x)), np.zeros((len(x), len(x))))
    found.errors[free] = single * width
    found.correlation[np.ix_(free, free)] = inverse / np.outer(width, width)
    return found if _holds(likelihood, x, found, free) else None


def _holds(likelihood: Likelihood, x: Vector, found: Curvature, free: list[int]) -> bool:
    """Whether -2 log L rises along the profiles as it should, but for its fourth derivative."""
    profiles = found.correlation[free] * found.errors

    def rise(direction: Vector, s: float) -> float:
        sides = [likelihood.objective(x + sign * s * direction) for sign in (-1.0, 1.0)]
        return (sum(sides) / 2.0 - likelihood.objective(x)) / s**2

    whole, half = (
        np.array([rise(d, s) for d in profiles]) for s in (DISPLACEMENT, DISPLACEMENT / 2)
    )
    return bool(np.allclose((4.0 * half - whole) / 3.0, 1.0, rtol=0.0, atol=AGREEMENT))
