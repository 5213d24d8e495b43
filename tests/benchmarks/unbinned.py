"""The binned fit of the efficient score beside unbinned ones, on the toy with known densities.

    python tests/benchmarks/unbinned.py results/summary_toy [--experiments 16] [--simulated 16]

Of a finished run of `config/summary-toy.yaml`. Pseudo-experiments are drawn from the densities,
with fluctuating auxiliary measurements, and each is fitted three times: by the bins of the
efficient score and their response surfaces; unbinned, with the densities themselves, which no
measurement beats; and unbinned with what was learned, the shares of processes by the trees of the
run and the responses of each process by networks (as `summary.learned_responses`), which learn
here, from copies of events. The extended term of the latter is a sum over simulated events, so many
for each expected one; its own error moves all pseudo-experiments alike, and is in the last line.
Times are CPU seconds of a fit, without compilation; the binned one has an interval too.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from zenith.artefacts.surface import read_surface
from zenith.cli.efficient_scores import read_scores
from zenith.config import load
from zenith.config.efficient_score import LearnedResponses
from zenith.core.likelihood.histfactory import Data, observed, prepare
from zenith.core.likelihood.workspace import Workspace
from zenith.core.response.efficient_score import EfficientScore
from zenith.core.response.learned import LearnedResponse
from zenith.core.response.unbinned import fit, minimum, of_processes
from zenith.events.points import design
from zenith.inference.intervals import ONE_SIGMA, interval, thresholds
from zenith.simulation import summary_toy as toy
from zenith.statistics.fitted_surfaces import with_surface
from zenith.statistics.significance import read
from zenith.statistics.workspace_files import read_json_file
from zenith.training.copied_events import Copied
from zenith.training.learned_response import learn

Array = NDArray[np.float64]
PRIOR = np.array([0.0, *np.ones(len(toy.NUISANCES))])
TAUGHT, ROOM = 50_000, 31_000  # events that teach a process; events of data, padded
SIGNAL = np.array([name == "h" for name in toy.PROCESSES])
RATES = np.array([process.rates for process in toy.PROCESSES.values()])
T = TypeVar("T")


def drawn(truth: Array, random: np.random.Generator) -> Array:
    """Data of a truth (7,), (N, 4)."""
    expected = np.exp(np.asarray(toy.log_yields(truth[1:]))) * np.where(SIGNAL, truth[0], 1.0)
    parts = []
    for k, (name, number) in enumerate(zip(toy.PROCESSES, random.poisson(expected), strict=True)):
        gaussian, pulls = toy.drawn(name, number, random)
        parts.append(toy.place(np.full(number, k), gaussian, pulls, truth[1:]))
    return np.concatenate(parts)


def exact_loss(at: jax.Array, of: tuple[jax.Array, jax.Array, jax.Array]) -> jax.Array:
    """−ln L of events (N, 4), their weights, and the centres of constraints (7,)."""
    x, weight, centre = of
    expected = jnp.exp(toy.log_yields(at[1:])) @ jnp.where(SIGNAL, at[0], 1.0)
    known = 0.5 * PRIOR @ (at - centre) ** 2
    return expected - weight @ toy.log_intensity(x, at) + known


def responses(features: tuple[str, ...], seed: int) -> LearnedResponse:
    """Of all processes, learned from copies of events of their own."""
    points = design([-5.0] * 3, [5.0] * 3, random=12, seed=seed, reach=2.5)
    parts: list[dict[str, Copied]] = []
    for part, events in enumerate((TAUGHT, TAUGHT // 4)):
        found = {}
        for number, name in enumerate(toy.PROCESSES):
            where = [np.zeros(6), *(np.array([*point, 0.0, 0.0, 0.0]) for point in points)]
            x = [toy.sample(name, events, point, 2 * seed + part).T for point in where]
            yields = np.exp([np.asarray(toy.log_yields(p))[number] for p in where])
            weight = np.repeat(yields[:, None] / events, events, axis=1)
            fold = np.zeros(events, np.intp)
            found[name] = Copied(points, np.stack(x).astype(np.float32), weight, fold)
        parts.append(found)
    return learn(features, toy.SHAPES, *parts, LearnedResponses(), seed).response


@jax.jit
def terms(score: EfficientScore, learned: LearnedResponse, x: jax.Array) -> jax.Array:
    """Events (4, N) as `of_processes` reads them, (N, P, 1 + F)."""
    balanced = jax.nn.log_softmax(score.ratios.logits(x), axis=0)
    shares = jax.nn.log_softmax(balanced + jnp.log(score.expected)[:, None], axis=0)
    found = jnp.concatenate([shares[:, None], learned.terms(x)], axis=1)
    return jnp.moveaxis(found, -1, 0).astype(float)


def padded(rows: Array) -> Array:
    """As many rows in every pseudo-experiment, the rest of which have no weight."""
    return np.concatenate([rows, np.repeat(rows[:1], ROOM - len(rows), axis=0)])


def timed(function: Callable[..., T], *arguments: Any) -> tuple[T, float]:
    """What it returns, and its CPU time."""
    began = time.process_time()
    found = jax.block_until_ready(function(*arguments))
    return found, time.process_time() - began


def binned(workspace: Workspace) -> Callable[[Array, Array], tuple[float, float, float]]:
    """Counts (B,) and centres (7,) to best fit, lower and upper end."""
    structure, levels = workspace.structure, thresholds([ONE_SIGMA])
    names, poi = structure.parameters.names, structure.parameters.poi
    model = jax.jit(prepare, static_argnums=0)(structure, workspace.templates)
    places = [names.index(name) for name in toy.NUISANCES]

    @jax.jit
    def found(counts: jax.Array, centre: jax.Array) -> Any:
        data = observed(structure, model, counts)
        auxiliary = jnp.asarray(data.auxiliary).at[jnp.array(places)].set(centre[1:])
        return interval(structure, model, Data(counts, auxiliary), poi, levels)

    def of(counts: Array, centre: Array) -> tuple[float, float, float]:
        result = found(jnp.asarray(counts), jnp.asarray(centre))
        return float(result.best), float(result.lower[0]), float(result.upper[0])

    return of


def main() -> None:
    """Print a line for each fit."""
    jax.config.update("jax_enable_x64", True)
    parser = argparse.ArgumentParser()
    parser.add_argument("results", type=Path)
    parser.add_argument("--experiments", type=int, default=16)
    parser.add_argument("--simulated", type=int, default=16)
    given = parser.parse_args()
    analysis, folder = load(given.results / "config.yaml"), given.results / "efficient_score"
    scores = read_scores(analysis, sorted(map(str, folder.glob("fold_*/score.safetensors"))))
    workspace, _ = with_surface(
        read(read_json_file(str(folder / "workspace.json"))), read_surface(folder / "surface.h5")
    )
    by_bins, bins = binned(workspace), workspace.structure.channels[0][1]
    learned, spent = timed(responses, scores[0].features, analysis.seed)
    print(f"responses of {len(toy.PROCESSES)} processes learned in {spent:.0f} CPU s", flush=True)
    log_ratio = of_processes(SIGNAL.astype(float), RATES)
    numbers = (given.simulated * toy.EXPECTED).astype(int)
    simulated = np.concatenate(
        [toy.sample(p, n, toy.NOMINAL[1:], 77) for p, n in zip(toy.PROCESSES, numbers, strict=True)]
    )
    weight = np.repeat(toy.EXPECTED / numbers, numbers)
    points = terms(scores[0], learned, jnp.asarray(simulated.T, jnp.float32))

    random, truth = np.random.default_rng([analysis.seed, 77]), toy.NOMINAL
    rows: dict[str, list[tuple[float, float, float, float]]] = {}
    for number in range(given.experiments + 1):  # the first compiles
        x = drawn(truth, random)
        centre = truth + PRIOR * random.normal(size=len(truth))
        of_data = (np.arange(ROOM) < len(x)).astype(float)
        fold = random.integers(len(scores), size=len(x))  # as events of the simulation are dealt
        x32 = jnp.asarray(x.T, jnp.float32)
        place = np.stack([np.asarray(score.scores(x32))[0] for score in scores])
        counts = np.histogram(place[fold, np.arange(len(x))], bins, (0.0, 1.0))[0].astype(float)
        (best, low, high), spent = timed(by_bins, counts, centre)
        found = {"efficient score, binned": (best, best - low, high - best, spent)}
        seen = terms(scores[0], learned, x32)
        each = {
            "unbinned, known densities": (
                minimum, exact_loss, centre, (padded(x), of_data, centre)
            ),
            "unbinned, learned ratios": (
                fit, log_ratio, padded(np.asarray(seen)), points, weight, centre, PRIOR, of_data
            ),
        }  # fmt: skip
        for name, (function, *arguments) in each.items():
            fitted, spent = timed(function, *arguments)
            error = float(np.sqrt(fitted.covariance[0, 0]))
            found[name] = (float(fitted.parameters[0]), error, error, spent)
        for name, row in found.items() if number else ():
            rows.setdefault(name, []).append(row)

    arrays = {name: np.array(of) for name, of in rows.items()}
    reference, root = arrays["unbinned, known densities"], given.experiments**0.5
    print(f"{'fit':27}{'μ̂ − μ':>16}{'− known':>17}{'pull':>15}{'width':>6}{'σ':>7}{'CPU s':>8}")
    for name, of in arrays.items():
        away, apart = of[:, 0] - truth[0], of[:, 0] - reference[:, 0]
        pull = away / np.where(away > 0, of[:, 1], of[:, 2])
        print(
            f"{name:26} {away.mean():+.3f} ± {away.std(ddof=1) / root:.3f}"
            f"  {apart.mean():+.3f} ± {apart.std(ddof=1) / root:.3f}"
            f"  {pull.mean():+.2f} ± {1 / root:.2f} {pull.std(ddof=1):5.2f}"
            f" {of[:, 1:3].mean():6.3f} {np.median(of[:, 3]):7.4f}"
        )
    information = toy.information(40_000, analysis.seed) + np.diag(PRIOR)
    slope = jax.grad(lambda at: exact_loss(at, (x, np.zeros(len(x)), toy.NOMINAL)))(toy.NOMINAL)
    moved = -np.linalg.solve(information, toy.scores(simulated) @ weight - np.asarray(slope))
    print(f"the extended term moves μ̂ of learned ratios by {moved[0]:+.3f}")


if __name__ == "__main__":
    main()
