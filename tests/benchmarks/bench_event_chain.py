"""Value and gradient of the event chain, side by side with the naive formula.

    python tests/benchmarks/bench_event_chain.py [--largest N]

Four cuts, one of them on a 16-16-1 network of ten features, two processes, 50 bins. The naive
formula takes the integral of one Gaussian per event and bin from an array of cumulative
distributions, edges by events, with `jax.scipy.stats.norm.cdf`, as GRAEP (`analysis/diff.py`) and
relaxed (`hist`) do. It runs eagerly, which is how GRAEP runs it, and under jit, on the same events
with the same parameters, in the same process. A third naive is written with more care than these
packages have: one error function per event and edge, events first, weighted after the difference,
under jit; it has no target, and says what the blocks gain beyond a careful formula. All times are
the best of several calls; those of the chain against its number of events are taken in a process
each, for the peak of its memory.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from zenith.core.networks.perceptron import Perceptron
from zenith.core.selection.axis import Axis
from zenith.core.selection.cuts import Cut
from zenith.core.selection.histograms import Selection, soft_histograms
from zenith.core.selection.layout import Layout, prepare
from zenith.core.selection.regions import Region
from zenith.core.selection.samples import Sample

FEATURES = tuple(f"x{k}" for k in range(10))
TEMPERATURE, BANDWIDTH = 0.5, 0.3
EDGES = np.linspace(0.0, 5.0, 51)
WIDTHS = {"mva": 0.2, "a": 0.5, "b": 0.5, "c": 0.5}
SIGNAL = 0.1  # share of the events


def parameters() -> Selection:
    network = Perceptron.create(jax.random.key(0), FEATURES, (16, 16))
    thresholds = {"mva": 0.4, "a": -0.5, "b": -0.3, "c": -0.2}
    return {
        "thresholds": {name: jnp.asarray(t, jnp.float32) for name, t in thresholds.items()},
        "networks": {"mva": network},
    }


def columns(n: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    rng = np.random.default_rng(0)
    drawn = {name: rng.standard_normal(n, np.float32) for name in (*FEATURES, "a", "b", "c")}
    drawn["mass"] = rng.standard_gamma(3, n, np.float32) / 2
    signal = np.arange(n) < SIGNAL * n
    drawn["x0"][signal] += 1
    drawn["mass"][signal] = np.abs(rng.normal(2.5, 0.3, signal.sum()))
    weight = np.where(signal, 100.0 / n, 10_000.0 / n).astype(np.float32)
    return drawn, weight


def significance(signal: jax.Array, background: jax.Array) -> jax.Array:
    """Of counts without nuisances, arXiv:1007.1727, equation 97."""
    total = signal + background
    return jnp.sqrt(2 * jnp.sum(total * jnp.log(total / background) - signal))


def naive(
    parameters: Selection, drawn: dict[str, jax.Array], weight: jax.Array, lean: bool = False
) -> jax.Array:
    """The formula as one writes it down: a kernel's cumulative distribution, edges by events."""
    network = parameters["networks"]["mva"]
    h = jnp.stack([drawn[name] for name in FEATURES], axis=1)
    for k, (w, b) in enumerate(zip(network.weights, network.biases, strict=True)):
        h = h @ w.T + b
        h = jax.nn.relu(h) if k < 2 else jax.nn.sigmoid(h)
    values = {"mva": h[:, 0], "a": drawn["a"], "b": drawn["b"], "c": drawn["c"]}
    for name, width in WIDTHS.items():
        distance = values[name] - parameters["thresholds"][name]
        weight = weight * jax.nn.sigmoid(distance / (TEMPERATURE * width))
    sigma = BANDWIDTH * (EDGES[1] - EDGES[0])
    edges = jnp.asarray(EDGES, jnp.float32)
    first = round(SIGNAL * len(weight))
    if lean:
        below = 0.5 * jax.scipy.special.erf((edges - drawn["mass"][:, None]) / (sigma * 2**0.5))
        shares = weight[:, None] * (below[:, 1:] - below[:, :-1])
        return significance(shares[:first].sum(axis=0), shares[first:].sum(axis=0))
    below = jax.scipy.stats.norm.cdf(edges[:, None], loc=drawn["mass"], scale=sigma) * weight
    shares = below[1:] - below[:-1]
    return significance(shares[:, :first].sum(axis=1), shares[:, first:].sum(axis=1))


def chain(parameters: Selection, events: Layout) -> jax.Array:
    histograms = soft_histograms(parameters, events, TEMPERATURE, BANDWIDTH)["signal"]
    return significance(*histograms.nominal)


