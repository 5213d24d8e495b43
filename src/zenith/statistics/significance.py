"""Discovery significance of a pyhf workspace by the differentiable core."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zenith.core import histfactory
from zenith.core.histfactory import Structure, from_workspace
from zenith.core.significance import expected, expected_significance, observed_significance
from zenith.core.workspace import Workspace
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
    structure, templates, counts = _read(spec, measurement)
    model = jax.jit(histfactory.prepare, static_argnums=0)(structure, templates)
    rates = jax.jit(histfactory.rates, static_argnums=0)
    signal_plus_background, background = (
        np.asarray(rates(structure, model, theta).sum(0))
        for theta in (jnp.asarray(histfactory.nominal(structure, mu)) for mu in (1.0, 0.0))
    )
    asimov = jax.jit(expected, static_argnums=(0, 2))(structure, templates, STARTS)
    if not asimov.converged:
        blame = _blame(structure, background, signal_plus_background)
        raise FitError(f"the fit of mu = 0 to the expected data did not converge{blame}")
    observe = jax.jit(observed_significance, static_argnums=(0, 3))
    data = observe(structure, templates, counts, STARTS)
    if not data.converged:
        blame = _blame(structure, background, counts)
        raise FitError(f"the fit to the observed data did not converge{blame}")
    mu_error = float(data.mu_error)
    return {
        "expected": float(asimov.z),
        "observed": float(data.z),
        "mu_hat": float(data.mu_hat),
        "mu_error": mu_error if np.isfinite(mu_error) else None,
        "twice_nll": float(data.twice_nll),
        "converged": True,
        "at_bound": [structure.parameters.names[i] for i in np.flatnonzero(data.at_bound)],
        "iterations": int(asimov.iterations + data.iterations),
        "expansions": int(asimov.expansions + data.expansions),
    }


def gradient(spec: Mapping[str, Any], measurement: str | None = None) -> dict[str, np.ndarray]:
    """Derivatives of the expected significance in all templates, and the names of their axes.

    Keys and shapes are those of `zenith.core.structure.Templates`.
    """
    structure, templates, _ = _read(spec, measurement)
    derivative = jax.jit(jax.grad(expected_significance, argnums=1), static_argnums=0)
    arrays = derivative(structure, templates)._asdict()
    names = {
        "samples": structure.samples,
        "channels": [name for name, _ in structure.channels],
        "channel_of_bin": structure.channel_of_bin,
        "histosys": structure.histosys,
        "normsys": structure.normsys,
        "layers": [" ".join(name for _, name in layer) for layer in structure.layers],
    }
    return {key: np.asarray(value) for key, value in {**arrays, **names}.items()}


def _read(spec: Mapping[str, Any], measurement: str | None) -> Workspace:
    check(spec)
    return from_workspace(spec, measurement)


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
