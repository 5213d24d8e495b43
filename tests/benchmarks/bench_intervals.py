"""Profiled fits and intervals of pseudo-experiments: 100 cells, 7 parameters, response surfaces.

    python tests/benchmarks/bench_intervals.py

The yields are those of a small Higgs signal beside Z, top quarks and dibosons; three nuisance
parameters have a surface, three are rates. Times are CPU times of one pseudo-experiment in a
compiled batch; the interval has both ends at 68 % and 95 %.
"""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zenith.core.likelihood.composition import Modifier
from zenith.core.likelihood.histfactory import observed, prepare, rates
from zenith.core.likelihood.quadratics import number
from zenith.core.likelihood.structure import Structure, Templates
from zenith.inference.intervals import ONE_SIGMA, interval, profile, thresholds

CELLS, EXPERIMENTS = 100, 64
SAMPLES = ("h", "z", "tt", "vv")
SHAPES = ("tes", "jes", "soft_met")
RATES = {"tt_rate": (1.02, ("tt",)), "vv_rate": (1.25, ("vv",)), "rate": (1.001, SAMPLES[1:])}


def model() -> tuple[Structure, Templates]:
    """Yields of 300, 20,000, 8,000 and 300 in shapes of one variable."""
    modifiers = [Modifier("normfactor", "mu", "c", "h")]
    modifiers += [Modifier("surface", name, "c", s) for name in SHAPES for s in SAMPLES]
    modifiers += [Modifier("normsys", name, "c", s) for name, (_, of) in RATES.items() for s in of]
    structure = Structure((("c", CELLS),), SAMPLES, tuple(modifiers), "mu")
    random, x = np.random.default_rng(0), np.linspace(0.0, 1.0, CELLS)
    shapes = np.stack([np.exp(-(((x - 0.8) / 0.15) ** 2) / 2), np.exp(-4 * x), 1 + 0 * x, 1 + x])
    nominal = np.array([[300.0], [20000.0], [8000.0], [300.0]])
    nominal = nominal * shapes / shapes.sum(axis=1, keepdims=True)
    size = number(len(SHAPES)), len(SAMPLES), 1
    terms = random.normal(0, 0.02, size) * np.cos(3 * x + random.uniform(0, 3, size))
    factors = np.ones((len(RATES), len(SAMPLES), 1))
    for k, name in enumerate(structure.normsys):
        factors[k] = RATES[name][0]
    none = np.zeros((0, *nominal.shape))
    arrays = (nominal, none, none, factors, 1 / factors, none, terms)
    return structure, Templates(*map(jnp.asarray, arrays))


def cpu_milliseconds(function: Callable[..., Any], *arguments: Any) -> float:
    """Of one pseudo-experiment, the shortest of three batches."""
    compiled = jax.jit(lambda t, counts: jax.lax.map(lambda n: function(t, n), counts))
    jax.block_until_ready(compiled(*arguments))
    times = []
    for _ in range(3):
        start = time.process_time()
        found = jax.block_until_ready(compiled(*arguments))
        times.append(time.process_time() - start)
    assert found.converged.all()
    return min(times) / EXPERIMENTS * 1e3


def main() -> None:
    """Print a line for each claim."""
    jax.config.update("jax_enable_x64", True)
    structure, templates = model()
    parameters, levels = structure.parameters, thresholds([ONE_SIGMA, 0.95])

    def at(templates: Templates, counts: jax.Array) -> tuple[Any, ...]:
        prepared = prepare(structure, templates)
        return structure, prepared, observed(structure, prepared, counts)

    def held(templates: Templates, counts: jax.Array) -> Any:
        init = jnp.asarray(parameters.init)
        return profile(*at(templates, counts), parameters.poi, 1.2, init)

    def whole(templates: Templates, counts: jax.Array) -> Any:
        return interval(*at(templates, counts), parameters.poi, levels)

    mean = rates(structure, prepare(structure, templates), jnp.asarray(parameters.init)).sum(0)
    counts = np.random.default_rng(1).poisson(mean, (EXPERIMENTS, CELLS)).astype(float)
    for what, function, wanted in (("profiled fit", held, 1.0), ("interval", whole, 10.0)):
        took = cpu_milliseconds(function, templates, jnp.asarray(counts))
        print(f"claim\t{what}, {CELLS} cells\t{took:.2f} ms\t< {wanted:g} ms\tCPU", flush=True)


if __name__ == "__main__":
    main()