def layout(point: Selection, drawn: dict[str, np.ndarray], weight: np.ndarray) -> Layout:
    cuts = tuple(Cut(name, ">", name, width) for name, width in WIDTHS.items())
    region = Region("signal", cuts, Axis("mass", tuple(EDGES)))
    first = round(SIGNAL * len(weight))
    parts = {"signal": slice(first), "background": slice(first, None)}
    samples = {
        name: [Sample({c: v[part] for c, v in drawn.items()}, weight[part])]
        for name, part in parts.items()
    }
    return prepare([region], point["networks"], samples)


def best(function: Callable[[], object], repeats: int) -> float:
    jax.block_until_ready(function())
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(function())
        times.append(time.perf_counter() - start)
    return min(times)


def compare(n: int) -> None:
    drawn, weight = columns(n)
    point = parameters()
    events = layout(point, drawn, weight)
    arrays = {name: jnp.asarray(column) for name, column in drawn.items()}, jnp.asarray(weight)
    ours = jax.jit(jax.value_and_grad(chain))
    jitted = jax.jit(jax.value_and_grad(naive))
    eager = jax.value_and_grad(naive)
    lean = jax.jit(jax.value_and_grad(partial(naive, lean=True)))
    value, gradient = ours(point, events)
    expected, slope = jitted(point, *arrays)
    norm = float(jnp.linalg.norm(_flat(slope)))
    # the machine may be shared: they take turns, so that a busy moment hits them all
    times = {"chain": [], "naive, jit": [], "naive, eager": [], "one erf an edge, jit": []}
    for _ in range(3):
        times["chain"].append(best(lambda: ours(point, events), 5))
        times["naive, jit"].append(best(lambda: jitted(point, *arrays), 2))
        times["naive, eager"].append(best(lambda: eager(point, *arrays), 1))
        times["one erf an edge, jit"].append(best(lambda: lean(point, *arrays), 2))
    fastest = {name: min(t) for name, t in times.items()}
    print(f"value and gradient, {n:.0e} events\tseconds\tchain is faster by\twanted")
    targets = {"chain": "-", "naive, jit": "12 x", "naive, eager": "50 x"}
    targets["one erf an edge, jit"] = "-"
    for name, wanted in targets.items():
        ratio = fastest[name] / fastest["chain"]
        print(f"{name} (jax {jax.__version__})\t{fastest[name]:.4f}\t{ratio:.1f}\t{wanted}")
        if name != "chain":
            print(
                f"claim\tevent chain, {n:.0e} events\t{ratio:.1f} x\t{wanted}"
                f"\t{name}, jax {jax.__version__}"
            )
    apart = float(jnp.linalg.norm(_flat(gradient) - _flat(slope))) / norm
    print(f"Z {float(value):.5f}, naive {float(expected):.5f}; gradients differ by {apart:.1e}")


def _flat(tree: object) -> jax.Array:
    return jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def alone(n: int) -> None:
    """Time and peak memory of the chain, as JSON."""
    drawn, weight = columns(n)
    point = parameters()
    start = time.perf_counter()
    events = layout(point, drawn, weight)
    prepared = time.perf_counter() - start
    step = jax.jit(jax.value_and_grad(chain))
    seconds = best(lambda: step(point, events), max(5, round(2e7 / n)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # kB on Linux
    print(json.dumps({"seconds": seconds, "prepare": prepared, "peak": peak}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=float, default=1e7, help="events of the last row")
    parser.add_argument("--alone", type=float, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.alone:
        return alone(round(args.alone))
    # before this process takes memory itself: a child's peak starts at that of its parent
    print("events\tseconds\tns/event\tprepare [s]\tpeak memory [GiB], 4 wanted", flush=True)
    for n in (1e5, 1e6, 1e7):
        if n <= args.largest:
            command = [sys.executable, __file__, "--alone", str(n)]
            found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
            print(
                f"{n:.0e}\t{found['seconds']:.4f}\t{found['seconds'] / n * 1e9:.0f}"
                f"\t{found['prepare']:.2f}\t{found['peak']:.2f}",
                flush=True,
            )
            print(
                f"claim\tevent chain, {n:.0e} events\t{found['seconds'] / n * 1e9:.0f} ns/event, "
                f"{found['peak']:.2f} GiB\tflat, 4 GiB\t-",
                flush=True,
            )
    compare(1_000_000)
    return None


if __name__ == "__main__":
    main()
