"""Nuisance parameters that the data constrain, and how much of that is noise of the simulation.

To first order the error σ of a nuisance parameter of prior 1, all others fitted, follows from its
shift Δ, (B,), the change of every bin by one standard deviation:

    1 / σ² = 1 + Δᵀ V⁻¹ Δ

where V is the covariance of the counts without it: the Poisson variance of the bins and everything
that the other parameters do within their priors, the number of simulated events among them. A
simulated Δ is the true one, Δ₀, and noise of covariance N, which the data seem to see just as well:
on average it adds to the information,

    E[Δᵀ V⁻¹ Δ] = Δ₀ᵀ V⁻¹ Δ₀ + tr(V⁻¹ N).

The share of the last term is what the constraint owes to the simulation, and without it the error
would be σ' with 1 / σ'² = 1 + (1 - share) (1 / σ² - 1). N is that of
`statistics/responses.py`, bin by bin. That events which leave a bin enter another is not in it: the
share is too small for shifts that move events, by a fifth for the jets of the default analysis, as
a bootstrap says. The noise of a shift that is smoothed is smaller, and the share an upper limit.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from zenith.artefacts.fit import Constraint, Parameter
from zenith.statistics.kinks import Vector
from zenith.statistics.likelihood import Likelihood, numpy_backend
from zenith.statistics.templates import Matrix, RegionTemplates

log = logging.getLogger(__name__)

WARN = 0.6  # of the prior's standard deviation
STEP = 1e-3  # of an error, in derivatives


def constraints(
    spec: Mapping[str, Any],
    parameters: Sequence[Parameter],
    regions: Sequence[RegionTemplates],
    smoothed: Collection[str] = (),
) -> list[Constraint]:
    """The nuisance parameters whose error is below `WARN` of their prior, with a warning for each.

    `parameters` are those of fit.json, `regions` the templates that the workspace is made from,
    `smoothed` the parameters whose shifts are smoothed: of their share it is an upper limit.

    Returns for each its `name`, its `error` over the prior, the `share` of the information that is
    noise of the simulation (None where the noise of its templates is not known; 0 for a rate, whose
    effect is proportional to the nominal yield), the error `without` that share, and a `message`
    that says so.
    """
    found: list[Constraint] = []
    with numpy_backend():
        likelihood = Likelihood.of(spec, signal=False)
        x = np.array([parameter["value"] for parameter in parameters])
        steps = np.array([p["prefit_error"] or p["error"] or 1.0 for p in parameters])
        held = np.array([p["kind"] == "fixed" or p["error"] is None for p in parameters])
        shifts = _derivatives(likelihood, x, STEP * steps)
        for index, parameter in enumerate(parameters):
            size, prior = parameter["error"], parameter["prefit_error"]
            if parameter["kind"] != "constrained" or size is None or prior is None:
                continue
            error = size / prior
            if error >= WARN:
                continue
            inverse = _inverse_covariance(likelihood, x, shifts, parameters, held, index)
            shift = shifts[:, index] * prior
            noise = _noise(likelihood, x, regions, parameter["name"])
            information = float(shift @ inverse @ shift)
            share = without = None
            if noise is not None and information > 0.0:
                share = min(float(np.diag(inverse) @ noise) / information, 1.0)
                without = float((1.0 + (1.0 - share) * (1.0 / error**2 - 1.0)) ** -0.5)
            name = parameter["name"]
            message = _message(name, error, share, without, limit=name in smoothed)
            found.append(
                {
                    "name": name,
                    "error": error,
                    "share": share,
                    "without": without,
                    "message": message,
                }
            )
            log.warning("%s", message)
    return found


def _message(
    name: str, error: float, share: float | None, without: float | None, *, limit: bool
) -> str:
    text = f"{name} ends at {error:.2f} of its prior"
    if share is None:
        return f"{text}; how much of that is noise of the simulation is not known"
    most, below = ("at most ", " or below") if limit else ("", "")
    return (
        f"{text}; {most}{100.0 * share:.0f} % of what constrains it is noise of the simulation, "
        f"without which it would end at {without:.2f}{below}"
    )


def _rates(likelihood: Likelihood, x: Vector) -> Vector:
    return np.asarray(likelihood.model.expected_data(x, include_auxdata=False), float)


def _derivatives(likelihood: Likelihood, x: Vector, steps: Vector) -> Matrix:
    """Of the expected counts with respect to every parameter, (B, parameters)."""
    columns = []
    for index, step in enumerate(steps):
        move = np.zeros(len(x))
        move[index] = step
        columns.append((_rates(likelihood, x + move) - _rates(likelihood, x - move)) / (2.0 * step))
    return np.stack(columns, axis=1)


def _inverse_covariance(
    likelihood: Likelihood,
    x: Vector,
    derivatives: Matrix,
    parameters: Sequence[Parameter],
    held: Any,
    index: int,
) -> Matrix:
    """V⁻¹ = W - W J (Jᵀ W J + P)⁻¹ Jᵀ W, W = 1 / rate: Woodbury, so that P may be 0; (B, B)."""
    weight = 1.0 / np.maximum(_rates(likelihood, x), 1e-12)
    others = ~held
    others[index] = False
    precision = [
        1.0 / p["prefit_error"] ** 2 if p["prefit_error"] else 0.0
        for p, other in zip(parameters, others, strict=True)
        if other
    ]
    weighted = derivatives[:, others] * weight[:, None]
    inner = derivatives[:, others].T @ weighted + np.diag(precision)
    return np.diag(weight) - weighted @ np.linalg.pinv(inner, hermitian=True) @ weighted.T


def _noise(
    likelihood: Likelihood, x: Vector, regions: Sequence[RegionTemplates], name: str
) -> Vector | None:
    """Variance of the shift of a nuisance parameter in every bin, with the fitted yields, (B,)."""
    model = likelihood.model
    before, after = (
        np.asarray(model.main_model.expected_data(at, return_by_sample=True))
        for at in (likelihood.nominal, x)
    )
    noise = np.zeros(before.shape[1])
    for region in regions:
        if name not in region.variations:
            continue
        if region.noise is None:
            return None
        bins = model.config.channel_slices[region.region]
        for row, process in enumerate(region.processes):
            if process in _carriers(model, region.region, name):
                s = model.config.samples.index(process)
                scale = after[s, bins] / np.where(before[s, bins] > 0.0, before[s, bins], 1.0)
                noise[bins] += scale**2 * region.noise[name][row]
    return noise


def _carriers(model: Any, region: str, name: str) -> set[str]:
    """The samples of a channel on which a parameter acts: not those where it was pruned."""
    channel = next(c for c in model.spec["channels"] if c["name"] == region)
    return {
        sample["name"]
        for sample in channel["samples"]
        if any(modifier["name"] == name for modifier in sample["modifiers"])
    }
