"""How often intervals contain the truth, by truth: pseudo-experiments of a model.

A truth is a value of every parameter. Each of its pseudo-experiments has counts that fluctuate
about what is expected there, auxiliary measurements that fluctuate about its nuisance parameters,
and templates that fluctuate as simulations of as many events would. A template of n ± δ stands for
(n/δ)² events of one weight: its fluctuation is n times a Poisson variable of that mean over it.
The gammas of `staterror` then need no fluctuating auxiliary measurement: the true yield is the
nominal one, and what the fit knows of it is the template. Response surfaces fluctuate by their
noise, of which bins have shares of opposite sign: what a shift takes from one it gives to another.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from zenith.core.likelihood.histfactory import Data, prepare, rates
from zenith.core.likelihood.parameters import GAUSSIAN, POISSON
from zenith.core.likelihood.structure import Structure, Templates
from zenith.errors import InputError
from zenith.inference.intervals import ONE_SIGMA, interval, thresholds

Floats = NDArray[np.float64]


class Summary(NamedTuple):
    """Pseudo-experiments of one truth, or of all; those without a fit count as not covering."""

    experiments: int
    failed: int
    coverage: tuple[float, ...]
    """Of each level."""
    coverage_error: tuple[float, ...]
    """Binomial, of the level itself: how far from it a share of so many may be."""
    mean_pull: float
    mean_pull_error: float
    """Of pulls of unit width: how far from 0 the mean of so many may be."""
    pull_width: float
    mean_width: float
    """Of the first intervals."""


class Experiments(NamedTuple):
    """Results of P pseudo-experiments; NaN where a fit did not converge."""

    truth: Floats
    """(P,), the true value of the parameter."""
    best: Floats
    lower: Floats
    """(P, L)"""
    upper: Floats

    @property
    def converged(self) -> NDArray[np.bool_]:
        """(P,)"""
        return np.asarray(np.isfinite(self.lower).all(1) & np.isfinite(self.upper).all(1))

    @property
    def covered(self) -> NDArray[np.bool_]:
        """Whether the interval of each level holds the truth, (P, L); NaN does not."""
        truth = self.truth[:, None]
        return np.asarray((self.lower <= truth) & (truth <= self.upper))

    @property
    def pulls(self) -> Floats:
        """Best fit less truth over the distance to the end of the first interval on the side of
        the truth, (P,): beyond 1 where the truth is outside."""
        above = self.best > self.truth
        error = np.where(above, self.best - self.lower[:, 0], self.upper[:, 0] - self.best)
        return np.asarray((self.best - self.truth) / np.where(error > 0.0, error, np.nan))


def summary(found: Experiments, levels: Sequence[float]) -> Summary:
    """The shares that cover, and the pulls, of intervals at these levels."""
    good, number = found.converged, len(found.truth)
    pulls = found.pulls[good & np.isfinite(found.pulls)]
    probabilities = np.sort(levels)
    return Summary(
        experiments=number,
        failed=int((~good).sum()),
        coverage=tuple(found.covered.mean(axis=0).tolist()),
        coverage_error=tuple(np.sqrt(probabilities * (1 - probabilities) / number).tolist()),
        mean_pull=float(pulls.mean()) if len(pulls) else np.nan,
        mean_pull_error=len(pulls) ** -0.5 if len(pulls) else np.nan,
        pull_width=float(pulls.std(ddof=1)) if len(pulls) > 1 else np.nan,
        mean_width=float((found.upper - found.lower)[good, 0].mean()) if good.any() else np.nan,
    )


def joined(parts: Sequence[Experiments]) -> Experiments:
    """The pseudo-experiments of several truths, or jobs, together."""
    return Experiments(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def truths(
    structure: Structure,
    templates: Templates,
    number: int,
    seed: int,
    interest: tuple[float, float],
) -> Floats:
    """Truths drawn from the priors, (T, n): the parameter of interest uniform in `interest`.

    Constrained parameters are drawn from their Gaussian, and what is beyond a bound is on it, as
    clipped quantities are. Free ones, and those of single bins, are at their initial values.
    """
    parameters = structure.parameters
    random = np.random.default_rng(seed)
    width = np.asarray(jax.jit(prepare, static_argnums=0)(structure, templates).width)
    drawn = parameters.auxdata + width * random.normal(size=(number, len(width)))
    moves = _fluctuating(structure) & (parameters.constraint == GAUSSIAN) & (parameters.fixed < 1)
    theta = np.where(moves, np.clip(drawn, parameters.lower, parameters.upper), parameters.init)
    theta[:, parameters.poi] = random.uniform(*interest, number)
    return np.asarray(theta)


def _fluctuating(structure: Structure) -> NDArray[np.bool_]:
    """Parameters whose auxiliary measurement fluctuates: not those of the simulation's statistics,
    whose templates do."""
    of_bins = [m.name for m in structure.modifiers if m.type == "staterror"]
    moves = structure.parameters.constraint != 0
    for name in set(of_bins):
        moves[structure.parameters.slices[name]] = False
    return np.asarray(moves)


def fluctuated(
    structure: Structure,
    templates: Templates,
    uncertainty: Floats,
    random: np.random.Generator,
    noise: Floats | None = None,
) -> Templates:
    """Templates of another simulation of as many events; `uncertainty` is that of yields, (S, B).

    Variations and uncertainties keep their ratio to the nominal and to its root. `noise`
    (J, F, S, B) is that of the terms of surfaces.
    """
    nominal = np.asarray(templates.nominal)
    known = (nominal > 0.0) & (uncertainty > 0.0)
    events = np.where(known, nominal / np.where(known, uncertainty, 1.0), 1.0) ** 2
    ratio = np.where(known, random.poisson(events) / events, 1.0)
    surface = np.asarray(templates.surface)
    if noise is not None:
        normal = random.normal(size=(len(noise), len(nominal)))
        surface = surface + np.einsum("js,jfsb->fsb", normal, noise)
    return templates._replace(
        nominal=jnp.asarray(nominal * ratio),
        histosys_up=jnp.asarray(templates.histosys_up * ratio),
        histosys_down=jnp.asarray(templates.histosys_down * ratio),
        uncertainty=jnp.asarray(templates.uncertainty * np.sqrt(ratio)),
        surface=jnp.asarray(surface),
    )


def simulated_uncertainty(structure: Structure, templates: Templates) -> Floats:
    """The uncertainty of yields that the model has as staterror, (S, B)."""
    total = np.zeros(np.shape(templates.nominal))
    for k, layer in enumerate(structure.layers):
        for type_, name in layer:
            if type_ == "staterror":
                carries = structure.where(type_, [name])[0][:, structure.channel_of_bin]
                total += np.where(carries, templates.uncertainty[k], 0.0)
    return np.asarray(total)


def run(
    structure: Structure,
    templates: Templates,
    theta: Floats,
    number: int,
    seed: Sequence[int],
    *,
    levels: Sequence[float] = (ONE_SIGMA, 0.95),
    expected: Floats | None = None,
    noise: Floats | None = None,
    fluctuate_templates: bool = True,
) -> Experiments:
    """The intervals of the parameter of interest in pseudo-experiments of one truth.

    Parameters
    ----------
    theta
        The truth, (n,).
    number, seed
        Of pseudo-experiments; the same seed, which may name the truth, draws the same ones
        wherever it is run.
    expected
        Expected counts of the truth, (B,), where they are known better than by the templates.
    noise
        Of the terms of surfaces, (J, F, S, B), as `zenith.core.response.surface` has it.

    Raises InputError for expected counts that are negative or not finite.
    """
    random = np.random.default_rng(list(seed))
    parameters, q = structure.parameters, thresholds(sorted(levels))
    prepared = jax.jit(prepare, static_argnums=0)
    model = prepared(structure, templates)
    if expected is None:
        expected = jax.jit(rates, static_argnums=0)(structure, model, jnp.asarray(theta)).sum(0)
    mean = np.asarray(expected)
    if not (np.isfinite(mean) & (mean >= 0.0)).all():
        raise InputError(
            f"coverage: bin {int(np.argmin(np.isfinite(mean) & (mean >= 0.0)))} expects "
            f"{mean[~(np.isfinite(mean) & (mean >= 0.0))][0]:g} events at the truth"
        )
    counts = random.poisson(mean, (number, len(mean))).astype(float)
    uncertainty = simulated_uncertainty(structure, templates)
    made = [
        fluctuated(structure, templates, uncertainty, random, noise)
        if fluctuate_templates
        else templates
        for _ in range(number)
    ]
    width = np.asarray(model.width)
    normal = theta + width * random.normal(size=(number, len(theta)))
    seen = np.where(parameters.constraint == POISSON, theta / width**2, 0.0)
    poisson = random.poisson(np.broadcast_to(seen, normal.shape)) * width**2
    centres = np.where(parameters.constraint == POISSON, poisson, normal)
    fluctuates = _fluctuating(structure)
    if not fluctuate_templates:
        fluctuates = parameters.constraint != 0
    nominal = np.where(np.isnan(parameters.auxdata), 1.0, parameters.auxdata)
    centres = np.where(fluctuates, centres, nominal)
    found = [
        interval(structure, prepared(structure, own), Data(*data), parameters.poi, q, 0)
        for own, *data in zip(made, counts, centres, strict=True)
    ]
    ends = zip(*((each.best, each.lower, each.upper) for each in found), strict=True)
    return Experiments(np.full(number, theta[parameters.poi]), *map(np.asarray, ends))
