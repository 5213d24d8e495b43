"""Expected significance with its gradient, against pyhf's q0 alone (numpy backend, scipy).

`python tests/benchmarks/bench_significance.py [--quick]` prints one line a model: both times,
taken in turns in this process, and their ratio. A time is the shortest of several calls after the
first. `--quick` leaves out the largest model, which takes pyhf minutes.
"""

import argparse
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import jax
import numpy as np
import pyhf

from zenith.core.histfactory import from_workspace
from zenith.core.significance import expected

# channels, bins, samples, nuisance parameters beside the gammas of the bins
CASES = [(1, 20, 4, 10), (1, 20, 4, 50), (5, 40, 6, 100)]


def workspace(channels: int, bins: int, samples: int, nuisances: int) -> dict[str, Any]:
    """A peak on falling backgrounds; half of the nuisances are shapes, half normalisations."""
    rng = np.random.default_rng(0)
    x = np.arange(bins) / bins
    sizes = rng.uniform(0.01, 0.05, (nuisances, 2))
    tilts = rng.uniform(-0.05, 0.05, nuisances)

    def sample(index: int, channel: int) -> dict[str, Any]:
        peak, fall = 30 * np.exp(-((x - 0.5) ** 2) / 0.03), 200 / (index or 1) * np.exp(-3 * x) + 5
        yields = (fall if index else peak) * rng.uniform(0.9, 1.1, bins)
        modifiers = [
            {"name": f"stat_{channel}", "type": "staterror", "data": (0.05 * yields).tolist()}
        ]
        if index == 0:
            modifiers.append({"name": "mu", "type": "normfactor", "data": None})
        for k, (up, down) in enumerate(sizes):
            tilt = 1 + tilts[k] * (2 * x - 1)
            if k % 2:
                data = {"hi_data": (yields * tilt).tolist(), "lo_data": (yields / tilt).tolist()}
                modifiers.append({"name": f"shape_{k}", "type": "histosys", "data": data})
            else:
                data = {"hi": 1 + up, "lo": 1 - down}
                modifiers.append({"name": f"norm_{k}", "type": "normsys", "data": data})
        return {"name": f"sample_{index}", "data": yields.tolist(), "modifiers": modifiers}

    spec = [
        {"name": f"channel_{c}", "samples": [sample(s, c) for s in range(samples)]}
        for c in range(channels)
    ]
    counts = [np.sum([s["data"] for s in c["samples"]], axis=0).tolist() for c in spec]
    return {
        "version": "1.0.0",
        "channels": spec,
        "observations": [{"name": c["name"], "data": n} for c, n in zip(spec, counts, strict=True)],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    }


def shortest(function: Callable[[], Any], calls: int) -> tuple[float, Any]:
    """Shortest time of several calls, in seconds, and the last result."""
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - start)
    return min(times), result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    cases = CASES[:-1] if parser.parse_args().quick else CASES
    print(f"zenith (jax {jax.__version__}): Z and gradient; pyhf {version('pyhf')}: q0 alone")
    print("model                        zenith/ms     pyhf/s    ratio   steps  Z zenith  Z pyhf")
    for case in cases:
        spec = workspace(*case)
        structure, templates, _ = from_workspace(spec)

        def z_and_diagnostics(templates: Any, structure: Any = structure) -> Any:
            result = expected(structure, templates)
            return result.z, result

        function = jax.jit(jax.value_and_grad(z_and_diagnostics, has_aux=True))
        call = lambda: jax.block_until_ready(function(templates))  # noqa: B023, E731
        call()
        model = pyhf.Workspace(spec).model()
        config = model.config
        theta = config.suggested_init()
        theta[config.poi_index] = 1.0
        data = model.expected_data(theta)
        settings = config.suggested_init(), config.suggested_bounds(), config.suggested_fixed()
        q0 = lambda: pyhf.infer.test_statistics.q0(0.0, data, model, *settings)  # noqa: B023, E731
        # in turns, so that a busy moment of the machine hits both
        seconds = pyhf_seconds = np.inf
        for _ in range(5 if case[0] == 1 else 1):
            ours, ((z, result), _) = shortest(call, 500)
            theirs, value = shortest(q0, 1)
            seconds, pyhf_seconds = min(seconds, ours), min(pyhf_seconds, theirs)
        channels, bins, samples, nuisances = case
        name = f"{channels} x {bins} x {samples}, {nuisances} nuisances"
        print(
            f"{name:27s} {1e3 * seconds:10.3f} {pyhf_seconds:10.3f} "
            f"{pyhf_seconds / seconds:8.0f} {int(result.iterations):7d} "
            f"{float(z):9.6f} {float(value) ** 0.5:9.6f}",
            flush=True,
        )
        print(
            f"claim\tZ and gradient, {name}\t{pyhf_seconds / seconds:.0f} x, "
            f"{int(result.iterations)} steps\t1000 x, 12 steps\tpyhf {version('pyhf')}, q0 alone",
            flush=True,
        )


if __name__ == "__main__":
    main()
