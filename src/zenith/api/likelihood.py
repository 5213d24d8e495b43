"""The expected significance of histograms, with nuisance parameters, in a user's own JAX code.

The fit needs double precision where the code around it may have single, in which JAX would compile
all that it traces, a scope of double precision included. Value and gradient are therefore compiled
to StableHLO by themselves (`jax.export`), from arrays of the user's precision to such arrays, and
called from the user's code as one function with a rule for its derivative (`jax.custom_vjp`).
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from zenith.api.precision import in_double_precision
from zenith.api.selection import Histogram
from zenith.core.likelihood.composition import Modifier
from zenith.core.likelihood.recipe import Histograms, Recipe, Systematic
from zenith.core.likelihood.significance import expected_significance
from zenith.core.likelihood.structure import Structure, Templates
from zenith.errors import FitError, InputError

CHANNEL = "bins"
Yields = Histogram | ArrayLike
"""A histogram, or its yields (B,) alone, which are then known exactly."""


class _Model(NamedTuple):
    """What is compiled as a constant."""

    bins: int
    processes: tuple[str, ...]
    signals: tuple[str, ...]
    rates: tuple[tuple[str, float], ...]
    variations: tuple[tuple[str, tuple[str, ...]], ...]  # nuisance parameter, processes
    mc_statistics: bool
    minimum_yield: float | None


class _Arrays(NamedTuple):
    """P processes, B bins, V variations."""

    yields: Any  # (P, B)
    variance: Any  # (P, B)
    varied: Any  # (V, 2, P, B)


def significance(
    histograms: Mapping[str, Yields],
    signal: str | Sequence[str] = "signal",
    rates: Mapping[str, float] | None = None,
    variations: Mapping[str, Mapping[str, tuple[Yields, Yields]]] | None = None,
    *,
    mc_statistics: bool = True,
    minimum_yield: float | None = None,
) -> jax.Array:
    """Expected discovery significance Z of a binned signal, all nuisance parameters profiled.

    A scalar, in the precision of the histograms, differentiable (once, in reverse mode) in all of
    them under `jax.grad`, `jit` and `vmap`. Z is sqrt(q0) of arXiv:1007.1727, equation 12, on the
    Asimov data at signal strength 1, of a HistFactory model (CERN-OPEN-2012-016).

    NaN inside `jit`, `grad` or `vmap` where the fit does not converge; FitError elsewhere. Raises
    InputError for names that are not in `histograms`, other shapes, and rates out of range.

    Parameters
    ----------
    histograms
        Process → `zenith.histogram`, or yields (B,) that are known exactly; in events.
    signal
        The process, or processes, that the signal strength multiplies; all others are background.
    rates
        Process → relative uncertainty of its rate, from 0 to 1, each a nuisance parameter.
    variations
        Nuisance parameter → process → (up, down), its histograms at ±1 standard deviation.
    mc_statistics
        Whether the number of simulated events of the backgrounds, from the variances of their
        histograms, is uncertain: one nuisance parameter for each bin.
    minimum_yield
        Floor of the background in a bin, in events; by default what one simulated event stands for.

    Examples
    --------
    >>> s, b = np.array([1.0, 3.0, 6.0, 2.0]), np.array([40.0, 20.0, 10.0, 5.0])
    >>> def z(mu):
    ...     yields = {"signal": mu * s, "background": b}
    ...     return zenith.significance(yields, rates={"background": 0.1})
    >>> value, slope = jax.value_and_grad(z)(1.0)
    >>> print(f"{value:.3f} {slope:.3f}")
    1.852 1.714
    """
    signals = (signal,) if isinstance(signal, str) else tuple(signal)
    rates, variations = dict(rates or {}), dict(variations or {})
    _check_names(histograms, signals, rates, variations)
    nominal = {name: _pair(h) for name, h in histograms.items()}
    bins = next(iter(nominal.values()))[0].shape
    varied = [
        _pair(of_process[p][side])[0] if p in of_process else nominal[p][0]
        for of_process in variations.values()
        for side in (0, 1)
        for p in histograms
    ]
    everything = [*varied, *(part for pair in nominal.values() for part in pair)]
    if any(part.shape != bins or part.ndim != 1 for part in everything):
        raise InputError(
            f"significance: histograms have shapes {sorted({part.shape for part in everything})}: "
            "all need one number for each of the same bins"
        )
    model = _Model(
        bins[0],
        tuple(histograms),
        signals,
        tuple(rates.items()),
        tuple((nuisance, tuple(of)) for nuisance, of in variations.items()),
        mc_statistics,
        minimum_yield,
    )
    yields, variance = (jnp.stack([pair[k] for pair in nominal.values()]) for k in (0, 1))
    shape = (len(variations), 2, *yields.shape)
    arrays = _Arrays(yields, variance, jnp.asarray(varied, yields.dtype).reshape(shape))
    z: jax.Array = _expected(model, arrays)
    if not isinstance(z, jax.core.Tracer) and jnp.isnan(z):
        raise FitError(
            "significance: the fit of mu = 0 to the expected data did not converge; look for bins "
            "without background, merge them, or give a minimum_yield"
        )
    return z


def _check_names(
    histograms: Mapping[str, Yields],
    signals: tuple[str, ...],
    rates: Mapping[str, float],
    variations: Mapping[str, Mapping[str, Any]],
) -> None:
    named = {"signal": signals, "rates": rates}
    named |= {f"variations of {name}": of for name, of in variations.items()}
    for what, names in named.items():
        for name in names:
            if name not in histograms:
                raise InputError(
                    f"significance: {what}: no histogram {name!r}; there is "
                    f"{', '.join(histograms) or 'none'}"
                )
    if not signals or not set(histograms) - set(signals):
        raise InputError("significance: a signal and a background are needed among the histograms")
    for name, size in rates.items():
        if not 0 <= size < 1:
            raise InputError(f"significance: rates: {name}: {size} is not in [0, 1)")


def _pair(histogram: Yields) -> tuple[jax.Array, jax.Array]:
    """Yields and variance, floating."""
    if isinstance(histogram, Histogram):
        return jnp.asarray(histogram.yields, float), jnp.asarray(histogram.variance, float)
    yields = jnp.asarray(histogram, float)
    return yields, jnp.zeros_like(yields)


def _value(model: _Model, arrays: _Arrays) -> jax.Array:
    processes, backgrounds = model.processes, set(model.processes) - set(model.signals)
    modifiers = [("normfactor", "mu", p) for p in model.signals]
    modifiers += [("normsys", f"rate of {p}", p) for p, _ in model.rates]
    for nuisance, of in model.variations:
        modifiers += [(type_, nuisance, p) for type_ in ("normsys", "histosys") for p in of]
    if model.mc_statistics:
        modifiers += [("staterror", "staterror", p) for p in processes if p in backgrounds]
    structure = Structure(
        ((CHANNEL, model.bins),),
        processes,
        tuple(Modifier(type_, name, CHANNEL, p) for type_, name, p in modifiers),
        "mu",
    )
    recipe = Recipe(
        structure,
        _constants(structure, model),
        tuple(p for p in processes if p in backgrounds),
        tuple(Systematic(name, f"{name}_up", f"{name}_down") for name, _ in model.variations),
        model.minimum_yield,
    )
    varied = {
        f"{name}_{side}": arrays.varied[v, k]
        for v, (name, _) in enumerate(model.variations)
        for k, side in enumerate(("up", "down"))
    }
    sums = jnp.stack([arrays.yields.sum(axis=1), arrays.variance.sum(axis=1)])
    region = Histograms(arrays.yields, arrays.variance, varied, sums)
    templates = recipe.templates({CHANNEL: region}, processes)
    return expected_significance(structure, templates)


def _constants(structure: Structure, model: _Model) -> Templates:
    """The sizes of the rates; the rest comes from the histograms."""
    factors = np.ones((2, len(structure.normsys), len(model.processes), 1))
    for process, size in model.rates:
        k, row = structure.normsys.index(f"rate of {process}"), model.processes.index(process)
        factors[:, k, row, 0] = 1 + size, 1 - size
    shape = (len(model.processes), model.bins)
    shapes = jnp.zeros((len(structure.histosys), *shape))
    uncertainty = jnp.zeros((len(structure.layers), *shape))
    up, down = jnp.asarray(factors)
    return Templates(jnp.zeros(shape), shapes, shapes, up, down, uncertainty)


@lru_cache
@in_double_precision
def _exported(model: _Model, outside: np.dtype[Any]) -> jax.export.Exported:
    """Value and gradient of arrays of the precision outside, compiled to StableHLO."""

    def both(arrays: _Arrays) -> tuple[jax.Array, _Arrays]:
        double = jax.tree.map(lambda part: part.astype(jnp.float64), arrays)
        found = jax.value_and_grad(partial(_value, model))(double)
        result: tuple[jax.Array, _Arrays] = jax.tree.map(lambda part: part.astype(outside), found)
        return result

    shape, variations = (len(model.processes), model.bins), len(model.variations)
    shapes = _Arrays(shape, shape, (variations, 2, *shape))
    like = _Arrays(*(jnp.zeros(each, outside) for each in shapes))
    return jax.export.export(jax.jit(both))(like)


def _forward(model: _Model, arrays: _Arrays) -> tuple[jax.Array, _Arrays]:
    called = _exported(model, arrays.yields.dtype).call
    one_by_one = jax.custom_batching.sequential_vmap(called)
    z, gradient = one_by_one(arrays)
    return z, gradient


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _expected(model: _Model, arrays: _Arrays) -> jax.Array:
    return _forward(model, arrays)[0]


def _backward(model: _Model, gradient: _Arrays, cotangent: jax.Array) -> tuple[_Arrays]:
    return (jax.tree.map(lambda part: cotangent * part, gradient),)


_expected.defvjp(_forward, _backward)
