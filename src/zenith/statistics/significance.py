"""Discovery significance of a pyhf workspace by the differentiable core."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from zenith.core.likelihood import histfactory
from zenith.core.likelihood.significance import Expected, Observed, expected, observed_significance
from zenith.core.likelihood.structure import Structure, Templates
from zenith.core.likelihood.workspace import Workspace, from_workspace
from zenith.errors import FitError
from zenith.statistics.schema import check

# Further descents, for any workspace may have several minima
STARTS = 10


def significances(spec: Mapping[str, Any], measurement: str | None = None) -> dict[str, Any]:
    """Expected (Asimov data at mu = 1) and observed significance, and the free fit to the data.

    `twice_nll` is pyhf's at the best fit; `mu_error` is `None` where mu_hat is on a bound or the
    data do not determine it; `at_bound` names the parameters of the free fit to the data that end
    on a bound. `iterations` are Newton steps of all fits, `expansions` evaluations of gradient and
    Hessian. Raises InputError, with the place, where
    the workspace does not fit pyhf's schema, FitError where it contradicts itself, and, naming the
    bins that are to blame if it can, where a fit does not converge.
    """
    workspace = read(spec, measurement)
    asimov, data = expected_of(workspace), fit_of(workspace)
    mu_error = float(data.mu_error)
    return {
        "expected": float(asimov.z),
        "observed": float(data.z),
        "mu_hat": float(data.mu_hat),
        "mu_error": mu_error if np.isfinite(mu_error) else None,
        "twice_nll": float(data.twice_nll),
        "converged": True,
        "at_bound": at_bound(workspace, data),
        "iterations": int(asimov.iterations + data.iterations),
        "expansions": int(asimov.expansions + data.expansions),
    }


def gradient(spec: Mapping[str, Any], measurement: str | None = None) -> dict[str, np.ndarray]:
    """Derivatives of the expected significance in all templates, and the names of their axes.

    Keys and shapes are those of `core.likelihood.structure.Templates`. Raises as `significances`.
    """
    return value_and_gradient(read(spec, measurement))[1]


def read(spec: Mapping[str, Any], measurement: str | None = None) -> Workspace:
    """A workspace that fits pyhf's schema; raises as `significances`."""
    check(spec)
    return from_workspace(spec, measurement)


def expected_of(workspace: Workspace) -> Expected:
    """The expected significance, converged; else FitError that names the bins to blame."""
    found: Expected = jax.jit(expected, static_argnums=(0, 2))(*workspace[:2], STARTS)
    if not found.converged:
        raise _not_converged(workspace)
    return found


def fit_of(workspace: Workspace) -> Observed:
    """The fits to the observed data, converged; else FitError that names the bins to blame."""
    observe = jax.jit(observed_significance, static_argnums=(0, 3))
    found: Observed = observe(*workspace, STARTS)
    if not found.converged:
        background = _rates(workspace, 0.0)
        blame = _blame(workspace.structure, background, workspace.observed)
        raise FitError(f"the fit to the observed data did not converge{blame}")
    return found


def at_bound(workspace: Workspace, fit: Observed) -> list[str]:
    """The parameters that end on a bound."""
    names = workspace.structure.parameters.names
    return [names[i] for i in np.flatnonzero(fit.at_bound)]


@partial(jax.jit, static_argnums=0)
@partial(jax.value_and_grad, argnums=1)
def _value_and_gradient(structure: Structure, templates: Templates) -> Array:
    return expected(structure, templates, STARTS).z


def value_and_gradient(workspace: Workspace) -> tuple[float, dict[str, np.ndarray]]:
    """The expected significance, and `gradient`. Raises FitError as `expected_of`."""
    structure = workspace.structure
    z, derivative = _value_and_gradient(structure, workspace.templates)
    if not np.isfinite(z):
        raise _not_converged(workspace)
    names = {
        "samples": structure.samples,
        "channels": [name for name, _ in structure.channels],
        "channel_of_bin": structure.channel_of_bin,
        "histosys": structure.histosys,
        "normsys": structure.normsys,
        "layers": [" ".join(name for _, name in layer) for layer in structure.layers],
    }
    arrays = {**derivative._asdict(), **names}
    del arrays["surface"]  # of workspaces, which have none
    return float(z), {key: np.asarray(value) for key, value in arrays.items()}


def _rates(workspace: Workspace, mu: float) -> np.ndarray:
    """What is expected in each bin with the initial parameters, (B,)."""
    structure = workspace.structure
    model = jax.jit(histfactory.prepare, static_argnums=0)(structure, workspace.templates)
    theta = jnp.asarray(histfactory.nominal(structure, mu))
    rates = jax.jit(histfactory.rates, static_argnums=0)(structure, model, theta)
    return np.asarray(rates.sum(0))


def _not_converged(workspace: Workspace) -> FitError:
    blame = _blame(workspace.structure, *(_rates(workspace, mu) for mu in (0.0, 1.0)))
    return FitError(f"the fit of mu = 0 to the expected data did not converge{blame}")


def _blame(structure: Structure, rate: np.ndarray, counts: np.ndarray) -> str:
    """Which bins make the likelihood of the initial parameters zero, if any."""
    bad = (counts < 0) | ((counts > 0) & (rate <= 0))
    lines = [
        f"channel '{channel}' bin {bin_}: {counts[bins][bin_]:g} events, "
        f"{rate[bins][bin_]:g} expected without signal"
        for channel, bins in structure.slices.items()
        for bin_ in np.flatnonzero(bad[bins])
    ]
    if not lines:
        return "; look for parameters that the data do not determine, and fix them"
    return ": " + "; ".join(lines) + ". Merge these bins or give them some background"
