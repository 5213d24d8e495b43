"""A step of the climb with memberships of a network, beside the formula as one writes it down.

    python tests/benchmarks/bench_memberships.py [--events N] [--categories K]

A network of 18 features, 32-32-K, whose softmax parts the events of one region among K channels of
12 bins; signal and two backgrounds, four shape variations of all events, a weight variation, a
free normalisation and the finite number of simulated events. Beside it the climb of the categories
of an efficient score, whose 13 coefficients and 5 edges move. A step is the value and the gradient
of the expected significance with all its nuisance parameters. The naive formula has the shares of
events in categories and in bins, of a Gaussian kernel, as one matrix each, whose product is the
histogram of a process and variation; all of it is differentiated under jit, and the fit after it is
the same. Times are CPU seconds of the process, the best of several calls, in turns.
"""

import argparse
import time
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from zenith.core.likelihood.composition import Modifier
from zenith.core.likelihood.recipe import Histograms
from zenith.core.likelihood.structure import Structure, Templates
from zenith.core.networks.perceptron import Perceptron
from zenith.core.response.efficient_score import Projected
from zenith.core.selection.axis import Axis
from zenith.core.selection.categories import ByEdges, ByNetwork
from zenith.core.selection.cuts import Cut
from zenith.core.selection.histograms import Selection
from zenith.core.selection.layout import prepare
from zenith.core.selection.memberships import Edges
from zenith.core.selection.objective import Objective, Systematic, value_and_gradient
from zenith.core.selection.regions import Region
from zenith.core.selection.samples import Sample

FEATURES = tuple(f"x{k}" for k in range(18))
SHARES = {"signal": 0.2, "ttbar": 0.5, "wjets": 0.3}  # of the events
YIELDS = {"signal": 60.0, "ttbar": 4000.0, "wjets": 2000.0}
AXIS = Axis("mass", tuple(np.linspace(0.0, 6.0, 13)), "include", "include")
SHIFTS = {"jes_up": 0.05, "jes_down": -0.05, "jer_up": 0.03, "jer_down": -0.03}
TEMPERATURE, BANDWIDTH = 0.5, 0.3
WANTED = 0.1  # CPU seconds of a step


def parameters(categories: int) -> Selection:
    classes = [f"k{k}" for k in range(categories)]
    network = Perceptron.create(jax.random.key(0), FEATURES, (32, 32), classes)
    return {"thresholds": {"met": jnp.asarray(0.2)}, "networks": {"net": network}}


def of_score(categories: int) -> Selection:
    """Coefficients of a score of 14 parameter scores, and edges of it, from 0 to 1."""
    score = Projected(FEATURES[:14], (), jnp.full(13, 0.05, jnp.float32), jnp.linspace(-2, 3, 7))
    edges = Edges.at([k / categories for k in range(1, categories)])
    return {
        "thresholds": {"met": jnp.asarray(0.2)},
        "networks": {"net": score},
        "category_edges": {"signal": edges},
    }


def sample(process: str, n: int, shift: float = 0.0) -> Sample:
    """Gaussian features; a resonance on falling spectra; varied events are events of their own."""
    rng = np.random.default_rng([n, list(SHARES).index(process)])
    mean = {"signal": 0.6, "ttbar": 0.0, "wjets": -0.4}[process] + shift
    columns = {name: rng.standard_normal(n) + mean for name in (*FEATURES, "met")}
    mass = rng.normal(3.5, 0.4, n) if process == "signal" else rng.exponential(1.5, n)
    columns["mass"] = mass * (1 + shift)
    weight = np.full(n, YIELDS[process] / n)
    return Sample({name: x.astype(np.float32) for name, x in columns.items()}, weight)


def samples(events: int) -> dict[str, list[Sample]]:
    found = {}
    for process, share in SHARES.items():
        n = round(share * events)
        nominal = sample(process, n)
        tilt = 1 + 0.05 * nominal.columns["x0"]
        found[process] = [
            nominal._replace(
                weight_variations={"tag_up": nominal.weight * tilt},
                shape_variations={name: sample(process, n, s) for name, s in SHIFTS.items()},
            )
        ]
    return found


def objective(categories: int) -> Objective:
    channels = Region("signal", (), AXIS, ByNetwork("net", categories)).channels
    pairs = {"jes": ("jes_up", "jes_down"), "jer": ("jer_up", "jer_down"), "tag": ("tag_up", None)}
    modifiers = [Modifier("normfactor", "mu", c, "signal") for c in channels]
    modifiers += [Modifier("normfactor", "ttbar_norm", c, "ttbar") for c in channels]
    for channel in channels:
        for process in SHARES:
            for name in pairs:
                modifiers += [Modifier(t, name, channel, process) for t in ("histosys", "normsys")]
            if process != "signal":
                modifiers.append(Modifier("staterror", f"mc_{channel}", channel, process))
    bins = tuple((channel, AXIS.bins) for channel in channels)
    structure = Structure(bins, tuple(SHARES), tuple(modifiers), "mu")
    size = (len(SHARES), AXIS.bins * categories)
    shapes = jnp.zeros((len(structure.histosys), *size))
    ones = jnp.ones((len(structure.normsys), len(SHARES), categories))
    layers = jnp.zeros((len(structure.layers), *size))
    constants = Templates(jnp.zeros(size), shapes, shapes, ones, ones, layers)
    systematics = tuple(Systematic(name, *sides) for name, sides in pairs.items())
    return Objective(structure, constants, ("ttbar", "wjets"), systematics, 0.5)


