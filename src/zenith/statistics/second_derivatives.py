"""Errors and correlations from the second derivatives of -2 log L at its minimum.

Minuit's HESSE takes mixed derivatives on one side, f(x + a + b) - f(x + a) - f(x + b) + f(x), to
which third derivatives contribute. Where simulated events are few, templates respond to nuisance
parameters by large and uneven steps, the counts hold these far more tightly than the priors, and
errors come out wrong by factors, or the matrix is not positive. So its covariance V is checked: a
displacement d = s V_i / √V_ii, along the profile of parameter i by s of its errors, has to raise
-2 log L by s². Where it does not, derivatives are taken on both sides,

    [f(x + a + b) - f(x + a - b) - f(x - a + b) + f(x - a - b)] / (4 |a| |b|),

of which third derivatives drop out, with four times as many calls.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zenith.statistics.kinks import Vector
from zenith.statistics.likelihood import Likelihood
from zenith.statistics.minimiser import unstarted

Matrix = NDArray[np.float64]

DISPLACEMENT = 0.03  # s, in errors
AGREEMENT = 0.03  # by how much of s² the rise may differ: 1.5 % of an error
STEP = 0.05  # of differences on both sides, in errors with all other parameters held
STEPS = 5  # from a first step to that one


class Curvature(NamedTuple):
    """What second derivatives give, for all parameters; 0 for those that do not move."""

    errors: Vector
    correlation: Matrix


def curvature(likelihood: Likelihood, x: Vector, held: Mapping[int, float]) -> Curvature | None:
    """At the minimum x with some parameters held; None where no direction of theirs is sure."""
    minuit = unstarted(likelihood, x, held)
    # Within bounds Minuit turns errors of its own, bounded variables into those of parameters:
    # close to a bound they are off by a factor.
    minuit.limits = [(-np.inf, np.inf)] * len(x)
    moving = np.flatnonzero(~np.array(minuit.fixed))
    if not len(moving):
        return Curvature(np.zeros(len(x)), np.zeros((len(x), len(x))))
    minuit.hesse()
    found = minuit.covariance
    if found is not None and minuit.valid and minuit.accurate and _holds(likelihood, x, found):
        return Curvature(np.array(minuit.errors), np.asarray(np.nan_to_num(found.correlation())))
    covariance = _on_both_sides(likelihood, x, moving)
    if covariance is None or not _holds(likelihood, x, covariance):
        return None
    errors = np.sqrt(np.diag(covariance))
    inverse = np.where(errors > 0.0, 1.0 / np.where(errors > 0.0, errors, 1.0), 0.0)
    return Curvature(errors, covariance * inverse * inverse[:, None])


def _holds(likelihood: Likelihood, x: Vector, covariance: Matrix) -> bool:
    """Whether -2 log L rises along the profile of every parameter as the covariance has it."""
    variance = np.diag(covariance)
    if not (np.isfinite(covariance).all() and (variance >= 0.0).all()):
        return False
    columns = np.asarray(covariance)[variance > 0.0] / np.sqrt(variance[variance > 0.0])[:, None]
    whole, half = (
        np.array([_second(likelihood, x, s * d) for d in columns]) / s**2
        for s in (DISPLACEMENT, DISPLACEMENT / 2)
    )
    rises = (4.0 * half - whole) / 3.0  # of which the fourth derivative drops out
    return bool(np.allclose(rises, 1.0, rtol=0.0, atol=AGREEMENT))


def _second(likelihood: Likelihood, x: Vector, step: Vector) -> float:
    """Half of the second difference of -2 log L for a step to each side."""
    f = likelihood.objective
    return 0.5 * (f(x + step) - 2.0 * f(x) + f(x - step))


def _on_both_sides(likelihood: Likelihood, x: Vector, moving: NDArray[np.intp]) -> Matrix | None:
    """The covariance, 2 (∂² of -2 log L)⁻¹, of the moving ones; None if it is not positive."""
    f, steps = likelihood.objective, []
    for index in moving:
        unit = np.zeros(len(x))
        unit[index] = 1.0
        size = STEP * likelihood.steps[index]
        for _ in range(STEPS):
            rise = _second(likelihood, x, size * unit)
            if not rise > 0.0:
                return None
            size *= STEP / np.sqrt(rise)
        steps.append(size * unit)
    hessian = np.zeros((len(moving), len(moving)))
    for i, a in enumerate(steps):
        hessian[i, i] = 2.0 * _second(likelihood, x, a)
        for j, b in enumerate(steps[:i]):
            mixed = f(x + a + b) - f(x + a - b) - f(x - a + b) + f(x - a - b)
            hessian[i, j] = hessian[j, i] = mixed / 4.0
    size = np.array([step.sum() for step in steps])  # so far derivatives by steps, all of one size
    try:
        root = np.linalg.cholesky(hessian)
    except np.linalg.LinAlgError:
        return None
    inverse = np.linalg.inv(root)
    covariance = np.zeros((len(x), len(x)))
    covariance[np.ix_(moving, moving)] = 2.0 * inverse.T @ inverse * size * size[:, None]
    return covariance