Arrays = Mapping[str, Mapping[str, tuple[jax.Array, ...]]]


def arrays(drawn: Mapping[str, list[Sample]]) -> Arrays:
    """Process → variation → features (N, 18), met, mass, weight and varied weight (N,)."""

    def of(s: Sample) -> tuple[jax.Array, ...]:
        x = np.stack([s.columns[name] for name in FEATURES], axis=1)
        weights = (s.weight, s.weight_variations.get("tag_up", s.weight))
        rest = [np.asarray(w, np.float32) for w in weights]
        return tuple(map(jnp.asarray, (x, s.columns["met"], s.columns["mass"], *rest)))

    return {
        process: {"nominal": of(s), **{name: of(v) for name, v in s.shape_variations.items()}}
        for process, (s,) in drawn.items()
    }


def naive(point: Selection, goal: Objective, drawn: Arrays) -> jax.Array:
    network = point["networks"]["net"]
    edges = jnp.asarray(AXIS.edges, jnp.float32)
    sigma = BANDWIDTH * (edges[1] - edges[0])

    def histograms(events: tuple[jax.Array, ...]) -> list[jax.Array]:
        h, met, mass, *weights = events
        for k, (w, b) in enumerate(zip(network.weights, network.biases, strict=True)):
            h = h @ w.T + b
            h = jax.nn.relu(h) if k < 2 else jax.nn.softmax(h / TEMPERATURE, axis=1)
        threshold = point["thresholds"]["met"].astype(met.dtype)
        passes = jax.nn.sigmoid((met - threshold) / (TEMPERATURE * 0.5))
        shares = h * passes[:, None]
        below = jax.scipy.stats.norm.cdf((edges - mass[:, None]) / sigma)
        below = below.at[:, 0].set(0.0).at[:, -1].set(1.0)
        bins = jnp.diff(below, axis=1)
        rows = [*weights, weights[0] ** 2]
        return [(shares * row[:, None]).T @ bins for row in rows]  # (K, B) each

    filled = {p: {v: histograms(e) for v, e in of.items()} for p, of in drawn.items()}
    result = {}
    for k in range(len(goal.structure.channels)):

        def stacked(variation: str, row: int, k: int = k) -> jax.Array:
            return jnp.stack([of[variation][row][k] for of in filled.values()]).astype(float)

        varied = {name: stacked(name, 0) for name in SHIFTS} | {"tag_up": stacked("nominal", 1)}
        yields, variance = stacked("nominal", 0), stacked("nominal", 2)
        result[f"signal_{k + 1}"] = Histograms(yields, variance, varied)
    return goal.value(goal.templates(result, tuple(SHARES)))


def seconds(function: Callable[[], object]) -> float:
    start = time.process_time()
    jax.block_until_ready(function())
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=55_000)
    parser.add_argument("--categories", type=int, default=6)
    args = parser.parse_args()
    point, goal = parameters(args.categories), objective(args.categories)
    drawn = samples(args.events)
    cuts = (Cut("met", ">", "met", 0.5),)
    region = Region("signal", cuts, AXIS, ByNetwork("net", args.categories))
    events = prepare([region], point["networks"], drawn)
    moving, by_edges = of_score(args.categories), ByEdges("net", args.categories, 0.17)
    scored = prepare([Region("signal", cuts, AXIS, by_edges)], moving["networks"], drawn)
    plain = arrays(drawn)
    formula = jax.jit(jax.value_and_grad(naive))
    steps = {
        "chain": lambda: value_and_gradient(point, goal, events, TEMPERATURE, BANDWIDTH),
        "efficient score": lambda: value_and_gradient(moving, goal, scored, TEMPERATURE, BANDWIDTH),
        "naive, jit": lambda: formula(point, goal, plain),
    }
    found = {name: jax.block_until_ready(step()) for name, step in steps.items()}  # compiled
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(7):
        for name, step in steps.items():
            times[name].append(seconds(step))
    rows = args.events * (1 + len(SHIFTS))
    print(f"{args.events} events and as many of each of {len(SHIFTS)} variations, {rows} rows")
    print("step, value and gradient\tCPU seconds\tns a row\tchain is faster by")
    best = {name: min(t) for name, t in times.items()}
    for name, t in best.items():
        print(f"{name}\t{t:.4f}\t{t / rows * 1e9:.0f}\t{t / best['chain']:.1f}")
    z, gradient = found["chain"]
    other, slope = found["naive, jit"]
    apart = [
        float(jnp.linalg.norm(a - b) / jnp.linalg.norm(b))
        for a, b in zip(jax.tree.leaves(gradient), jax.tree.leaves(slope), strict=True)
        if jnp.any(b)
    ]
    print(f"Z {float(z):.5f}, naive {float(other):.5f}; gradients differ by {max(apart):.1e}")
    what = f"step with {args.categories} memberships, {rows} rows"
    print(f"claim\t{what}\t{best['chain']:.3f} CPU s\t{WANTED} CPU s\t-")
    of = f"step with {args.categories} categories of an efficient score, {rows} rows"
    print(f"claim\t{of}\t{best['efficient score']:.3f} CPU s\t{WANTED} CPU s\t-")
    ratio = best["naive, jit"] / best["chain"]
    print(f"claim\t{what}\t{ratio:.1f} x\t-\tnaive, jit, jax {jax.__version__}")


if __name__ == "__main__":
    main()
